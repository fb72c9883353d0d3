import { validBatchAt } from '../record/check.ts'
import * as header from '../record/header.ts'
import { NaruError } from '../std/errors.ts'
import type { Log } from '../storage/types.ts'
import type { EpochEnd } from './epochs.ts'

/** What a follower does with its partition; all of it counts only while it is the partition's follower. */
export interface Followed {
  readonly log: Log
  /** Resolves when the log has been cut; undefined when nothing of it is being cut. */
  readonly settling: Promise<void> | undefined
  /** Resolves when everything below `end` is durable here. */
  whenDurable(end: number): Promise<void>
  isFollowedBy(role: FollowerRole): boolean
  /** Batches were appended. */
  fetched(batches: Buffer): void
  /** So much is committed. */
  committedTo(highWatermark: number): void
  /** Cuts the log; nothing is appended, and nobody leads, until that is done. */
  recut(cut: () => Promise<void>): Promise<void>
}

/**
 * A partition as a follower of one leader epoch. A leader of another epoch makes another role: what answers to an old
 * fetch brings then changes nothing.
 */
export class FollowerRole {
  readonly epoch: number
  private readonly partition: Followed

  constructor(partition: Followed, epoch: number) {
    this.partition = partition
    this.epoch = epoch
  }

  get active(): boolean {
    return this.partition.isFollowedBy(this)
  }

  /**
   * Undefined when `position` tells all that the log holds; else resolves when it may. What an earlier leader sent and is
   * not durable yet, or is being cut, must be part of what the first fetch from a leader says: else neither side sees
   * that it differs from what the leader has there.
   */
  get settling(): Promise<void> | undefined {
    const { settling, log } = this.partition
    if (settling) return settling
    return log.durableEndOffset < log.endOffset ? this.partition.whenDurable(log.endOffset) : undefined
  }

  /** What the next fetch says: everything below `offset` is durable here, and the last of it is of `lastEpoch`. */
  position(): { readonly offset: number; readonly lastEpoch: number } {
    const { log } = this.partition
    const offset = log.durableEndOffset
    return { offset, lastEpoch: offset > log.startOffset ? log.epochAt(offset - 1) : (log.latestEpoch?.epoch ?? -1) }
  }

  /** Whether there is nothing in the log that could be lost. */
  get isEmpty(): boolean {
    const { log } = this.partition
    return log.startOffset === log.endOffset
  }

  /**
   * Where the first of these batches begins, when that is before an empty log's start: its leader's start lies within a
   * batch, and this log can only have the whole of it.
   */
  beginsBefore(batches: Buffer): number | undefined {
    const { log } = this.partition
    if (!this.isEmpty || validBatchAt(batches, 0) === 0) return undefined
    const base = header.baseOffset(batches, 0)
    return base < log.endOffset && header.lastOffset(batches, 0) >= log.endOffset ? base : undefined
  }

  /** Appends what the leader sent, as it is, once it has been checked. Throws CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR. */
  append(batches: Buffer): void {
    if (!this.active) return
    const { log } = this.partition
    const fresh = checkFetched(batches, log, this.epoch)
    if (fresh.length === 0) return
    log.append(fresh)
    this.partition.fetched(fresh)
  }

  /** What the leader says is committed; it may be more than this replica has. */
  committed(highWatermark: number): void {
    if (this.active) this.partition.committedTo(Math.min(highWatermark, this.partition.log.endOffset))
  }

  /**
   * Cuts what the leader has otherwise: where its last epoch that may be ours too ends, there or here (KIP-595). Resolves
   * when the log may be appended to again.
   */
  async truncate(diverging: EpochEnd): Promise<void> {
    const { log } = this.partition
    const ours = log.endOffsetForEpoch(diverging.epoch)
    const end = Math.max(log.startOffset, Math.min(diverging.endOffset, ours?.endOffset ?? 0))
    if (this.active) await this.partition.recut(() => log.truncate(end))
  }

  /** Gives up what the leader has deleted; all there is, when that is more than this log has. */
  async moveStart(offset: number): Promise<void> {
    const { log } = this.partition
    if (!this.active || offset <= log.startOffset) return
    if (offset <= log.endOffset) await log.advanceStart(offset)
    else await this.partition.recut(() => log.advanceStart(offset, true))
  }
}

/**
 * Checks what a leader sent: whole batches with the right CRC, whose base offsets go on from the log's end and whose
 * epochs, which no CRC covers, neither go back nor exceed the leader's own. Batches that this log has already (of the
 * same epoch, so they are the same) are left out; gives the rest. Throws CORRUPT_MESSAGE.
 */
export function checkFetched(
  batches: Buffer,
  log: Pick<Log, 'startOffset' | 'endOffset' | 'latestEpoch' | 'epochAt'>,
  leaderEpoch: number
): Buffer {
  let from = 0
  let next = log.endOffset
  let epoch = log.latestEpoch?.epoch ?? -1
  let at = 0
  while (at < batches.length) {
    const bytes = validBatchAt(batches, at)
    if (bytes === 0) throw corrupt(next, 'no whole batch, or one with a wrong CRC')
    const base = header.baseOffset(batches, at)
    const last = header.lastOffset(batches, at)
    const batchEpoch = header.leaderEpoch(batches, at)
    if (last < base) throw corrupt(next, `a batch that ends at ${last} before its base offset ${base}`)
    // Of a later epoch than the one that was asked: whoever fetches from that leader asks again.
    if (batchEpoch > leaderEpoch) break
    if (last < next && from === at) {
      if (base >= log.startOffset && log.epochAt(base) !== batchEpoch)
        throw corrupt(base, `a batch of epoch ${batchEpoch}, where this log has epoch ${log.epochAt(base)},`)
      from = at + bytes
    } else {
      if (base < next) throw corrupt(next, `a batch with base offset ${base}`)
      if (batchEpoch < epoch) throw corrupt(next, `a batch of epoch ${batchEpoch} after one of epoch ${epoch}`)
      next = last + 1
      epoch = batchEpoch
    }
    at += bytes
  }
  return batches.subarray(from, at)
}

function corrupt(offset: number, what: string): NaruError {
  return new NaruError('CORRUPT_MESSAGE', `The leader sent ${what} where offset ${offset} is due.`)
}
