/** Latencies in microseconds, in buckets less than 2 % wide; recording costs a few nanoseconds. */
export class Histogram {
  private readonly counts = new Float64Array(64 * 40)
  count = 0
  sumUs = 0
  maxUs = 0

  record(us: number): void {
    this.counts[bucketOf(us)]++
    this.count++
    this.sumUs += us
    if (us > this.maxUs) this.maxUs = us
  }

  /** The upper edge of the bucket that holds the given quantile (0 to 1); 0 when nothing was recorded. */
  quantile(q: number): number {
    const rank = Math.ceil(q * this.count)
    let seen = 0
    for (let i = 0; i < this.counts.length; i++) {
      seen += this.counts[i]
      if (seen >= rank && seen > 0) return Math.min(this.maxUs, edgeOf(i))
    }
    return 0
  }
}

// 64 linear steps below 64 us, then 64 steps for each doubling.
function bucketOf(us: number): number {
  if (us < 64) return Math.max(0, us | 0)
  const doubling = 31 - Math.clz32(us / 64)
  return Math.min(64 * 40 - 1, 64 * (doubling + 1) + ((us / 2 ** doubling) | 0) - 64)
}

function edgeOf(bucket: number): number {
  if (bucket < 64) return bucket + 1
  const doubling = Math.floor(bucket / 64) - 1
  return ((bucket % 64) + 65) * 2 ** doubling
}
