import * as header from '../record/header.ts'
import { assert } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import type { NaruError } from '../std/errors.ts'
import type { Log, LogRead, ReadOptions, TimestampOffset, TopicId } from '../storage/types.ts'
import { admitBatch } from './append.ts'
import { Deletions } from './deletions.ts'
import { type EpochEnd, endOfEpoch } from './epochs.ts'
import { notEnoughAfterAppend, notLeader, storageError } from './errors.ts'
import { type Followed, FollowerRole } from './follower.ts'
import type { Inflation } from './inflation.ts'
import { type IsrKeeper, LeaderRole, type Leadership } from './leader.ts'
import { type OffsetCallback, OffsetWaiters } from './offset-waiters.ts'
import type { PartitionTopicConfig } from './options.ts'
import { ProducerLog } from './producer-log.ts'
import type { ProducerState } from './producer-state.ts'
import type { Appended, PartitionIdentity } from './types.ts'
import { Watchers } from './watchers.ts'

/**
 * One replica of a partition: a log, its producers, and the role that it has in this broker - leader, follower, or
 * neither while nobody has said so.
 *
 * Appends are synchronous up to their place in the log; what they must wait for is told by `onDurable` (acks=1) and
 * `onCommitted` (acks=all). Everything that decides what a reader may see goes through `highWatermark`.
 */
export class Partition implements Followed {
  readonly topic: string
  readonly topicId: TopicId
  readonly index: number
  readonly log: Log
  readonly producers: ProducerState
  config: PartitionTopicConfig
  /** Of the leader that this replica is or follows; -1 before the first. */
  leaderEpoch = -1
  leader: LeaderRole | undefined
  follower: FollowerRole | undefined
  /** Called when the log can't be written any more. */
  onFailure: ((partition: Partition) => void) | undefined
  /** Who compacts it. */
  compactor: { soon(): Promise<void> } | undefined
  /** Who finds out whether it leads still. */
  check: { confirm(partition: Partition): Promise<void> } | undefined
  /** The newest leader epoch that is known of; a leader of an older one has been replaced. */
  newestEpoch = -1

  private readonly clock: Clock
  readonly producerLog: ProducerLog
  private readonly durable = new OffsetWaiters()
  private readonly committed = new OffsetWaiters()
  private readonly replicated = new OffsetWaiters()
  readonly watchers = new Watchers()
  readonly deletions = new Deletions(this)
  /** It has no other replicas: the high watermark is the durable end, without further ado. */
  private isAlone = false
  /** Where it is not alone: what is known to be committed. Never goes back but by a truncation. */
  private knownHighWatermark: number
  private recutting: Promise<void> | undefined
  private closed: NaruError | undefined

  private constructor(
    log: Log,
    identity: PartitionIdentity,
    config: PartitionTopicConfig,
    clock: Clock,
    producersMax: number | undefined
  ) {
    this.log = log
    this.topic = identity.topic
    this.topicId = identity.topicId
    this.index = identity.index
    this.config = config
    this.clock = clock
    this.knownHighWatermark = log.startOffset
    this.producerLog = new ProducerLog(log, end => this.whenDurable(end), producersMax)
    this.producers = this.producerLog.state
  }

  /** Takes over a log, without a role yet: rebuilds the producer state. */
  static async open(
    log: Log,
    identity: PartitionIdentity,
    config: PartitionTopicConfig,
    clock: Clock,
    producersMax?: number
  ): Promise<Partition> {
    const partition = new Partition(log, identity, config, clock, producersMax)
    await partition.producerLog.rebuild()
    log.onProgress = () => partition.progressed()
    return partition
  }

  /** Becomes the leader, or goes on under a new epoch, which is durable in the metastore; nothing of the log is being cut. */
  lead(nodeId: number, leadership: Leadership, keeper: IsrKeeper): LeaderRole {
    assert(!this.recutting, 'a log that is being cut is not led')
    assert(leadership.epoch > this.leaderEpoch, 'a leader has an epoch of its own')
    this.follower = undefined
    this.leaderEpoch = leadership.epoch
    const minIsr = () => this.config.minInsyncReplicas
    const leader = new LeaderRole(this.log, nodeId, leadership, keeper, minIsr, this.leader?.firstOffset)
    this.leader = leader
    this.beAmong(leader, leadership)
    return leader
  }

  /** The metastore has another ISR, or other replicas, for this leader. */
  isrChanged(leader: LeaderRole, leadership: Leadership): void {
    if (this.leader !== leader) return
    leader.changeTo(leadership)
    this.beAmong(leader, leadership)
  }

  private beAmong(leader: LeaderRole, { replicas }: Leadership): void {
    // What was committed while it was alone stays so when it no longer is.
    this.knownHighWatermark = this.highWatermark
    this.isAlone = replicas.length === 1
    if (!this.isAlone) leader.expectAll(this.clock.monotonic())
    if (leader.isUnderMinIsr) this.replicated.fail(notEnoughAfterAppend(this, leader))
    this.commit()
  }

  /** Becomes a follower. What comes from a leader of another epoch is not appended any more. */
  follow(epoch: number): FollowerRole {
    this.resign()
    this.leaderEpoch = Math.max(this.leaderEpoch, epoch)
    this.follower = new FollowerRole(this, epoch)
    return this.follower
  }

  /** Has no role any more, until it is told one: who waits looks for the leader elsewhere. */
  resign(): void {
    this.knownHighWatermark = this.highWatermark
    const { leader, follower } = this
    this.leader = undefined
    this.follower = undefined
    this.isAlone = false
    if (leader) this.failAll(notLeader(this))
    else if (follower) this.watchers.ended()
  }

  get startOffset(): number {
    return this.log.startOffset
  }

  get sizeBytes(): number {
    return this.log.sizeBytes
  }

  get endOffset(): number {
    return this.log.endOffset
  }

  /** The offset below which every in-sync replica has everything durably. */
  get highWatermark(): number {
    return this.isAlone ? this.log.durableEndOffset : Math.max(this.knownHighWatermark, this.log.startOffset)
  }

  /**
   * Whether a leader knows how far the log is committed: a new one only does once its followers have come, and until then
   * its high watermark lies below what a former leader has told (KIP-207).
   */
  get isSettled(): boolean {
    return this.isAlone || (this.leader !== undefined && this.knownHighWatermark >= this.leader.firstOffset)
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
    this.producerLog.record(batch, this.clock.now())
    if (!this.isAlone) {
      this.leader?.appended(this.clock.monotonic())
      this.watchers.appended()
    }
    return { baseOffset, lastOffset: this.log.endOffset - 1, logAppendTimeMs: -1 }
  }

  /** Resolves when the log is cut: it may be led then. Undefined when nothing of it is being cut. */
  get settling(): Promise<void> | undefined {
    return this.recutting
  }

  isFollowedBy(role: FollowerRole): boolean {
    return this.follower === role && !this.recutting
  }

  fetched(batches: Buffer): void {
    this.producerLog.record(batches, this.clock.now())
  }

  committedTo(highWatermark: number): void {
    if (highWatermark <= this.knownHighWatermark) return
    this.knownHighWatermark = highWatermark
    this.watchers.moved()
  }

  async recut(cut: () => Promise<void>): Promise<void> {
    // What these ends were to be is not what will be there when they are reached again.
    this.durable.fail(notLeader(this))
    this.recutting = cut()
      .then(() => this.producerLog.rebuild().catch(error => this.fail(error)))
      .finally(() => {
        this.recutting = undefined
        this.knownHighWatermark = Math.min(this.knownHighWatermark, this.log.endOffset)
      })
    await this.recutting
  }

  /** Nobody knows any more what producers have written: to go on would take what they repeat for something new. */
  private fail(cause: unknown): never {
    this.close(storageError(this, cause))
    this.onFailure?.(this)
    throw storageError(this, cause)
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
    else if (!this.leader) callback(notLeader(this))
    else this.committed.push(lastOffset + 1, callback)
  }

  /** `onCommitted` for a producer: it hears of an ISR that has become too small, too (NOT_ENOUGH_REPLICAS_AFTER_APPEND). */
  onReplicated(lastOffset: number, callback: OffsetCallback): void {
    if (this.isAlone || this.failure || this.highWatermark > lastOffset || !this.leader)
      this.onCommitted(lastOffset, callback)
    else if (this.leader.isUnderMinIsr) callback(notEnoughAfterAppend(this, this.leader))
    else this.replicated.push(lastOffset + 1, callback)
  }

  /** Resolves when everything below `end` is durable here, whatever this replica's role. */
  whenDurable(end: number): Promise<void> {
    return new Promise((resolve, reject) => this.onDurable(end - 1, error => (error ? reject(error) : resolve())))
  }

  /** `onCommitted` as a promise. */
  whenCommitted(lastOffset: number): Promise<void> {
    return new Promise((resolve, reject) => this.onCommitted(lastOffset, error => (error ? reject(error) : resolve())))
  }

  /** Reads below `options.below`, which callers take from `highWatermark` or `lastStableOffset`. Errors as Log.read. */
  read(offset: number, options: ReadOptions): LogRead | Promise<LogRead> {
    if (this.failure || !this.follower) this.ensureServing()
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
   * Where an epoch ends: the log's answer, with the current epoch ending at the log's end (OffsetForLeaderEpoch).
   * Undefined for epochs still to come.
   */
  endOffsetForEpoch(epoch: number): EpochEnd | undefined {
    this.ensureServing()
    if (epoch < 0 || epoch > this.leaderEpoch) return undefined
    return endOfEpoch(this, epoch)
  }

  /** A follower has told its ends, or the configs have changed: more may be committed now. */
  commit(): void {
    const { leader } = this
    if (!leader) return
    this.deletions.check()
    const end = this.isAlone ? this.log.durableEndOffset : leader.committedEnd(this.knownHighWatermark)
    if (!this.isAlone && end <= this.knownHighWatermark) return
    this.knownHighWatermark = end
    this.committed.reach(end)
    this.replicated.reach(end)
    this.watchers.moved()
  }

  /** Whether there is another leader, of whom the image doesn't know yet. */
  get isOvertaken(): boolean {
    return this.newestEpoch > this.leaderEpoch
  }

  /** Resolves when nobody else had led at a moment after the call; rejects with NOT_LEADER_OR_FOLLOWER when that can't be told. */
  confirmLeading(): Promise<void> {
    return this.check?.confirm(this) ?? Promise.resolve()
  }

  /** Compacts all that the log has now, soon; resolves when that is done, or can't be. */
  compactSoon(): Promise<void> {
    return this.compactor?.soon() ?? Promise.resolve()
  }

  /** Background work, from time to time: retention, producer expiry. */
  async maintain(nowMs: number, producerExpirationMs: number): Promise<void> {
    if (this.failure) return
    this.producers.expire(nowMs, producerExpirationMs)
    // A follower's start follows its leader's.
    if (!this.leader) return
    const { startOffset } = this.log
    await this.log.applyRetention(nowMs, this.highWatermark)
    if (this.log.startOffset > startOffset) this.watchers.ended()
  }

  /** Before the log is closed cleanly: keeps what would be dear to rebuild. */
  async prepareClose(): Promise<void> {
    if (!this.failure) await this.producerLog.prepareClose()
  }

  /** Stops serving: whoever waits, and whoever comes, gets `error`. */
  close(error: NaruError): void {
    if (this.closed) return
    this.closed = error
    this.log.onProgress = undefined
    this.leader = undefined
    this.follower = undefined
    this.failAll(error)
  }

  /** Throws why it can't be written here, or NOT_LEADER_OR_FOLLOWER. */
  ensureServing(): void {
    const failure = this.failure
    if (failure) throw failure
    if (!this.leader) throw notLeader(this)
  }

  private progressed(): void {
    const failure = this.failure
    if (failure) {
      this.failAll(failure)
      this.onFailure?.(this)
      return
    }
    this.durable.reach(this.log.durableEndOffset)
    this.commit()
  }

  private failAll(error: Error): void {
    for (const waiters of [this.durable, this.committed, this.replicated, this.deletions]) waiters.fail(error)
    this.watchers.ended()
  }
}
