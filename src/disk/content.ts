const chunkBytes = 64 * 1024

/** A file's bytes in chunks; a missing chunk reads as zeros. */
export class Content {
  length = 0
  readonly chunks: (Buffer | undefined)[] = []

  copyTo(target: Buffer, offset: number, position: number, length: number): void {
    this.walk(position, length, (index, within, at, bytes) => {
      const chunk = this.chunks[index]
      if (chunk) chunk.copy(target, offset + at, within, within + bytes)
      else target.fill(0, offset + at, offset + at + bytes)
    })
  }

  copyFrom(source: Buffer, offset: number, position: number, length: number): void {
    this.walk(position, length, (index, within, at, bytes) => {
      let chunk = this.chunks[index]
      if (!chunk) {
        chunk = Buffer.alloc(chunkBytes)
        this.chunks[index] = chunk
      }
      source.copy(chunk, within, offset + at, offset + at + bytes)
    })
    this.length = Math.max(this.length, position + length)
  }

  cut(length: number): void {
    const whole = Math.ceil(length / chunkBytes)
    if (this.chunks.length > whole) this.chunks.length = whole
    if (length % chunkBytes !== 0) this.chunks[whole - 1]?.fill(0, length % chunkBytes)
    this.length = length
  }

  /** A copy that shares nothing. */
  clone(): Content {
    const copy = new Content()
    copy.length = this.length
    this.chunks.forEach((chunk, index) => {
      if (chunk) copy.chunks[index] = Buffer.from(chunk)
    })
    return copy
  }

  private walk(
    position: number,
    length: number,
    visit: (index: number, within: number, at: number, bytes: number) => void
  ): void {
    for (let at = 0; at < length; ) {
      const within = (position + at) % chunkBytes
      const bytes = Math.min(chunkBytes - within, length - at)
      visit(Math.floor((position + at) / chunkBytes), within, at, bytes)
      at += bytes
    }
  }
}
