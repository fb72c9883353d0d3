import type { Range } from './checkpoint.ts'

/** The damage in a log: ranges of offsets that are known to be lost, and places that reads have reported. */
export class Damage {
  onFound: (() => void) | undefined
  private ranges: readonly Range[]
  private reported: Set<string> | undefined

  constructor(ranges: readonly Range[]) {
    this.ranges = ranges
  }

  /** Whether any was found. */
  get isKnown(): boolean {
    return this.ranges.length > 0
  }

  /** The ranges that begin below `end`. */
  below(end: number): Range[] {
    return this.ranges.filter(range => range.from < end)
  }

  at(offset: number): Range | undefined {
    return this.ranges.find(({ from, to }) => from <= offset && offset < to)
  }

  cutEnd(offset: number): void {
    this.ranges = clipRanges(this.ranges, offset)
  }

  cutStart(offset: number): void {
    this.ranges = this.ranges.filter(range => range.to > offset)
  }

  /** A read has found offsets that can't be read. */
  found(from: number, to: number): void {
    if (from >= to || this.ranges.some(range => range.from <= from && to <= range.to)) return
    this.ranges = [...this.ranges, { from, to }]
    this.onFound?.()
  }

  /** True the first time for each place. */
  isNew(segmentBase: number, position: number): boolean {
    this.reported ??= new Set()
    const place = `${segmentBase}:${position}`
    if (this.reported.has(place)) return false
    this.reported.add(place)
    return true
  }
}

/** The ranges without what lies at or above `end`. */
export function clipRanges(ranges: readonly Range[], end: number): Range[] {
  return ranges.flatMap(({ from, to }) => (from < end ? [{ from, to: Math.min(to, end) }] : []))
}
