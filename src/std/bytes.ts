/** A buffer that grows as it is written, doubling; `reset` keeps its memory for the next use. */
export class ByteSink {
  /** Only `buffer[0, length)` is written. May be another object after any `reserve`. */
  buffer: Buffer
  length = 0

  constructor(capacity = 1024) {
    this.buffer = Buffer.allocUnsafe(capacity)
  }

  /** Makes room for `bytes` more; the caller then writes at `length` and moves it. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.length + bytes, this.buffer.length * 2))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  reset(): void {
    this.length = 0
  }

  /** A copy of what was written. */
  copy(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.length)
    this.buffer.copy(bytes, 0, 0, this.length)
    return bytes
  }
}
