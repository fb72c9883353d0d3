import { codeOf, NaruError } from '../std/errors.ts'
import { committedOffsets } from './admin-groups.ts'
import type { Cluster } from './cluster.ts'
import { type ConsumedRecord, Consumer, type ConsumerOptions } from './consumer.ts'
import { GroupMember, type GroupOptions } from './group.ts'

export interface GroupConsumerOptions extends ConsumerOptions, GroupOptions {
  readonly topics: readonly string[]
  /** Commit what was polled before the last `poll`, at this interval; 0 leaves commits to `commit`. Default 5,000. */
  readonly autoCommitIntervalMs?: number
}

/**
 * Reads topics as a member of a consumer group. Joining, rebalances and automatic commits happen inside `poll`: records
 * that a poll returned count as processed when the next is called.
 */
export class GroupConsumer {
  private readonly cluster: Cluster
  private readonly consumer: Consumer
  private readonly member: GroupMember
  private readonly options: GroupConsumerOptions
  private readonly committed = new Map<string, number>()
  private rebalancing = true
  private lastCommitMs: number

  constructor(cluster: Cluster, options: GroupConsumerOptions) {
    this.cluster = cluster
    this.options = options
    this.consumer = new Consumer(cluster, options)
    this.member = new GroupMember(cluster, options.topics, options)
    this.member.onRebalance = () => {
      this.rebalancing = true
      this.consumer.interrupt()
    }
    this.lastCommitMs = cluster.clock.monotonic()
  }

  /** See Consumer.positions; empty until the group is joined. */
  positions(): ReturnType<Consumer['positions']> {
    return this.consumer.positions()
  }

  /** As Consumer.poll. Joins first where needed, which may take longer than `timeoutMs`. */
  async poll(timeoutMs: number, recordsMax?: number): Promise<ConsumedRecord[]> {
    if (this.rebalancing) await this.rebalance()
    else if (this.autoCommitMs > 0 && this.cluster.clock.monotonic() - this.lastCommitMs >= this.autoCommitMs)
      await this.commitUnlessMoved()
    return this.consumer.poll(timeoutMs, recordsMax)
  }

  /** Commits everything that was polled. Rejects as GroupMember.commit does. */
  async commit(): Promise<void> {
    this.lastCommitMs = this.cluster.clock.monotonic()
    const offsets = this.consumer
      .positions()
      .filter(
        ({ topic, partition, position }) => position >= 0 && this.committed.get(`${topic}-${partition}`) !== position
      )
      .map(({ topic, partition, position }) => ({ topic, partition, offset: position }))
    await this.member.commit(offsets)
    for (const { topic, partition, offset } of offsets) this.committed.set(`${topic}-${partition}`, offset)
  }

  /** Makes a waiting `poll` return. */
  interrupt(): void {
    this.consumer.interrupt()
  }

  /**
   * Leaves the group; commits what was polled first, where commits are automatic, unless it was not `processed` after
   * all. The cluster stays open.
   */
  async close(processed = true): Promise<void> {
    if (processed && this.autoCommitMs > 0 && this.member.joined) await this.commitUnlessMoved()
    this.consumer.close()
    await this.member.leave()
  }

  private get autoCommitMs(): number {
    return this.options.autoCommitIntervalMs ?? 5_000
  }

  private async commitUnlessMoved(): Promise<void> {
    try {
      await this.commit()
    } catch (error) {
      if (!moved.has(codeOf(error))) throw error
      this.rebalancing = true
    }
  }

  private async rebalance(): Promise<void> {
    if (this.autoCommitMs > 0 && this.member.joined) await this.commitUnlessMoved()
    this.consumer.assign([])
    this.rebalancing = false
    const assignment = await this.member.join()
    const mine = assignment.flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition })))
    const offsets = await this.cluster.retrying(() => committedOffsets(this.cluster, this.options.groupId, assignment))
    this.committed.clear()
    const starts = mine.map(({ topic, partition }) => {
      const found = offsets.find(offset => offset.topic === topic && offset.partition === partition)
      if (found) this.committed.set(`${topic}-${partition}`, found.offset)
      else if (this.options.reset === 'none')
        throw new NaruError(
          'OFFSET_OUT_OF_RANGE',
          `Group ${this.options.groupId} has no offset for ${topic}-${partition}.`
        )
      return {
        topic,
        partition,
        at: found?.offset ?? (this.options.reset === 'latest' ? 'latest' : 'earliest')
      } as const
    })
    this.consumer.assign(starts)
  }
}

const moved: ReadonlySet<string> = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'FENCED_INSTANCE_ID'
])
