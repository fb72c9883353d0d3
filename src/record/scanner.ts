import { Cursor } from '../std/varint.ts'

const nothing = Buffer.alloc(0)

/**
 * Steps through the (uncompressed) records of one batch without copying, and checks their structure completely: every
 * length, the headers too. Start with `reset`, then call `next` until it is false.
 *
 *   length varint | attributes i8 | timestamp delta varlong | offset delta varint | key length varint, key |
 *   value length varint, value | header count varint, of each: key length varint, key, value length varint, value
 *
 * Lengths of -1 (any negative one, as Kafka reads them) stand for null; header keys are never null. Malformed bytes
 * throw RangeError.
 */
export class RecordScanner {
  /** Where the current record begins, at its length. */
  start = 0
  timestampDelta = 0
  /** Where the current record goes on behind its timestamp. */
  timestampEnd = 0
  offsetDelta = 0
  keyStart = 0
  /** -1 for null. */
  keyLength = 0
  valueStart = 0
  /** -1 for null. */
  valueLength = 0
  headerCount = 0
  headersStart = 0

  private readonly cursor = new Cursor(nothing)
  private left = 0

  /** Begins with the records in `buffer[at, end)`, which must be `count` and fill it exactly. */
  reset(buffer: Buffer, at: number, end: number, count: number): void {
    this.cursor.buffer = buffer
    this.cursor.at = at
    this.cursor.end = end
    this.left = count
  }

  /** Lets go of the bytes. */
  release(): void {
    this.reset(nothing, 0, 0, 0)
  }

  /** Takes one record; false after the last. */
  next(): boolean {
    const cursor = this.cursor
    if (this.left === 0) {
      if (cursor.at !== cursor.end) throw new RangeError('bytes are left after the last record that the batch declares')
      return false
    }
    this.left--
    this.start = cursor.at
    const length = cursor.varint()
    const outerEnd = cursor.end
    const end = cursor.at + length
    if (length < 0 || end > outerEnd) throw new RangeError('a record is longer than the batch')
    cursor.end = end
    cursor.byte()
    this.timestampDelta = cursor.varlong()
    this.timestampEnd = cursor.at
    this.offsetDelta = cursor.varint()
    this.keyLength = cursor.varint()
    this.keyStart = cursor.at
    if (this.keyLength >= 0) cursor.skip(this.keyLength)
    else this.keyLength = -1
    this.valueLength = cursor.varint()
    this.valueStart = cursor.at
    if (this.valueLength >= 0) cursor.skip(this.valueLength)
    else this.valueLength = -1
    this.headerCount = cursor.varint()
    this.headersStart = cursor.at
    if (this.headerCount !== 0) this.skipHeaders(cursor)
    if (cursor.at !== end) throw new RangeError('a record has bytes left over')
    cursor.end = outerEnd
    return true
  }

  /** Where the current record ends. */
  get end(): number {
    return this.cursor.at
  }

  private skipHeaders(cursor: Cursor): void {
    if (this.headerCount < 0 || this.headerCount > cursor.end - cursor.at)
      throw new RangeError(`a record declares ${this.headerCount} headers`)
    for (let i = 0; i < this.headerCount; i++) {
      cursor.skip(cursor.varint())
      const length = cursor.varint()
      if (length > 0) cursor.skip(length)
    }
  }
}
