import { type Cluster, ensureOk } from '../../../src/client/cluster.ts'
import type { Connection } from '../../../src/client/connection.ts'
import * as header from '../../../src/record/header.ts'
import { iterateRecords } from '../../../src/record/iterate.ts'
import { NaruError } from '../../../src/std/errors.ts'
import { errorOfNumber } from '../../../src/wire/kafka/errors.ts'
import { Fetch } from '../../../src/wire/kafka/messages/fetch.ts'
import { ListOffsets } from '../../../src/wire/kafka/messages/list-offsets.ts'
import type { PartitionHistory } from './history.ts'

/** Reads one partition as a client does, and holds what it is told against what it was told before. */
export class Reader {
  /** What is read next. */
  offset = 0
  private readonly history: PartitionHistory
  private readonly cluster: Cluster
  /** The newest leader epoch that this client knows of: it believes no older one. */
  private epoch = -1
  /** The high watermark as the leader of that epoch told it last. */
  private highWatermark = -1
  /** The end as it was told last, by any leader. */
  private end = -1

  constructor(history: PartitionHistory, cluster: Cluster) {
    this.history = history
    this.cluster = cluster
  }

  /** Fetches once; gives how many records came. Rejects with the errors of clients, which look for the leader again. */
  async fetch(): Promise<number> {
    const { history } = this
    const { connection, epoch } = await this.leader()
    const asked = this.offset
    const { responses } = await connection.request(Fetch, {
      maxWaitMs: 100,
      minBytes: 1,
      topics: [
        {
          topic: history.topic.name,
          partitions: [
            {
              partition: history.index,
              currentLeaderEpoch: epoch,
              fetchOffset: asked,
              partitionMaxBytes: 100_000
            }
          ]
        }
      ]
    })
    const [fetched] = responses[0].partitions
    if (errorOfNumber(fetched.errorCode) === 'OFFSET_OUT_OF_RANGE') {
      if (asked >= history.deletedBelow && !history.mayLose)
        history.anomalies.add('went back', `offset ${asked}, all before which was read, is out of range`)
      await this.seekToStart()
      return 0
    }
    ensureOk(fetched.errorCode, 'fetch')
    if (epoch === this.epoch) {
      if (fetched.highWatermark < this.highWatermark && !history.mayLose)
        history.anomalies.add(
          'went back',
          `the high watermark went from ${this.highWatermark} back to ${fetched.highWatermark}`
        )
      this.highWatermark = fetched.highWatermark
    }
    let count = 0
    for (const [offset, value] of valuesOf(fetched.records ?? Buffer.alloc(0))) {
      if (offset < asked) continue
      count++
      if (offset >= fetched.highWatermark)
        history.anomalies.add('uncommitted', `offset ${offset} was read above the high watermark`)
      if (offset > this.offset && !history.topic.compacted)
        history.anomalies.add('skipped', `offsets ${this.offset} to ${offset - 1} were skipped`)
      if (offset < this.offset) history.anomalies.add('skipped', `offset ${offset} came after ${this.offset - 1}`)
      history.saw(offset, value)
      this.offset = offset + 1
    }
    return count
  }

  /** Asks for the end, which never goes back for one client. */
  async askEnd(): Promise<void> {
    const atLeast = Math.max(this.end, this.offset)
    const end = await this.list(-1)
    if (end < atLeast && !this.history.mayLose)
      this.history.anomalies.add('went back', `the end was told as ${end}, after ${atLeast} had been seen`)
    this.end = end
  }

  async seekToStart(): Promise<void> {
    this.offset = await this.list(-2)
    if (this.offset > this.history.deletedBelow)
      this.history.anomalies.add('lost', `it begins at ${this.offset}, where nothing was deleted`)
  }

  private async list(timestamp: number): Promise<number> {
    const { history } = this
    const { connection, epoch } = await this.leader()
    const { topics } = await connection.request(ListOffsets, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [
        {
          name: history.topic.name,
          partitions: [{ partitionIndex: history.index, currentLeaderEpoch: epoch, timestamp }]
        }
      ]
    })
    const [{ errorCode, offset }] = topics[0].partitions
    ensureOk(errorCode, 'list offsets')
    return offset
  }

  private async leader(): Promise<{ connection: Connection; epoch: number }> {
    const { topic, index } = this.history
    const id = await this.cluster.leaderOf(topic.name, index)
    const epoch = this.cluster.cachedTopic(topic.name)?.partitions[index]?.leaderEpoch ?? -1
    if (epoch < this.epoch) throw new NaruError('FENCED_LEADER_EPOCH', 'metadata from the past')
    if (epoch > this.epoch) {
      this.epoch = epoch
      this.highWatermark = -1
    }
    return { connection: await this.cluster.broker(id), epoch }
  }
}

/** Offset and value of every record. */
export function valuesOf(batches: Buffer): [number, string][] {
  const values: [number, string][] = []
  for (let at = 0; at < batches.length; at += header.batchBytes(batches, at))
    for (const { offset, value } of iterateRecords(batches, at)) values.push([offset, String(value)])
  return values
}
