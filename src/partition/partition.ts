import * as header from '../record/header.ts'
import type { Clock } from '../std/clock.ts'
import { messageOf, NaruError } from '../std/errors.ts'
import type { Cleanable } from '../storage/compaction/cleanable.ts'
import type { Compactor } from '../storage/compaction/compactor.ts'
import type { CompactionOutcome } from '../storage/compaction/pass.ts'
import type { Log, LogRead, ReadOptions, TimestampOffset, TopicId } from '../storage/types.ts'
import { admitBatch } from './append.ts'
import type { Inflation } from './inflation.ts'
import { type OffsetCallback, OffsetWaiters } from './offset-waiters.ts'
import type { PartitionTopicConfig } from './options.ts'
import { ProducerState } from './producer-state.ts'

/** A new snapshot of the producer state is worth its write after this many bytes: what a restart has to scan at most. */
const snapshotEveryBytes = 64 * 1024 * 1024
/** At a clean close a shorter tail is left to the scan: thousands of quiet partitions then close without a write. */
const snapshotAtCloseBytes = 256 * 1024

export interface PartitionIdentity {
  readonly topic: string
  readonly topicId: TopicId
  readonly index: number
}

/** Where a batch landed, or had landed before when it repeats one (`duplicate`). */
export interface Appended {
  readonly baseOffset: number
  readonly lastOffset: number
  /** The time that LogAppendTime wrote into the batch, else -1. */
  readonly logAppendTimeMs: number
}

/** Told when the high watermark has moved, or when the partition can't serve any more. Called synchronously: be brief. */
export interface Watcher {
  advanced(): void
}

/**
 * One replicated log as its leader serves it: append, read, ends, producer state, waiters.
 *
 * Appends are synchronous up to their place in the log; what they must wait for is told by `whenDurable` (acks=1) and
 * `whenCommitted` (acks=all). Everything that decides what a reader may see goes through `highWatermark`.
 */
export class Partition {
  readonly topic: string
  readonly topicId: TopicId
  readonly index: number
  readonly log: Log
  readonly producers: ProducerState
  config: PartitionTopicConfig
  leaderEpoch: number
  /** Who compacts it. */
  compactor: { soon(): Promise<void> } | undefined

  private readonly clock: Clock
  private readonly durable = new OffsetWaiters()
  private readonly committed = new OffsetWaiters()
  private readonly watchers = new Set<Watcher>()
  private closed: NaruError | undefined
  private snapshotOffset = 0
  private bytesSinceSnapshot = 0

  private constructor(
    log: Log,
    identity: PartitionIdentity,
    leaderEpoch: number,
    config: PartitionTopicConfig,
    clock: Clock,
    producersMax?: number
  ) {
    this.producers = new ProducerState(producersMax)
    this.log = log
    this.topic = identity.topic
    this.topicId = identity.topicId
    this.index = identity.index
    this.leaderEpoch = leaderEpoch
    this.config = config
    this.clock = clock
  }

  /** Takes over a log as its leader: rebuilds the producer state, then serves. The epoch is already durable. */
  static async open(
    log: Log,
    identity: PartitionIdentity,
    leaderEpoch: number,
    config: PartitionTopicConfig,
    clock: Clock,
    producersMax?: number
  ): Promise<Partition> {
    const partition = new Partition(log, identity, leaderEpoch, config, clock, producersMax)
    await partition.rebuildProducers()
    log.onProgress = () => partition.progressed()
    return partition
  }

  get sizeBytes(): number {
    return this.log.sizeBytes
  }

  get startOffset(): number {
    return this.log.startOffset
  }

  get endOffset(): number {
    return this.log.endOffset
  }

  /** The offset below which every in-sync replica has everything durably: the leader alone, so far. */
  get highWatermark(): number {
    return this.log.durableEndOffset
  }

  /** The offset below which no transaction is open. */
  get lastStableOffset(): number {
    return this.highWatermark
  }

  /** Why nothing can be read or written here, if so. */
  get failure(): NaruError | undefined {
    if (this.closed) return this.closed
    const cause = this.log.failure
    return cause && storageError(this, cause)
  }

  /**
   * A producer's batch: checked, given its offsets, appended. Throws the code that Kafka answers. `records` is patched
   * in place and copied; the caller may reuse it afterwards.
   */
  appendFromProducer(records: Buffer, inflation?: Inflation): Appended {
    this.ensureServing()
    const nowMs = this.clock.now()
    const batch = admitBatch(records, this.config, nowMs, inflation)
    if (header.producerId(batch) >= 0) {
      const duplicate = this.producers.check(batch)
      if (duplicate)
        return {
          baseOffset: duplicate.firstOffset,
          lastOffset: duplicate.lastOffset,
          logAppendTimeMs: duplicate.timestamp
        }
    }
    const appended = this.append(batch)
    return this.config.timestampType === 'LogAppendTime' ? { ...appended, logAppendTimeMs: nowMs } : appended
  }

  /** Appends a batch that the broker itself built (state logs): no checks but the leader's own. */
  append(batch: Buffer): Appended {
    this.ensureServing()
    const baseOffset = this.log.endOffset
    header.setBaseOffset(batch, baseOffset)
    header.setLeaderEpoch(batch, this.leaderEpoch)
    this.log.append(batch)
    this.producers.record(batch, 0, this.clock.now())
    this.bytesSinceSnapshot += batch.length
    // One that fails is made up for by the next; storage reports its own troubles.
    if (this.bytesSinceSnapshot >= snapshotEveryBytes) this.saveSnapshot().catch(() => {})
    return { baseOffset, lastOffset: this.log.endOffset - 1, logAppendTimeMs: -1 }
  }

  /** Calls back when everything up to and with `lastOffset` is durable here (acks=1). */
  onDurable(lastOffset: number, callback: OffsetCallback): void {
    const failure = this.failure
    if (failure) callback(failure)
    else if (this.log.durableEndOffset > lastOffset) callback()
    else this.durable.push(lastOffset + 1, callback)
  }

  /** Calls back when everything up to and with `lastOffset` is below the high watermark (acks=all). */
  onCommitted(lastOffset: number, callback: OffsetCallback): void {
    const failure = this.failure
    if (failure) callback(failure)
    else if (this.highWatermark > lastOffset) callback()
    else this.committed.push(lastOffset + 1, callback)
  }

  /** `onCommitted` as a promise. */
  whenCommitted(lastOffset: number): Promise<void> {
    return new Promise((resolve, reject) => this.onCommitted(lastOffset, error => (error ? reject(error) : resolve())))
  }

  /** Reads below `options.below`, which callers take from `highWatermark` or `lastStableOffset`. Errors as Log.read. */
  read(offset: number, options: ReadOptions): LogRead | Promise<LogRead> {
    this.ensureServing()
    return this.log.read(offset, options)
  }

  offsetForTimestamp(timestamp: number): Promise<TimestampOffset | undefined> {
    this.ensureServing()
    return this.log.offsetForTimestamp(timestamp, this.highWatermark)
  }

  maxTimestamp(): Promise<TimestampOffset | undefined> {
    this.ensureServing()
    return this.log.maxTimestamp(this.highWatermark)
  }

  /**
   * The leader epoch that a client believes in, against ours (KIP-320); -1 asks for no check.
   * Throws FENCED_LEADER_EPOCH (theirs is older) or UNKNOWN_LEADER_EPOCH (ours is).
   */
  checkLeaderEpoch(theirs: number): void {
    if (theirs < 0 || theirs === this.leaderEpoch) return
    throw new NaruError(theirs < this.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH')
  }

  /**
   * Where an epoch ends: the log's answer, with the current epoch ending at the log's end (OffsetForLeaderEpoch).
   * Undefined for epochs still to come.
   */
  endOffsetForEpoch(epoch: number): { epoch: number; endOffset: number } | undefined {
    this.ensureServing()
    if (epoch < 0 || epoch > this.leaderEpoch) return undefined
    const { endOffset } = this.log
    // While its log is empty, an earlier epoch ended where this one begins.
    return (epoch < this.leaderEpoch && this.log.endOffsetForEpoch(epoch)) || { epoch, endOffset }
  }

  /** Drops everything below `offset` (DeleteRecords); -1 stands for the high watermark. Gives the new log start offset. */
  async deleteRecordsBefore(offset: number): Promise<number> {
    this.ensureServing()
    const target = offset === -1 ? this.highWatermark : offset
    if (target < 0 || target > this.highWatermark)
      throw new NaruError('OFFSET_OUT_OF_RANGE', `${target} is above the high watermark ${this.highWatermark}.`)
    if (target > this.log.startOffset) await this.log.advanceStart(target)
    this.tellWatchers()
    return this.log.startOffset
  }

  watch(watcher: Watcher): void {
    this.watchers.add(watcher)
  }

  unwatch(watcher: Watcher): void {
    this.watchers.delete(watcher)
  }

  /** What compaction finds to do. */
  cleanable(nowMs: number): Cleanable {
    return this.log.compaction.cleanable(nowMs, this.lastStableOffset)
  }

  /** One pass of compaction; see storage/compaction/pass.ts. */
  compact(compactor: Compactor, nowMs: number, stopped: () => boolean): Promise<CompactionOutcome> {
    return this.log.compaction.run(compactor, {
      below: this.lastStableOffset,
      nowMs,
      decompressedBytesMax: this.config.decompressedBytesMax,
      isLastOfProducer: (id, lastOffset) => this.producers.isLast(id, lastOffset),
      stopped: () => stopped() || this.closed !== undefined
    })
  }

  /** Compacts all that the log has now, soon; resolves when that is done, or can't be. */
  compactSoon(): Promise<void> {
    return this.compactor?.soon() ?? Promise.resolve()
  }

  /** Background work, from time to time: retention, producer expiry. */
  async maintain(nowMs: number, producerExpirationMs: number): Promise<void> {
    if (this.failure) return
    this.producers.expire(nowMs, producerExpirationMs)
    const { startOffset } = this.log
    await this.log.applyRetention(nowMs, this.highWatermark)
    if (this.log.startOffset > startOffset) this.tellWatchers()
  }

  /** Before the log is closed cleanly: keeps what would be dear to rebuild. */
  async prepareClose(): Promise<void> {
    if (this.failure || this.log.endOffset === this.snapshotOffset) return
    // What was deleted since the last snapshot can't be scanned any more.
    const onlyInMemory = this.producers.size > 0 && this.log.startOffset > this.snapshotOffset
    if (onlyInMemory || this.bytesSinceSnapshot >= snapshotAtCloseBytes) await this.saveSnapshot()
  }

  /** Stops serving: whoever waits, and whoever comes, gets `error`. */
  close(error: NaruError): void {
    if (this.closed) return
    this.closed = error
    this.log.onProgress = undefined
    this.durable.fail(error)
    this.committed.fail(error)
    this.tellWatchers()
  }

  private ensureServing(): void {
    const failure = this.failure
    if (failure) throw failure
  }

  private progressed(): void {
    const failure = this.failure
    if (failure) {
      this.durable.fail(failure)
      this.committed.fail(failure)
    } else {
      this.durable.reach(this.log.durableEndOffset)
      this.committed.reach(this.highWatermark)
    }
    this.tellWatchers()
  }

  private tellWatchers(): void {
    for (const watcher of this.watchers) watcher.advanced()
  }

  private async rebuildProducers(): Promise<void> {
    const snapshot = await this.log.latestSnapshot()
    let from = this.log.startOffset
    if (snapshot && snapshot.offset >= from && this.producers.load(snapshot.bytes)) from = snapshot.offset
    this.snapshotOffset = from
    this.bytesSinceSnapshot = this.log.bytesBetween(from, this.log.endOffset, Number.MAX_SAFE_INTEGER)
    if (from >= this.log.endOffset) return
    await this.log.scan(from, (batches, at) => {
      if (header.baseOffset(batches, at) >= from) this.producers.record(batches, at, header.maxTimestamp(batches, at))
    })
  }

  private async saveSnapshot(): Promise<void> {
    // State and offset are taken in one turn, and the state may only cover what is durable: appends that are not yet
    // would be replayed on top of a snapshot that already has them, or be lost with it having them.
    const offset = this.log.endOffset
    const bytes = this.producers.save()
    this.bytesSinceSnapshot = 0
    await this.whenCommitted(offset - 1)
    await this.log.saveSnapshot({ offset, bytes })
    this.snapshotOffset = offset
  }
}

/** What everybody who asks for a partition is told while its log can't be used. */
export function storageError({ topic, index }: Pick<PartitionIdentity, 'topic' | 'index'>, cause: unknown): NaruError {
  return new NaruError('KAFKA_STORAGE_ERROR', `The log of ${topic}-${index} is offline: ${messageOf(cause)}`, { cause })
}
