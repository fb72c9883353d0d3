import { Cluster, ensureOk } from '../../src/client/cluster.ts'
import { buildBatch } from '../../src/record/build.ts'
import * as header from '../../src/record/header.ts'
import { iterateRecords } from '../../src/record/iterate.ts'
import { sleep } from '../../src/std/clock.ts'
import { codeOf, messageOf } from '../../src/std/errors.ts'
import { below, type Random } from '../../src/std/random.ts'
import { Fetch } from '../../src/wire/kafka/messages/fetch.ts'
import { InitProducerId } from '../../src/wire/kafka/messages/init-producer-id.ts'
import { Produce } from '../../src/wire/kafka/messages/produce.ts'
import { hostOf, type SimCluster } from './cluster.ts'

/** A record that was acknowledged with acks=all. */
export interface Acknowledged {
  readonly value: string
  readonly offset: number
}

/** What clients have seen of one partition. */
export interface PartitionHistory {
  readonly index: number
  /** In the order of the acknowledgements, by producer. */
  readonly acknowledged: Map<string, Acknowledged[]>
  /** Producers whose records must be there once each. */
  readonly idempotent: Set<string>
  /** By offset, as consumers have read them. */
  readonly read: Map<number, string>
  /** What must never have happened. */
  readonly anomalies: string[]
}

export class SimClients {
  readonly histories: PartitionHistory[]
  private readonly sim: SimCluster
  private readonly topic: string
  private readonly clusters: Cluster[] = []
  private readonly running: Promise<void>[] = []
  private stopped = false

  constructor(sim: SimCluster, topic: string, partitions: number) {
    this.sim = sim
    this.topic = topic
    this.histories = Array.from({ length: partitions }, (_, index) => ({
      index,
      acknowledged: new Map(),
      idempotent: new Set(),
      read: new Map(),
      anomalies: []
    }))
  }

  /** Begins to produce to a partition, one request at a time. */
  produce(partition: number, name: string, idempotent: boolean): void {
    this.running.push(this.producing(this.histories[partition], name, idempotent, this.connect(name)))
  }

  /** Begins to read a partition, again and again from its start. */
  consume(partition: number): void {
    const name = `consumer-${partition}`
    this.running.push(this.consuming(this.histories[partition], this.connect(name), this.sim.fork()))
  }

  /** Resolves when what is under way has come to an end. */
  async stop(): Promise<void> {
    this.stopped = true
    await Promise.all(this.running)
    for (const cluster of this.clusters) cluster.close()
  }

  connect(name: string): Cluster {
    const { sim } = this
    const cluster = new Cluster({
      bootstrap: sim.machines.map(({ nodeId }) => `${hostOf(nodeId)}:9092`),
      connect: host => sim.network.connect(name, host),
      clock: sim.clock,
      random: sim.fork(),
      requestTimeoutMs: 1500,
      retryBackoffMs: 20,
      retryTimeoutMs: 60_000
    })
    this.clusters.push(cluster)
    return cluster
  }

  private async producing(
    history: PartitionHistory,
    name: string,
    idempotent: boolean,
    cluster: Cluster
  ): Promise<void> {
    const acknowledged: Acknowledged[] = []
    history.acknowledged.set(name, acknowledged)
    if (idempotent) history.idempotent.add(name)
    let producerId = -1
    while (idempotent && producerId < 0 && !this.stopped)
      try {
        const answer = await cluster.ask(InitProducerId, { transactionalId: null, transactionTimeoutMs: 1000 })
        ensureOk(answer.errorCode, 'producer id')
        producerId = answer.producerId
      } catch {
        await sleep(this.sim.clock, 20)
      }
    for (let sequence = 0; !this.stopped; sequence++) {
      const value = `${name}:${sequence}`
      for (let sent = false; !sent; ) {
        try {
          const records = buildBatch(
            [{ timestamp: this.sim.clock.now(), value: Buffer.from(value) }],
            idempotent ? { producerId, producerEpoch: 0, baseSequence: sequence } : {}
          )
          acknowledged.push({ value, offset: await this.send(cluster, history.index, records) })
          sent = true
        } catch (error) {
          const code = codeOf(error)
          if (code === 'OUT_OF_ORDER_SEQUENCE_NUMBER' || code === 'INVALID_PRODUCER_EPOCH')
            history.anomalies.push(`${value}: ${messageOf(error)}`)
          if (code === 'UNKNOWN_SERVER_ERROR') history.anomalies.push(`${value}: ${messageOf(error)}`)
          cluster.doubt(code)
          await sleep(this.sim.clock, 20)
          // Nobody knows whether it is there: only an idempotent producer may say it again.
          if (!idempotent || this.stopped) sent = true
        }
      }
    }
  }

  private async send(cluster: Cluster, index: number, records: Buffer): Promise<number> {
    const connection = await cluster.broker(await cluster.leaderOf(this.topic, index))
    const { responses } = await connection.request(Produce, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: this.topic, partitionData: [{ index, records }] }]
    })
    const [{ errorCode, errorMessage, baseOffset }] = responses[0].partitionResponses
    ensureOk(errorCode, 'produce', errorMessage)
    return baseOffset
  }

  private async consuming(history: PartitionHistory, cluster: Cluster, random: Random): Promise<void> {
    let offset = 0
    while (!this.stopped)
      try {
        const connection = await cluster.broker(await cluster.leaderOf(this.topic, history.index))
        const { responses } = await connection.request(Fetch, {
          maxWaitMs: 100,
          minBytes: 1,
          topics: [
            {
              topic: this.topic,
              partitions: [{ partition: history.index, fetchOffset: offset, partitionMaxBytes: 1_000_000 }]
            }
          ]
        })
        const [fetched] = responses[0].partitions
        if (fetched.errorCode === 1) history.anomalies.push(`offset ${offset}, which was read before, is out of range`)
        ensureOk(fetched.errorCode, 'fetch')
        for (const [at, value] of valuesOf(fetched.records ?? Buffer.alloc(0))) {
          if (at >= fetched.highWatermark) history.anomalies.push(`offset ${at} was read above the high watermark`)
          const before = history.read.get(at)
          if (before !== undefined && before !== value)
            history.anomalies.push(`offset ${at} was read as ${before} and as ${value}`)
          history.read.set(at, value)
          offset = at + 1
        }
        // Leaders change: what was read once must be read again.
        if (below(random, 20) === 0) offset = 0
      } catch (error) {
        cluster.doubt(codeOf(error))
        await sleep(this.sim.clock, 20)
      }
  }
}

/** Offset and value of every record. */
export function valuesOf(batches: Buffer): [number, string][] {
  const values: [number, string][] = []
  for (let at = 0; at < batches.length; at += header.batchBytes(batches, at))
    for (const { offset, value } of iterateRecords(batches, at)) values.push([offset, String(value)])
  return values
}
