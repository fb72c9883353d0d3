import type { EpochEnd } from '../partition/epochs.ts'
import type { Partition } from '../partition/partition.ts'
import type { ErrorCode } from '../std/errors.ts'
import type { LogRead } from '../storage/types.ts'
import type { FetchEntry } from './fetch-session.ts'
import type { FetchedPartition, FetchRequest, FetchResult } from './fetch-types.ts'

const nothingRead = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, records: [] }

/** The answer being put together. */
export class Collector implements FetchResult {
  readonly sessionId: number
  readonly partitions: FetchedPartition[] = []
  bytes = 0
  private readonly limit: number
  private readonly full: boolean
  readonly request: FetchRequest
  private readonly reads: LogRead[] = []
  private readonly named: number

  /** `named`: `FetchEntries.named` when the request came. */
  constructor(request: FetchRequest, limit: number, sessionId: number, full: boolean, named: number) {
    this.limit = limit
    this.named = named
    this.sessionId = sessionId
    this.full = full
    this.request = request
  }

  /** Whether an entry is answered here: the next request of a follower, which doesn't wait for this answer, may have named it. */
  answers(entry: FetchEntry): boolean {
    return entry.namedIn <= this.named
  }

  reserve(bytes: number): (() => void) | undefined {
    return this.request.reserve?.(bytes)
  }

  get room(): number {
    const left = this.limit - this.bytes
    return this.request.room ? Math.min(left, this.request.room()) : left
  }

  add(entry: FetchEntry, partition: Partition, read: LogRead | undefined): void {
    const { highWatermark, startOffset } = partition
    const news =
      this.full ||
      (read !== undefined && read.bytes > 0) ||
      entry.toldHighWatermark !== highWatermark ||
      entry.toldStartOffset !== startOffset
    if (read) {
      if (read.bytes > 0) this.reads.push(read)
      else read.release()
      this.bytes += read.bytes
    }
    if (!news) return
    entry.toldHighWatermark = highWatermark
    entry.toldStartOffset = startOffset
    this.partitions.push({
      topic: partition.topic,
      topicId: partition.topicId,
      index: partition.index,
      highWatermark,
      lastStableOffset: partition.lastStableOffset,
      logStartOffset: startOffset,
      records: read ? read.chunks : []
    })
  }

  /** Sends a consumer elsewhere. */
  refer(entry: FetchEntry, partition: Partition, readReplica: number): void {
    const { topic, topicId, index, highWatermark, lastStableOffset, startOffset } = partition
    entry.toldHighWatermark = undefined
    const stands = { highWatermark, lastStableOffset, logStartOffset: startOffset }
    this.partitions.push({ topic, topicId, index, ...stands, records: [], readReplica })
  }

  refuse(entry: FetchEntry, error: ErrorCode): void {
    const { topic, topicId, index } = entry.item
    entry.toldHighWatermark = undefined
    // A follower that has fallen out of the log goes on at its start.
    const logStartOffset = entry.isReplica ? (entry.partition?.startOffset ?? -1) : -1
    this.partitions.push({ topic, topicId, index, error, ...nothingRead, logStartOffset })
  }

  diverges(entry: FetchEntry, { topic, topicId, index }: Partition, divergingEpoch: EpochEnd): void {
    entry.toldHighWatermark = undefined
    this.partitions.push({ topic, topicId, index, ...nothingRead, divergingEpoch })
  }

  release(): void {
    for (const read of this.reads) read.release()
    this.reads.length = 0
  }
}
