import { DecodeError } from '../../schema/errors.ts'

/** How much more than what has arrived may be allocated for a frame, and the least that is worth allocating. */
const growth = 4
const firstBytes = 16 * 1024

/** Where frames that arrive in pieces are put together. */
export interface BufferPool {
  /** At least that many bytes, not zeroed. */
  take(bytes: number): Buffer
  /** The same where it costs no new memory. */
  kept(bytes: number): Buffer | undefined
  give(buffer: Buffer): void
}

/** Leaves buffers to the garbage collector: frames stay valid as long as anyone keeps them. */
const unpooled: BufferPool = { take: bytes => Buffer.allocUnsafeSlow(bytes), kept: () => undefined, give() {} }

/**
 * Splits a byte stream into frames: an int32 of length, then that many bytes. What is allocated for a frame grows with
 * the bytes that arrived, at most `growth` times as many, whatever the length promises; only buffers that a pool has
 * lying about are taken whole at once.
 *
 * A frame that lies whole in one chunk is a slice of that chunk. With a pool, a frame is valid until the next call of
 * `next` or `release`.
 */
export class FrameSplitter {
  private readonly maxBytes: number
  private readonly pool: BufferPool
  /** What was pushed and not looked at yet. */
  private chunk: Buffer | undefined
  private at = 0
  /** The chunk is memory of this splitter's own. */
  private kept = false
  /** Bytes of the length that a chunk's end cut off, and how many. */
  private lengthPart = 0
  private lengthPartBytes = 0
  /** The frame being put together. */
  private partial: Buffer | undefined
  private partialBytes = 0
  private frameBytes = 0
  private lent: Buffer | undefined

  /** Frames longer than `maxBytes` are refused. */
  constructor(maxBytes: number, pool: BufferPool = unpooled) {
    this.maxBytes = maxBytes
    this.pool = pool
  }

  /** True while no part of a frame is held. */
  get idle(): boolean {
    return !this.chunk && !this.partial && this.lengthPartBytes === 0
  }

  /** Memory that is held for frames that are not whole yet, or were not asked for. */
  get heldBytes(): number {
    return (this.partial?.length ?? 0) + (this.kept && this.chunk ? this.chunk.length - this.at : 0)
  }

  /** Whether a frame has begun that is not whole. */
  get inFrame(): boolean {
    return this.partial !== undefined
  }

  /** Takes the next bytes of the stream; `next` must have returned undefined before. */
  push(chunk: Buffer): void {
    this.chunk = chunk
    this.kept = false
    this.at = 0
  }

  /** The next whole frame, or undefined until more is pushed. Throws DecodeError when a length is none. */
  next(): Buffer | undefined {
    if (this.lent) this.release()
    const chunk = this.chunk
    if (!chunk) return undefined
    if (this.partial) return this.complete(chunk)
    if (this.lengthPartBytes > 0 || chunk.length - this.at < 4) {
      if (!this.readLengthPart(chunk)) return undefined
    } else {
      this.frameBytes = this.checked(chunk.readInt32BE(this.at))
      this.at += 4
    }
    const end = this.at + this.frameBytes
    if (end <= chunk.length) {
      const frame = chunk.subarray(this.at, end)
      this.advance(chunk, end)
      return frame
    }
    this.partialBytes = 0
    this.partial =
      this.pool.kept(this.frameBytes) ??
      this.pool.take(Math.min(this.frameBytes, Math.max(firstBytes, (chunk.length - this.at) * growth)))
    return this.complete(chunk)
  }

  /** Copies what was pushed and not looked at yet: the caller takes its chunk back. */
  keep(): void {
    if (!this.chunk) return
    this.chunk = Buffer.from(this.chunk.subarray(this.at))
    this.at = 0
    this.kept = true
  }

  /** Gives back the frame last returned by `next`. */
  release(): void {
    if (this.lent) this.pool.give(this.lent)
    this.lent = undefined
  }

  /** Lets go of everything. */
  close(): void {
    this.release()
    if (this.partial) this.pool.give(this.partial)
    this.partial = undefined
    this.chunk = undefined
  }

  private readLengthPart(chunk: Buffer): boolean {
    while (this.at < chunk.length && this.lengthPartBytes < 4) {
      this.lengthPart = (this.lengthPart << 8) | chunk[this.at++]
      this.lengthPartBytes++
    }
    const whole = this.lengthPartBytes === 4
    if (whole) {
      this.frameBytes = this.checked(this.lengthPart)
      this.lengthPart = 0
      this.lengthPartBytes = 0
    }
    if (this.at === chunk.length && !whole) this.chunk = undefined
    return whole
  }

  private complete(chunk: Buffer): Buffer | undefined {
    let partial = this.partial as Buffer
    const bytes = Math.min(this.frameBytes - this.partialBytes, chunk.length - this.at)
    const arrived = this.partialBytes + bytes
    if (arrived > partial.length) {
      const larger = this.pool.take(Math.min(this.frameBytes, arrived * growth))
      partial.copy(larger, 0, 0, this.partialBytes)
      this.pool.give(partial)
      partial = larger
      this.partial = larger
    }
    chunk.copy(partial, this.partialBytes, this.at, this.at + bytes)
    this.partialBytes = arrived
    this.advance(chunk, this.at + bytes)
    if (arrived < this.frameBytes) return undefined
    this.partial = undefined
    this.lent = partial
    return partial.length === arrived ? partial : partial.subarray(0, arrived)
  }

  private advance(chunk: Buffer, at: number): void {
    this.at = at
    if (at === chunk.length) this.chunk = undefined
  }

  private checked(length: number): number {
    if (length < 1 || length > this.maxBytes)
      throw new DecodeError(`a frame of ${length} bytes; 1 to ${this.maxBytes} are allowed`)
    return length
  }
}

/**
 * Keeps freed buffers for the next frames: sizes are powers of two, and at most `maxBytes` are kept. Large buffers
 * cost more to map and unmap than to fill.
 */
export class FramePool implements BufferPool {
  private readonly maxBytes: number
  private readonly free = new Map<number, Buffer[]>()
  private freeBytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  take(bytes: number): Buffer {
    return this.kept(bytes) ?? Buffer.allocUnsafeSlow(sizeFor(bytes))
  }

  kept(bytes: number): Buffer | undefined {
    const kept = this.free.get(sizeFor(bytes))?.pop()
    if (kept) this.freeBytes -= kept.length
    return kept
  }

  give(buffer: Buffer): void {
    const size = buffer.length
    if (this.freeBytes + size > this.maxBytes) return
    const kept = this.free.get(size)
    if (kept) kept.push(buffer)
    else this.free.set(size, [buffer])
    this.freeBytes += size
  }
}

const sizeFor = (bytes: number): number => 2 ** Math.ceil(Math.log2(bytes))
