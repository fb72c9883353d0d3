import { filterBatch, type RecordFilter } from '../../src/record/filter.ts'
import * as header from '../../src/record/header.ts'
import { iterateRecords } from '../../src/record/iterate.ts'
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
  compactions = 0
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
    // What was dead at the end may be compacted away: its offsets are not.
    next.endOffset = Math.max(next.endOffset, this.highWatermark)
    next.highWatermark = next.endOffset
    return next
  }

  /** Why it can't be told whether this is the leader still. */
  doubt: NaruError | undefined

  confirmLeading(): Promise<void> {
    return this.doubt ? Promise.reject(this.doubt) : Promise.resolve()
  }

  whenCommitted(offset: number): Promise<void> {
    if (this.lost) return Promise.reject(this.lost)
    if (this.highWatermark > offset) return Promise.resolve()
    return new Promise((resolve, reject) => this.waiters.push({ offset, resolve, reject }))
  }

  get sizeBytes(): number {
    return this.batches.reduce((sum, batch) => sum + batch.length, 0)
  }

  /** Takes a while, as it does on disk: appends go on meanwhile. */
  async compactSoon(): Promise<void> {
    const end = this.highWatermark
    await new Promise(resolve => setImmediate(resolve))
    const newest = new Map<string, number>()
    const dirty = this.batches.filter(batch => header.lastOffset(batch) < end)
    for (const batch of dirty)
      for (const { key, offset } of iterateRecords(batch)) newest.set(key?.toString('hex') ?? '', offset)
    const filter: RecordFilter = {
      nowMs: 0,
      deleteRetentionMs: 0,
      upTo: end,
      isNewest: (offset, plain, { keyStart, keyLength }) =>
        newest.get(plain.toString('hex', keyStart, keyStart + keyLength)) === offset,
      isLastOfProducer: () => false
    }
    this.batches = this.batches.flatMap(batch =>
      header.lastOffset(batch) < end ? (filterBatch(batch, 0, filter) ?? []) : [batch]
    )
    this.compactions++
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
