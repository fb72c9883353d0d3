import { NaruError } from '../std/errors.ts'
import { Cursor } from '../std/varint.ts'
import { decompressedBytesMaxDefault, decompressRecords } from './compression.ts'
import * as header from './header.ts'
import { RecordScanner } from './scanner.ts'

export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

/** One record. Key and value are slices of the batch (of its decompressed records), not copies. */
export interface RecordView {
  readonly offset: number
  /** Epoch ms; the batch's append time where the batch says LogAppendTime. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
  /** Bytes of the record as it stands in the (uncompressed) batch, with its length. */
  readonly bytes: Buffer
}

const noHeaders: readonly RecordHeader[] = []

/**
 * The records of the whole batch at `at`, control records too. Decompresses at most to `bytesMax` (MESSAGE_TOO_LARGE
 * beyond). Throws NaruError CORRUPT_MESSAGE when the records are malformed; the CRC is the caller's business.
 */
export function* iterateRecords(
  buffer: Buffer,
  at = 0,
  bytesMax = decompressedBytesMaxDefault
): Generator<RecordView, void, undefined> {
  const appendTime = header.isLogAppendTime(buffer, at) ? header.maxTimestamp(buffer, at) : undefined
  const baseOffset = header.baseOffset(buffer, at)
  const baseTimestamp = header.baseTimestamp(buffer, at)
  const plain = decompressRecords(buffer, at, bytesMax)
  const scanner = new RecordScanner()
  scanner.reset(plain, 0, plain.length, header.recordCount(buffer, at))
  while (advance(scanner))
    yield {
      offset: baseOffset + scanner.offsetDelta,
      timestamp: appendTime ?? baseTimestamp + scanner.timestampDelta,
      key: slice(plain, scanner.keyStart, scanner.keyLength),
      value: slice(plain, scanner.valueStart, scanner.valueLength),
      headers: scanner.headerCount === 0 ? noHeaders : readHeaders(plain, scanner),
      bytes: plain.subarray(scanner.start, scanner.end)
    }
}

function advance(scanner: RecordScanner): boolean {
  try {
    return scanner.next()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new NaruError('CORRUPT_MESSAGE', `The records of the batch are malformed: ${error.message}.`)
  }
}

function slice(plain: Buffer, start: number, length: number): Buffer | null {
  return length < 0 ? null : plain.subarray(start, start + length)
}

function readHeaders(plain: Buffer, scanner: RecordScanner): RecordHeader[] {
  const cursor = new Cursor(plain, scanner.headersStart, scanner.end)
  const headers: RecordHeader[] = new Array(scanner.headerCount)
  for (let i = 0; i < headers.length; i++) {
    const keyLength = cursor.varint()
    const key = plain.toString('utf8', cursor.at, cursor.at + keyLength)
    cursor.skip(keyLength)
    const length = cursor.varint()
    headers[i] = { key, value: slice(plain, cursor.at, length) }
    if (length > 0) cursor.skip(length)
  }
  return headers
}
