/** More pieces than this are not remembered: the one that was seen longest ago is checked again. */
const rangesMax = 32

/** The ranges [from, to) of a segment's file in which every batch's CRC was found right since the start. */
export class VerifiedRanges {
  /** In the order in which they were last extended. */
  private ranges: { readonly from: number; readonly to: number }[] = []

  has(from: number, to: number): boolean {
    for (const range of this.ranges) if (range.from <= from && to <= range.to) return true
    return false
  }

  add(from: number, to: number): void {
    if (from >= to || this.has(from, to)) return
    let joined = { from, to }
    this.ranges = this.ranges.filter(range => {
      if (range.to < joined.from || range.from > joined.to) return true
      joined = { from: Math.min(range.from, joined.from), to: Math.max(range.to, joined.to) }
      return false
    })
    this.ranges.push(joined)
    if (this.ranges.length > rangesMax) this.ranges.shift()
  }

  /** What lies at or after `position` will be other bytes. */
  cut(position: number): void {
    this.ranges = this.ranges
      .filter(({ from }) => from < position)
      .map(({ from, to }) => ({ from, to: Math.min(to, position) }))
  }
}
