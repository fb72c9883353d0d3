import * as header from '../../record/header.ts'
import { entryBytes, type OffsetIndex } from '../segments/offset-index.ts'
import type { Segment } from '../segments/segment.ts'

/** Holds the entries of an index against the batches of its segment, which come in order. */
export class IndexCheck {
  private readonly index: OffsetIndex
  private readonly report: (position: number, message: string) => void
  private next = 0
  private blind = false

  /** `report` gets the byte of the index file. */
  constructor(index: OffsetIndex, report: (position: number, message: string) => void) {
    this.index = index
    this.report = report
  }

  /** The next batch; `segment` is as it is in front of it. */
  batch(buffer: Buffer, at: number, segment: Segment): void {
    const { index } = this
    this.skipBelow(segment.bytes)
    if (this.next >= index.count || index.positionAt(this.next) !== segment.bytes) return
    const entry = this.next++
    const base = header.baseOffset(buffer, at)
    if (index.offsetAt(entry) !== base)
      this.report(this.byte(entry), `an entry says offset ${index.offsetAt(entry)}; at its place begins ${base}`)
    const before = index.timestampBefore(entry)
    const { newest } = segment
    if (!this.blind && (before.timestamp !== newest.timestamp || before.offset !== newest.offset))
      this.report(
        this.byte(entry),
        `an entry says that ${before.timestamp} is the newest timestamp in front of it; it is ${newest.timestamp}`
      )
  }

  /** Behind damage nobody knows the newest timestamp. */
  damage(): void {
    this.blind = true
  }

  /** All batches were there: up to `bytes`. */
  end(bytes: number): void {
    this.skipBelow(bytes)
  }

  private skipBelow(position: number): void {
    const { index } = this
    for (; this.next < index.count && index.positionAt(this.next) < position; this.next++)
      if (!this.blind)
        this.report(this.byte(this.next), `an entry says byte ${index.positionAt(this.next)}; no batch begins there`)
  }

  private byte(entry: number): number {
    return (entry + 1) * entryBytes
  }
}
