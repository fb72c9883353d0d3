import { type Cluster, ensureOk } from '../../../src/client/cluster.ts'
import type { Connection } from '../../../src/client/connection.ts'
import { buildBatch } from '../../../src/record/build.ts'
import { sleep } from '../../../src/std/clock.ts'
import { codeOf, type ErrorCode, messageOf } from '../../../src/std/errors.ts'
import { below, chance, type Random } from '../../../src/std/random.ts'
import { InitProducerId } from '../../../src/wire/kafka/messages/init-producer-id.ts'
import { Produce } from '../../../src/wire/kafka/messages/produce.ts'
import type { Fate, PartitionHistory, ProducerHistory } from './history.ts'

export interface ProducerPlan {
  readonly name: string
  readonly acks: -1 | 0 | 1
  readonly idempotent: boolean
  /** How many requests are under way together. */
  readonly inFlight: number
  /** How many records a batch has at most. */
  readonly recordsMax: number
}

/** Between two requests at most. */
const thinkMaxMs = 25
const backoffMs = 20

interface Batch {
  readonly values: readonly string[]
  readonly baseSequence: number
}

/** Errors that say that nothing was appended. */
const refusals: ReadonlySet<ErrorCode> = new Set(['NOT_ENOUGH_REPLICAS', 'UNKNOWN_TOPIC_OR_PARTITION'])

/**
 * Produces to one partition until it is stopped. Who isn't idempotent says everything once; who is repeats what it had no
 * answer to, several requests in flight, as clients do: from the first of them on, in order.
 */
export class SimProducer {
  readonly history: ProducerHistory
  private readonly partition: PartitionHistory
  private readonly plan: ProducerPlan
  private readonly cluster: Cluster
  private readonly random: Random
  private readonly stopped: () => boolean
  private count = 0
  private identity = { producerId: -1, producerEpoch: -1 }
  private sequence = 0
  /** Records that have not been acknowledged, of an idempotent producer. */
  private window: Batch[] = []
  /** Something of it was taken: the brokers know it. */
  private isKnown = false
  /**
   * Before anything was, one batch was refused, because nobody led yet or too few were in sync, and the next one was not, or
   * perhaps not.
   * Who isn't known may begin with any sequence number (KIP-360), here as in Kafka: the first one never follows.
   */
  private isOvertaken = false

  constructor(
    partition: PartitionHistory,
    plan: ProducerPlan,
    world: { cluster: Cluster; random: Random; stopped: () => boolean }
  ) {
    this.partition = partition
    this.plan = plan
    this.cluster = world.cluster
    this.random = world.random
    this.stopped = world.stopped
    const { name, acks, idempotent } = plan
    this.history = { name, acks, idempotent, records: new Map(), acknowledged: 0 }
    partition.producers.push(this.history)
  }

  async run(): Promise<void> {
    while (!this.stopped()) {
      try {
        if (!this.plan.idempotent) await this.once()
        else if (this.identity.producerId < 0) await this.identify()
        else await this.repeatedly()
      } catch (error) {
        this.cluster.doubt(codeOf(error))
        await sleep(this.cluster.clock, backoffMs)
      }
      await sleep(this.cluster.clock, below(this.random, thinkMaxMs))
    }
  }

  private async identify(): Promise<void> {
    const answer = await this.cluster.ask(InitProducerId, { transactionalId: null, transactionTimeoutMs: 1000 })
    ensureOk(answer.errorCode, 'producer id')
    this.identity = { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
    this.begin()
  }

  /** Gives what is not acknowledged sequence numbers from 0 on. */
  private begin(): void {
    const left = this.window.map(({ values }) => values)
    this.sequence = 0
    this.window = left.map(values => this.batch(values))
  }

  private batch(values: readonly string[]): Batch {
    const batch = { values, baseSequence: this.sequence }
    this.sequence += values.length
    return batch
  }

  private next(): string[] {
    const { records, name } = this.history
    return Array.from({ length: 1 + below(this.random, this.plan.recordsMax) }, () => {
      const number = this.count++
      const value = `${name}:${number}`
      records.set(value, { fate: 'unknown', key: `${name}/${number % 5}` })
      return value
    })
  }

  private async leader(): Promise<Connection> {
    const { topic, index } = this.partition
    return this.cluster.broker(await this.cluster.leaderOf(topic.name, index))
  }

  private request({ values, baseSequence }: Batch) {
    const { topic, index } = this.partition
    const timestamp = this.cluster.clock.now()
    const records = buildBatch(
      values.map(value => ({ timestamp, key: Buffer.from(this.keyOf(value)), value: Buffer.from(value) })),
      this.plan.idempotent ? { ...this.identity, baseSequence } : {}
    )
    const topicData = [{ name: topic.name, partitionData: [{ index, records }] }]
    return { transactionalId: null, acks: this.plan.acks, timeoutMs: 1000, topicData }
  }

  private keyOf(value: string): string {
    return this.history.records.get(value)!.key
  }

  private async send(connection: Connection, batch: Batch): Promise<number> {
    const { responses } = await connection.request(Produce, this.request(batch))
    const [{ errorCode, errorMessage, baseOffset }] = responses[0].partitionResponses
    ensureOk(errorCode, 'produce', errorMessage)
    return baseOffset
  }

  private settle(values: readonly string[], fate: (at: number) => Fate): void {
    for (const [at, value] of values.entries()) {
      const settled = fate(at)
      this.history.records.get(value)!.fate = settled
      if (typeof settled === 'object') this.history.acknowledged++
    }
  }

  /** Nobody knows what becomes of a request without an answer: it is not sent again. */
  private async once(): Promise<void> {
    const connection = await this.leader()
    const batch = { values: this.next(), baseSequence: -1 }
    if (this.plan.acks === 0) {
      connection.send(Produce, this.request(batch))
      return
    }
    try {
      const baseOffset = await this.send(connection, batch)
      this.settle(batch.values, at => ({ offset: baseOffset + at }))
    } catch (error) {
      this.suspect(batch.values[0], error)
      if (refusals.has(codeOf(error))) this.settle(batch.values, () => 'refused')
      throw error
    }
  }

  private async repeatedly(): Promise<void> {
    const connection = await this.leader()
    while (this.window.length < this.plan.inFlight) this.window.push(this.batch(this.next()))
    const sent = this.window
    const answers = await Promise.allSettled(sent.map(batch => this.send(connection, batch)))
    this.window = []
    let failed: unknown
    for (const [at, answer] of answers.entries()) {
      const { values } = sent[at]
      if (answer.status === 'fulfilled') {
        this.settle(values, number => ({ offset: answer.value + number }))
        if (!this.isKnown && failed !== undefined) this.isOvertaken = true
        this.isKnown = true
      } else if (codeOf(answer.reason) === 'DUPLICATE_SEQUENCE_NUMBER') continue
      else {
        const code = codeOf(answer.reason)
        // After a batch that was not taken the next ones don't follow.
        if (code !== 'OUT_OF_ORDER_SEQUENCE_NUMBER' || failed === undefined) this.suspect(values[0], answer.reason)
        if (!this.isKnown && failed !== undefined && !refusals.has(code)) this.isOvertaken = true
        failed ??= answer.reason
        this.window.push(sent[at])
      }
    }
    if (failed !== undefined) {
      if (codeOf(failed) === 'OUT_OF_ORDER_SEQUENCE_NUMBER') {
        // Nobody knows whether it is there: in a new epoch it would be taken twice.
        this.window = []
        this.bump()
      }
      throw failed
    }
    if (chance(this.random, 0.03)) this.bump()
  }

  /** KIP-360: with a new epoch sequence numbers begin anew. */
  private bump(): void {
    const { producerId, producerEpoch } = this.identity
    this.identity = { producerId, producerEpoch: producerEpoch + 1 }
    this.isOvertaken = false
    this.begin()
  }

  private suspect(value: string, error: unknown): void {
    const code = codeOf(error)
    // What only a damaged replica has can't always be told from what is new.
    if (code === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && (this.isOvertaken || messageOf(error).includes('damaged on disk')))
      return
    const forged = code === 'OUT_OF_ORDER_SEQUENCE_NUMBER' || code === 'INVALID_PRODUCER_EPOCH'
    if ((forged && !this.partition.mayLose) || code === 'UNKNOWN_SERVER_ERROR' || code === 'CORRUPT_MESSAGE')
      this.partition.anomalies.add('wrong error', `${value}: ${code}: ${messageOf(error)}`)
  }
}
