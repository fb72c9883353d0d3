import { NaruError } from '../std/errors.ts'
import type { Log } from '../storage/types.ts'
import type { LeaderRole } from './leader.ts'
import type { OffsetCallback } from './offset-waiters.ts'
import type { Watchers } from './watchers.ts'

/** What there is of a partition whose records are deleted. */
interface Deleting {
  readonly log: Log
  readonly leader: LeaderRole | undefined
  readonly highWatermark: number
  readonly watchers: Watchers
  /** Throws where it is not led here. */
  ensureServing(): void
}

interface Waiting {
  readonly offset: number
  readonly callback: OffsetCallback
}

/**
 * DeleteRecords (KIP-107): the leader's log begins later, then its followers'. Until they all do, a new leader may bring the
 * records back.
 */
export class Deletions {
  private readonly partition: Deleting
  private readonly waiting = new Set<Waiting>()

  constructor(partition: Deleting) {
    this.partition = partition
  }

  /** Drops everything below `offset` here; -1 stands for the high watermark. Gives the new log start offset. */
  async before(offset: number): Promise<number> {
    const { partition } = this
    partition.ensureServing()
    const { log, highWatermark, watchers } = partition
    const target = offset === -1 ? highWatermark : offset
    if (target < 0 || target > highWatermark)
      throw new NaruError('OFFSET_OUT_OF_RANGE', `${target} is above the high watermark ${highWatermark}.`)
    if (target > log.startOffset) await log.advanceStart(target)
    watchers.ended()
    return log.startOffset
  }

  /** The lowest log start offset of the replicas on live brokers; -1 while one of them has not told its own. */
  get lowWatermark(): number {
    return this.partition.leader?.lowWatermark ?? -1
  }

  /** Calls back when no live replica has anything below `offset`; returns how to wait no longer. */
  onReached(offset: number, callback: OffsetCallback): () => void {
    const waiting = { offset, callback }
    try {
      this.partition.ensureServing()
      this.waiting.add(waiting)
      this.check()
    } catch (error) {
      callback(error as Error)
    }
    return () => this.waiting.delete(waiting)
  }

  /** A replica may begin later now, or be dead. */
  check(): void {
    if (this.waiting.size === 0) return
    const { lowWatermark } = this
    for (const waiting of this.waiting) {
      if (waiting.offset > lowWatermark) continue
      this.waiting.delete(waiting)
      waiting.callback()
    }
  }

  fail(error: Error): void {
    const all = [...this.waiting]
    this.waiting.clear()
    for (const { callback } of all) callback(error)
  }
}
