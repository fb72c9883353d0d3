import { DecodeError } from './errors.ts'

/**
 * Elements of all arrays that one message may hold. An element of three bytes becomes an object of a hundred, so the
 * bytes that arrived are no bound on memory by themselves.
 */
export const elementsMax = 1_000_000

/** Kafka's strings end here in both encodings. */
const stringBytesMax = 0x7fff

export const zeroUuid = 'AAAAAAAAAAAAAAAAAAAAAA'

/**
 * Reads Kafka's primitive types from bytes, each checked against what is left. Throws DecodeError and nothing else.
 * `records` and `view` are slices of the bytes given; everything else is copied out.
 */
export class Reader {
  private readonly source: Buffer
  private readonly end: number
  private readonly elementsMax: number
  /** Elements of all arrays read so far. */
  elements = 0
  at: number

  constructor(source: Buffer, at = 0, end = source.length, most = elementsMax) {
    this.elementsMax = most
    this.source = source
    this.at = at
    this.end = end
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.end - this.at
  }

  private take(bytes: number): number {
    const at = this.at
    if (bytes > this.end - at) throw new DecodeError(`${bytes} bytes expected at ${at}, ${this.end - at} left`)
    this.at = at + bytes
    return at
  }

  int8(): number {
    return (this.source[this.take(1)] << 24) >> 24
  }

  int16(): number {
    const at = this.take(2)
    return (((this.source[at] << 8) | this.source[at + 1]) << 16) >> 16
  }

  uint16(): number {
    const at = this.take(2)
    return (this.source[at] << 8) | this.source[at + 1]
  }

  int32(): number {
    const at = this.take(4)
    const source = this.source
    return (source[at] << 24) | (source[at + 1] << 16) | (source[at + 2] << 8) | source[at + 3]
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  /** Exact up to 2^53, rounded beyond. */
  int64(): number {
    const high = this.int32()
    return high * 0x1_0000_0000 + (this.int32() >>> 0)
  }

  float64(): number {
    return this.source.readDoubleBE(this.take(8))
  }

  bool(): boolean {
    return this.source[this.take(1)] !== 0
  }

  /** An unsigned varint of at most five bytes, as an unsigned 32-bit number. */
  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.source[this.take(1)]
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new DecodeError(`varint longer than five bytes before ${this.at}`)
  }

  uuid(): string {
    const at = this.take(16)
    return this.source.toString('base64url', at, at + 16)
  }

  nullableString(): string | null {
    return this.text(this.int16())
  }

  string(): string {
    return this.present(this.nullableString())
  }

  compactNullableString(): string | null {
    return this.text(this.uvarint() - 1)
  }

  compactString(): string {
    return this.present(this.compactNullableString())
  }

  private text(bytes: number): string | null {
    if (bytes < 0) return null
    if (bytes > stringBytesMax) throw new DecodeError(`string of ${bytes} bytes`)
    const at = this.take(bytes)
    return this.source.toString('utf8', at, at + bytes)
  }

  nullableBytes(): Buffer | null {
    return this.copied(this.nullableRecords())
  }

  bytes(): Buffer {
    return this.present(this.nullableBytes())
  }

  compactNullableBytes(): Buffer | null {
    return this.copied(this.compactNullableRecords())
  }

  compactBytes(): Buffer {
    return this.present(this.compactNullableBytes())
  }

  private copied(slice: Buffer | null): Buffer | null {
    return slice && Buffer.from(slice)
  }

  /** A slice of the source: whoever keeps it longer than the source is owned copies it. */
  nullableRecords(): Buffer | null {
    const bytes = this.int32()
    return bytes < 0 ? null : this.view(bytes)
  }

  records(): Buffer {
    return this.present(this.nullableRecords())
  }

  compactNullableRecords(): Buffer | null {
    const bytes = this.uvarint() - 1
    return bytes < 0 ? null : this.view(bytes)
  }

  compactRecords(): Buffer {
    return this.present(this.compactNullableRecords())
  }

  view(bytes: number): Buffer {
    const at = this.take(bytes)
    return this.source.subarray(at, at + bytes)
  }

  /** An array's length, checked before anything is allocated; below 0 for null. An element takes `elementBytes` at least. */
  nullableCount(elementBytes: number): number {
    return this.checkedCount(this.int32(), elementBytes)
  }

  count(elementBytes: number): number {
    return this.presentCount(this.nullableCount(elementBytes))
  }

  compactNullableCount(elementBytes: number): number {
    return this.checkedCount(this.uvarint() - 1, elementBytes)
  }

  compactCount(elementBytes: number): number {
    return this.presentCount(this.compactNullableCount(elementBytes))
  }

  private checkedCount(count: number, elementBytes: number): number {
    if (count <= 0) return count
    if (count * elementBytes > this.end - this.at)
      throw new DecodeError(`array of ${count} at ${this.at}, ${this.end - this.at} bytes left`)
    this.elements += count
    if (this.elements > this.elementsMax) throw new DecodeError(`more than ${this.elementsMax} array elements`)
    return count
  }

  private presentCount(count: number): number {
    if (count < 0) throw new DecodeError(`null array before ${this.at}`)
    return count
  }

  private present<T>(value: T | null): T {
    if (value === null) throw new DecodeError(`null before ${this.at}`)
    return value
  }

  /** Passes over a section of tagged fields. */
  skipTags(): void {
    for (let tags = this.uvarint(); tags > 0; tags--) {
      this.uvarint()
      this.skip(this.uvarint())
    }
  }

  skip(bytes: number): void {
    this.take(bytes)
  }

  /** Checks that a tagged field took as many bytes as it said. */
  closeTag(start: number, bytes: number): void {
    if (this.at !== start + bytes) throw new DecodeError(`tagged field of ${bytes} bytes took ${this.at - start}`)
  }
}
