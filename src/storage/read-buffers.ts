const sizes = [64 * 1024, 1024 * 1024]
const keptMax = 16

/** Buffers for reads through the page cache, taken again instead of allocated anew. */
export class ReadBuffers {
  private readonly free = new Map<number, Buffer[]>(sizes.map(size => [size, []]))

  take(bytes: number): Buffer {
    const size = sizes.find(candidate => candidate >= bytes)
    return (size && this.free.get(size)?.pop()) || Buffer.allocUnsafeSlow(size ?? bytes)
  }

  give(buffer: Buffer): void {
    const list = this.free.get(buffer.length)
    if (list && list.length < keptMax) list.push(buffer)
  }
}
