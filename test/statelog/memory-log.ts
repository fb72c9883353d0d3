import assert from 'node:assert/strict'
import * as header from '../../src/record/header.ts'
import type { ReplicatedLog } from '../../src/statelog/types.ts'
import { NaruError } from '../../src/std/errors.ts'
import type { LogRead, ReadOptions } from '../../src/storage/types.ts'

interface Waiter {
  readonly offset: number
  resolve(): void
  reject(error: Error): void
}

/** A replicated log in memory. It commits at once, or when told to (`commitByHand`), and can be made to fail. */
export class MemoryLog implements ReplicatedLog {
  startOffset = 0
  batches: Buffer[] = []
  endOffset = 0
  highWatermark = 0
  commitByHand = false
  /** Thrown by the next append, once. */
  nextAppendError: NaruError | undefined
  readError: NaruError | undefined
  private lost: NaruError | undefined
  private waiters: Waiter[] = []

  append(batch: Buffer): { readonly lastOffset: number } {
    if (this.lost) throw this.lost
    const error = this.nextAppendError
    this.nextAppendError = undefined
    if (error) throw error
    header.setBaseOffset(batch, this.endOffset)
    this.batches.push(Buffer.from(batch))
    this.endOffset += header.recordCount(batch)
    if (!this.commitByHand) this.commit()
    return { lastOffset: this.endOffset - 1 }
  }

  /** Commits everything appended. */
  commit(): void {
    this.highWatermark = this.endOffset
    for (const waiter of this.waiters.splice(0)) waiter.resolve()
  }

  /** Another broker leads now: nothing that isn't committed here ever will be. */
  loseLeadership(): void {
    this.fail(new NaruError('NOT_LEADER_OR_FOLLOWER'))
  }

  fail(error: NaruError): void {
    this.lost = error
    for (const waiter of this.waiters.splice(0)) waiter.reject(error)
  }

  /** The log as the next leader finds it: what was committed, and `extra` batches that were not. */
  successor(extra = 0): MemoryLog {
    const next = new MemoryLog()
    next.startOffset = this.startOffset
    next.endOffset = this.startOffset
    for (const batch of this.batches) {
      const committed = header.lastOffset(batch) < this.highWatermark
      if (!committed && extra-- <= 0) break
      next.batches.push(batch)
      next.endOffset = header.lastOffset(batch) + 1
    }
    next.highWatermark = next.endOffset
    return next
  }

  whenCommitted(offset: number): Promise<void> {
    if (this.lost) return Promise.reject(this.lost)
    if (this.highWatermark > offset) return Promise.resolve()
    return new Promise((resolve, reject) => this.waiters.push({ offset, resolve, reject }))
  }

  async deleteRecordsBefore(offset: number): Promise<void> {
    assert.ok(offset <= this.highWatermark, 'records are dropped before they are committed')
    this.startOffset = offset
    this.batches = this.batches.filter(batch => header.lastOffset(batch) >= offset)
  }

  read(offset: number, options: ReadOptions): LogRead | Promise<LogRead> {
    if (this.readError) throw this.readError
    const chunks: Buffer[] = []
    let bytes = 0
    let nextOffset = offset
    for (const batch of this.batches) {
      if (header.lastOffset(batch) < offset || header.baseOffset(batch) >= options.below) continue
      if (bytes + batch.length > options.maxBytes && !(options.atLeastOne && bytes === 0)) break
      chunks.push(Buffer.from(batch))
      bytes += batch.length
      nextOffset = header.lastOffset(batch) + 1
    }
    const read = { chunks, bytes, nextOffset, release: () => undefined }
    return this.batches.length % 2 === 0 ? read : Promise.resolve(read)
  }
}

/** Lets promises settle and the appends of this tick happen, a few times over. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise(resolve => setImmediate(resolve))
}
