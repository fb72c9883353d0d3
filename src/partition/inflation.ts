/** How many times its size a compressed batch may take without counting: what real data seldom exceeds. */
const ordinaryRatio = 20

/**
 * What the compressed batches of one request take decompressed, beyond an ordinary ratio, over all of them: a frame may
 * hold thousands of batches of a few kilobytes that each take a hundred megabytes, and nobody else is served while they
 * are looked at.
 */
export class Inflation {
  private spentBytes = 0

  /** What the next batch, of `compressedBytes`, may take where one alone may take `bytesMax`. */
  allowed(compressedBytes: number, bytesMax: number): number {
    const ordinary = compressedBytes * ordinaryRatio
    return Math.min(bytesMax, ordinary + Math.max(0, bytesMax - this.spentBytes))
  }

  /** The batch took `bytes`. */
  spend(compressedBytes: number, bytes: number): void {
    this.spentBytes += Math.max(0, bytes - compressedBytes * ordinaryRatio)
  }
}
