import type { DiskFile } from '../../disk/disk.ts'
import { validBatchAt } from '../../record/check.ts'
import * as header from '../../record/header.ts'
import type { Epochs } from '../epochs.ts'
import { FileWindow, findBatchBehind } from '../segments/file-window.ts'
import type { OffsetIndex } from '../segments/offset-index.ts'
import type { Segment } from '../segments/segment.ts'
import type { Range } from './checkpoint.ts'

export interface ScanOptions {
  /** Stop in front of the first batch that reaches this offset. */
  readonly stopAt: number | undefined
  /** Bytes that are vouched for: what is bad below is damage, not a torn tail. */
  readonly vouched: number
  /** The offset that the segment must reach, where that is known. */
  readonly mustReach: number | undefined
  /** It may end anywhere behind `vouched`: it is the last one. */
  readonly isOpen: boolean
  damage(from: number, to: number, position: number): void
}

/** Reads a segment's file in recovery: admits its batches to the segment, and finds the way around damage. */
export class SegmentScan {
  /** Ended at `stopAt`, or in a torn tail. */
  stopped = false
  private readonly window: FileWindow
  private readonly segment: Segment
  private readonly epochs: Epochs
  /** All of the index file: only its entries can explain a gap. */
  private readonly gaps: OffsetIndex
  private readonly limit: number
  /** The epochs of all batches in this range are known. */
  private readonly known: Range

  constructor(
    file: Pick<DiskFile, 'read'>,
    segment: Segment,
    epochs: Epochs,
    gaps: OffsetIndex,
    limit: number,
    known: Range
  ) {
    this.window = new FileWindow(file, limit)
    this.segment = segment
    this.epochs = epochs
    this.gaps = gaps
    this.limit = limit
    this.known = known
  }

  async run(options: ScanOptions): Promise<void> {
    const { segment, window } = this
    while (segment.bytes < this.limit) {
      const position = segment.bytes
      if (options.stopAt !== undefined && segment.end >= options.stopAt) {
        this.stopped = true
        return
      }
      const bytes = await this.intactAt(position)
      if (bytes > 0) {
        const at = position - window.start
        if (options.stopAt !== undefined && header.lastOffset(window.buffer, at) >= options.stopAt) {
          this.stopped = true
          return
        }
        segment.admit(window.buffer, at, bytes, 4096)
        this.epochs.note(header.leaderEpoch(window.buffer, at), header.baseOffset(window.buffer, at))
        continue
      }
      if (segment.end === options.mustReach) return
      if (position >= options.vouched) {
        this.stopped = true
        return
      }
      const found = await findBatchBehind(window, position, segment.end, options.stopAt ?? options.mustReach)
      if (found) {
        options.damage(segment.end, found.offset, position)
        segment.skipTo(found.position, found.offset)
      } else if (options.stopAt !== undefined) {
        // The truncation has cut the file here already, if nothing is missing.
        options.damage(segment.end, options.stopAt, position)
        this.stopped = true
        return
      } else if (options.mustReach === undefined) {
        // Nothing vouches for what should be here, and nothing follows: a torn tail.
        this.stopped = true
        return
      } else {
        options.damage(segment.end, options.mustReach, position)
        segment.bytes = this.limit
        segment.end = options.mustReach
        segment.closed = true
        return
      }
    }
  }

  /** Size of the intact batch at `position` that continues the segment; else 0. */
  private async intactAt(position: number): Promise<number> {
    const { window } = this
    await window.fill(position, header.headerBytes)
    let at = position - window.start
    if (window.buffer.length - at < header.headerBytes) return 0
    const declared = header.batchBytes(window.buffer, at)
    if (declared < header.headerBytes || position + declared > this.limit) return 0
    await window.fill(position, declared)
    at = position - window.start
    const bytes = validBatchAt(window.buffer, at)
    if (bytes === 0) return 0
    const base = header.baseOffset(window.buffer, at)
    if (base !== this.segment.end && !this.isKnownGap(base, position)) return 0
    return (await this.isRightEpoch(position, bytes, base)) ? bytes : 0
  }

  /** Epochs lie outside the CRC: they must be the known ones, or go on from them, and the next batch must not take one back. */
  private async isRightEpoch(position: number, bytes: number, base: number): Promise<boolean> {
    const { window } = this
    const { latest } = this.epochs
    const epoch = header.leaderEpoch(window.buffer, position - window.start)
    // Below the log's start the epochs are forgotten.
    if (!latest || base < this.known.from) return true
    if (latest.startOffset > base || base < this.known.to) return epoch === this.epochs.at(base)
    if (epoch <= latest.epoch) return epoch === latest.epoch
    const next = position + bytes
    if (next + header.headerBytes > this.limit) return true
    await window.fill(position, bytes + header.headerBytes)
    if (next + header.headerBytes > window.start + window.buffer.length) return true
    return (
      header.magic(window.buffer, next - window.start) !== 2 ||
      header.leaderEpoch(window.buffer, next - window.start) >= epoch
    )
  }

  private isKnownGap(base: number, position: number): boolean {
    if (base < this.segment.end) return false
    const entry = this.gaps.floorOffset(base)
    return entry >= 0 && this.gaps.offsetAt(entry) === base && this.gaps.positionAt(entry) === position
  }
}
