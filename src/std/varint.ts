/**
 * Variable-length integers as Kafka's records use them: zigzag, seven bits a byte, least significant first (the
 * encoding of Protocol Buffers' sint32 and sint64).
 */

/**
 * Reads forward in `buffer[at, end)` without allocating. Every method throws RangeError when the bytes end too early or
 * a number has more bytes than its type can have; `at` is then undefined.
 */
export class Cursor {
  buffer: Uint8Array
  at: number
  end: number

  constructor(buffer: Uint8Array, at = 0, end = buffer.length) {
    this.buffer = buffer
    this.at = at
    this.end = end
  }

  byte(): number {
    if (this.at >= this.end) throw new RangeError('the bytes end within a record')
    return this.buffer[this.at++]
  }

  /** A zigzag int32 in one to five bytes. */
  varint(): number {
    const first = this.byte()
    if (first < 0x80) return (first >>> 1) ^ -(first & 1)
    const second = this.byte()
    const bits = (first & 0x7f) | ((second & 0x7f) << 7)
    return second < 0x80 ? (bits >>> 1) ^ -(bits & 1) : this.longVarint(bits)
  }

  private longVarint(bits: number): number {
    let byte: number
    for (let shift = 14; shift <= 28; shift += 7) {
      byte = this.byte()
      bits |= (byte & 0x7f) << shift
      if (byte < 0x80) return (bits >>> 1) ^ -(bits & 1)
    }
    throw new RangeError('a varint has more than five bytes')
  }

  /** A zigzag int64 in one to ten bytes, as a number: exact up to 2^53, rounded beyond. */
  varlong(): number {
    let byte = this.byte()
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
    const negative = (byte & 1) === 1
    let magnitude = (byte & 0x7f) >>> 1
    for (let scale = 64; byte >= 0x80; scale *= 128) {
      if (scale > 2 ** 62) throw new RangeError('a varlong has more than ten bytes')
      byte = this.byte()
      magnitude += (byte & 0x7f) * scale
    }
    return negative ? -magnitude - 1 : magnitude
  }

  /** Steps over `bytes` bytes. */
  skip(bytes: number): void {
    if (bytes < 0 || bytes > this.end - this.at) throw new RangeError('a length exceeds the bytes left')
    this.at += bytes
  }
}

/** Bytes of `value` (an int32) as a varint. */
export function varintBytes(value: number): number {
  const bits = ((value << 1) ^ (value >> 31)) >>> 0
  return bits < 0x80 ? 1 : bits < 0x4000 ? 2 : bits < 0x20_0000 ? 3 : bits < 0x1000_0000 ? 4 : 5
}

/** Bytes of `value` (a safe integer) as a varlong. */
export function varlongBytes(value: number): number {
  let rest = value < 0 ? -(value + 1) : value
  let bytes = 1
  for (rest = Math.floor(rest / 64); rest > 0; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

/** Writes an int32; gives the position after it. The caller has made sure of five bytes of room. */
export function writeVarint(target: Uint8Array, value: number, at: number): number {
  let bits = ((value << 1) ^ (value >> 31)) >>> 0
  while (bits >= 0x80) {
    target[at++] = (bits & 0x7f) | 0x80
    bits >>>= 7
  }
  target[at++] = bits
  return at
}

/** Writes a safe integer; gives the position after it. The caller has made sure of ten bytes of room. */
export function writeVarlong(target: Uint8Array, value: number, at: number): number {
  if (value >= -0x4000_0000 && value < 0x4000_0000) return writeVarint(target, value, at)
  const negative = value < 0
  const magnitude = negative ? -(value + 1) : value
  let rest = Math.floor(magnitude / 64)
  target[at++] = ((magnitude % 64) << 1) | (negative ? 1 : 0) | (rest > 0 ? 0x80 : 0)
  while (rest > 0) {
    const next = Math.floor(rest / 128)
    target[at++] = (rest % 128) | (next > 0 ? 0x80 : 0)
    rest = next
  }
  return at
}
