import { Semaphore } from '../semaphore.ts'

const sizes = [64 * 1024, 1024 * 1024]
const keptMax = 16
/** Reads from files at a time: the thread pool has four threads, and the journal's writes must not stand behind thousands of reads. */
const readsTogether = 6

/** Buffers for reads through the page cache, taken again instead of allocated anew. */
export class ReadBuffers {
  /** What is taken and not given back is counted here. */
  private readonly lent: { bytes: number }
  /** Readers take their turns here: who waits holds no buffer. */
  readonly turns = new Semaphore(readsTogether)
  private readonly free = new Map<number, Buffer[]>(sizes.map(size => [size, []]))

  constructor(lent: { bytes: number }) {
    this.lent = lent
  }

  take(bytes: number): Buffer {
    const size = sizes.find(candidate => candidate >= bytes)
    const buffer = (size && this.free.get(size)?.pop()) || Buffer.allocUnsafeSlow(size ?? bytes)
    this.lent.bytes += buffer.length
    return buffer
  }

  give(buffer: Buffer): void {
    this.lent.bytes -= buffer.length
    const list = this.free.get(buffer.length)
    if (list && list.length < keptMax) list.push(buffer)
  }
}
