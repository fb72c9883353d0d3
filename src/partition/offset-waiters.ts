/** Called once: with no error when the awaited offset is reached, with one when it never will be. */
export type OffsetCallback = (error?: Error) => void

/**
 * Callbacks that wait for an end (durable end, high watermark) to pass an offset. Appends come in offset order, so this
 * is a queue: `reach` costs what it completes. A late smaller offset (a duplicate's answer) waits behind the larger
 * one in front of it only if it is pushed after it, so such callers' order is kept by inserting in place.
 */
export class OffsetWaiters {
  private offsets: number[] = []
  private callbacks: OffsetCallback[] = []
  private head = 0

  get size(): number {
    return this.offsets.length - this.head
  }

  /** Calls back once the end is at least `end`. */
  push(end: number, callback: OffsetCallback): void {
    let at = this.offsets.length
    while (at > this.head && this.offsets[at - 1] > end) at--
    if (at === this.offsets.length) {
      this.offsets.push(end)
      this.callbacks.push(callback)
    } else {
      this.offsets.splice(at, 0, end)
      this.callbacks.splice(at, 0, callback)
    }
  }

  /** Completes everything that waits for `end` or less. */
  reach(end: number): void {
    while (this.head < this.offsets.length && this.offsets[this.head] <= end) this.take()()
    this.shrink()
  }

  /** Fails everything that waits. */
  fail(error: Error): void {
    while (this.head < this.offsets.length) this.take()(error)
    this.shrink()
  }

  private take(): OffsetCallback {
    return this.callbacks[this.head++]
  }

  private shrink(): void {
    if (this.head === this.offsets.length) {
      if (this.head > 0) {
        this.offsets = []
        this.callbacks = []
        this.head = 0
      }
    } else if (this.head > 1024) {
      this.offsets.splice(0, this.head)
      this.callbacks.splice(0, this.head)
      this.head = 0
    }
  }
}
