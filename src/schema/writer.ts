import { EncodeError } from './errors.ts'
import { zeroUuid } from './reader.ts'

/** Record sets of this size and above are passed on by reference, smaller ones are copied between their neighbours. */
export const referenceBytesMin = 2048

/** What a `records` field may be given: bytes, or chunks that follow each other. Not changed until they are written. */
export type RecordsInput = Buffer | readonly Buffer[]

/**
 * Writes Kafka's primitive types into a list of chunks: small fields share a slab, large record sets are chunks of
 * their own, not copied. A slab is used on after `take`, so one long-lived Writer serves many small messages; bytes
 * that were taken are never touched again. Throws EncodeError for what a type can't hold.
 */
export class Writer {
  private readonly slabBytes: number
  private slab: Buffer
  /** Where the bytes not cut into a chunk yet begin and end. */
  private start = 0
  private at = 0
  private chunks: Buffer[] = []
  private chunkBytes = 0

  constructor(slabBytes = 1024) {
    this.slabBytes = slabBytes
    this.slab = Buffer.allocUnsafeSlow(slabBytes)
  }

  /** Bytes written since the last `take`. */
  get bytesWritten(): number {
    return this.chunkBytes + this.at - this.start
  }

  /** Hands over what was written since the last call. */
  take(): Buffer[] {
    this.cut()
    const chunks = this.chunks
    this.chunks = []
    this.chunkBytes = 0
    return chunks
  }

  /** As `take`, in one buffer. */
  takeWhole(): Buffer {
    const chunks = this.take()
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
  }

  private cut(): void {
    if (this.at === this.start) return
    this.chunks.push(this.slab.subarray(this.start, this.at))
    this.chunkBytes += this.at - this.start
    this.start = this.at
  }

  private reserve(bytes: number): number {
    const at = this.at
    if (at + bytes > this.slab.length) return this.grow(bytes)
    this.at = at + bytes
    return at
  }

  private grow(bytes: number): number {
    this.cut()
    this.slab = Buffer.allocUnsafeSlow(Math.max(this.slabBytes, bytes))
    this.start = 0
    this.at = bytes
    return 0
  }

  /** Leaves room for an int32 whose value is known later, such as a frame's length. */
  slot(): Slot {
    const at = this.reserve(4)
    return { slab: this.slab, at }
  }

  /** Fills a slot; allowed until `take`. */
  fill(slot: Slot, value: number): void {
    slot.slab.writeInt32BE(value, slot.at)
  }

  /** A point to go back to, until `take`. */
  mark(): Mark {
    return {
      slab: this.slab,
      start: this.start,
      at: this.at,
      chunks: this.chunks.length,
      chunkBytes: this.chunkBytes
    }
  }

  /** Forgets everything written since `mark`. */
  reset(mark: Mark): void {
    this.chunks.length = mark.chunks
    this.chunkBytes = mark.chunkBytes
    if (this.slab !== mark.slab && mark.at > mark.start) {
      this.chunks.push(mark.slab.subarray(mark.start, mark.at))
      this.chunkBytes += mark.at - mark.start
      this.start = this.at
    } else if (this.slab === mark.slab) {
      this.start = mark.start
      this.at = mark.at
    }
  }

  private integer(value: number, min: number, max: number, type: string): void {
    if (!(value >= min && value <= max && Number.isInteger(value)))
      throw new EncodeError(`${String(value)} is no ${type}`)
  }

  int8(value: number): void {
    this.integer(value, -0x80, 0x7f, 'int8')
    const at = this.reserve(1)
    this.slab[at] = value
  }

  int16(value: number): void {
    this.integer(value, -0x8000, 0x7fff, 'int16')
    this.put16(value)
  }

  uint16(value: number): void {
    this.integer(value, 0, 0xffff, 'uint16')
    this.put16(value)
  }

  int32(value: number): void {
    if ((value | 0) !== value) throw new EncodeError(`${String(value)} is no int32`)
    this.put32(value)
  }

  uint32(value: number): void {
    this.integer(value, 0, 0xffff_ffff, 'uint32')
    this.put32(value | 0)
  }

  /** Values at or beyond the ends of int64, which a number can only hold rounded, become the ends. */
  int64(value: number): void {
    if (!Number.isInteger(value)) throw new EncodeError(`${String(value)} is no int64`)
    if (value >= 0x8000_0000_0000_0000) {
      this.put32(0x7fff_ffff)
      this.put32(-1)
    } else if (value <= -0x8000_0000_0000_0000) {
      this.put32(-0x8000_0000)
      this.put32(0)
    } else {
      const high = Math.floor(value / 0x1_0000_0000)
      this.put32(high)
      this.put32((value - high * 0x1_0000_0000) | 0)
    }
  }

  private put16(value: number): void {
    const at = this.reserve(2)
    this.slab[at] = value >> 8
    this.slab[at + 1] = value
  }

  private put32(value: number): void {
    const at = this.reserve(4)
    const slab = this.slab
    slab[at] = value >> 24
    slab[at + 1] = value >> 16
    slab[at + 2] = value >> 8
    slab[at + 3] = value
  }

  float64(value: number): void {
    const at = this.reserve(8)
    this.slab.writeDoubleBE(value, at)
  }

  bool(value: boolean): void {
    const at = this.reserve(1)
    this.slab[at] = value ? 1 : 0
  }

  uvarint(value: number): void {
    let rest = value >>> 0
    while (rest > 0x7f) {
      const at = this.reserve(1)
      this.slab[at] = rest | 0x80
      rest >>>= 7
    }
    const at = this.reserve(1)
    this.slab[at] = rest
  }

  uuid(value: string): void {
    const at = this.reserve(16)
    if (value === zeroUuid) this.slab.fill(0, at, at + 16)
    else if (value.length !== 22 || this.slab.write(value, at, 16, 'base64url') !== 16)
      throw new EncodeError(`'${value}' is no uuid of 22 characters`)
  }

  string(value: string): void {
    this.nullableString(this.present(value))
  }

  nullableString(value: string | null): void {
    if (value === null) {
      this.put16(-1)
      return
    }
    const bytes = this.textBytes(value)
    this.put16(bytes)
    this.text(value, bytes)
  }

  compactString(value: string): void {
    this.compactNullableString(this.present(value))
  }

  compactNullableString(value: string | null): void {
    if (value === null) {
      this.uvarint(0)
      return
    }
    const bytes = this.textBytes(value)
    this.uvarint(bytes + 1)
    this.text(value, bytes)
  }

  private textBytes(value: string): number {
    const bytes = Buffer.byteLength(value)
    if (bytes > 0x7fff) throw new EncodeError(`string of ${bytes} bytes`)
    return bytes
  }

  private text(value: string, bytes: number): void {
    const at = this.reserve(bytes)
    this.slab.write(value, at, bytes, 'utf8')
  }

  bytes(value: Buffer): void {
    this.nullableBytes(this.present(value))
  }

  nullableBytes(value: Buffer | null): void {
    if (value === null) {
      this.put32(-1)
      return
    }
    this.put32(value.length)
    this.copy(value)
  }

  compactBytes(value: Buffer): void {
    this.compactNullableBytes(this.present(value))
  }

  compactNullableBytes(value: Buffer | null): void {
    if (value === null) {
      this.uvarint(0)
      return
    }
    this.uvarint(value.length + 1)
    this.copy(value)
  }

  /** Bytes as they are, without a length. */
  copy(value: Buffer): void {
    const at = this.reserve(value.length)
    this.slab.set(value, at)
  }

  records(value: RecordsInput): void {
    this.nullableRecords(this.present(value))
  }

  nullableRecords(value: RecordsInput | null): void {
    if (value === null) {
      this.put32(-1)
      return
    }
    this.put32(recordsBytes(value))
    this.chunked(value)
  }

  compactRecords(value: RecordsInput): void {
    this.compactNullableRecords(this.present(value))
  }

  compactNullableRecords(value: RecordsInput | null): void {
    if (value === null) {
      this.uvarint(0)
      return
    }
    this.uvarint(recordsBytes(value) + 1)
    this.chunked(value)
  }

  private chunked(value: RecordsInput): void {
    if (Buffer.isBuffer(value)) this.reference(value)
    else for (const chunk of value as readonly Buffer[]) this.reference(chunk)
  }

  private reference(chunk: Buffer): void {
    if (chunk.length < referenceBytesMin) {
      this.copy(chunk)
      return
    }
    this.cut()
    this.chunks.push(chunk)
    this.chunkBytes += chunk.length
  }

  count(count: number): void {
    this.put32(count)
  }

  compactCount(count: number): void {
    this.uvarint(count + 1)
  }

  /** A tagged field: its number, its size and what `write` writes. Rare enough for a Writer of its own. */
  tag(tag: number, write: (writer: Writer) => void): void {
    const inner = new Writer(256)
    write(inner)
    const content = inner.takeWhole()
    this.uvarint(tag)
    this.uvarint(content.length)
    this.copy(content)
  }

  private present<T>(value: T | null | undefined): T {
    if (value === null || value === undefined) throw new EncodeError(`${String(value)} where a value must be`)
    return value
  }
}

export interface Slot {
  readonly slab: Buffer
  readonly at: number
}

export interface Mark {
  readonly slab: Buffer
  readonly start: number
  readonly at: number
  readonly chunks: number
  readonly chunkBytes: number
}

function recordsBytes(value: RecordsInput): number {
  if (Buffer.isBuffer(value)) return value.length
  let bytes = 0
  for (const chunk of value as readonly Buffer[]) bytes += chunk.length
  return bytes
}
