import { crc32c } from '../std/crc32c.ts'
import { NaruError } from '../std/errors.ts'
import { decompressRecords } from './compression.ts'
import * as header from './header.ts'
import { RecordScanner } from './scanner.ts'

/** What a topic allows its producers. */
export interface ProduceLimits {
  /** `max.message.bytes`: of the whole batch as it came, compressed. */
  readonly maxBytes: number
  /** Every record needs a key (compacted topics). */
  readonly requireKeys: boolean
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /** How far record timestamps may lie before and after `nowMs`; only for CreateTime. */
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  /** Wall clock, epoch ms. */
  readonly nowMs: number
  /** Whether compressed batches are decompressed and their records checked (`naru.produce.check.compressed`). */
  readonly checkCompressed: boolean
  /** What a batch may take decompressed. */
  readonly decompressedBytesMax: number
}

/** What the check has seen on its way. */
export interface CheckedBatch {
  readonly count: number
  /** Greatest timestamp of the records; the header's own when the records were not looked at. */
  readonly maxTimestamp: number
  /** What its records take decompressed; 0 where they are not compressed, or were not looked at. */
  readonly decompressedBytes: number
}

/** One refused record, by its index in the batch. */
export interface RecordError {
  readonly index: number
  readonly message: string
}

/** A batch refused for some of its records (KIP-467). Its code is INVALID_RECORD or INVALID_TIMESTAMP. */
export class RecordsError extends NaruError {
  readonly records: readonly RecordError[]

  constructor(code: 'INVALID_RECORD' | 'INVALID_TIMESTAMP', message: string, records: readonly RecordError[]) {
    super(code, message)
    this.name = 'RecordsError'
    this.records = records
  }
}

/** More refused records than this are not listed. */
const recordErrorsMax = 1000

const scanner = new RecordScanner()

/**
 * Checks what a producer sent for one partition, completely and without changing it: one batch of magic 2 that fills
 * `records`, with the right CRC, whose records are as many and as numbered as its header says. Afterwards the bytes may
 * be appended as they are.
 *
 * Throws NaruError with the code that Kafka 4.3 answers: INVALID_RECORD, CORRUPT_MESSAGE, MESSAGE_TOO_LARGE (also for
 * what decompresses to too much), INVALID_TIMESTAMP, UNKNOWN_SERVER_ERROR (a codec that does not exist); RecordsError
 * where single records are at fault.
 */
export function checkProduceBatch(records: Buffer, limits: ProduceLimits): CheckedBatch {
  checkFrame(records)
  if (records.length > limits.maxBytes)
    throw new NaruError(
      'MESSAGE_TOO_LARGE',
      `The record batch size of ${records.length} bytes exceeds the maximum configured value of ${limits.maxBytes} bytes (max.message.bytes).`
    )
  if (!verifyCrc(records)) throw wrongCrc()
  checkHeader(records)
  const codec = header.codecId(records)
  if (codec >= header.compressionCodecs.length)
    throw new NaruError('UNKNOWN_SERVER_ERROR', `Unknown compression type id: ${codec}.`)
  if (header.isLogAppendTime(records))
    throw new RecordsError('INVALID_TIMESTAMP', timestampRefusal, [
      { index: 0, message: 'Producer should not set timestamp type to LogAppendTime.' }
    ])
  const count = header.recordCount(records)
  if (codec !== 0 && !limits.checkCompressed)
    return { count, maxTimestamp: header.maxTimestamp(records), decompressedBytes: 0 }
  let decompressedBytes = 0
  try {
    if (codec === 0) scanner.reset(records, header.headerBytes, records.length, count)
    else {
      const plain = decompressRecords(records, 0, limits.decompressedBytesMax)
      decompressedBytes = plain.length
      scanner.reset(plain, 0, plain.length, count)
    }
    return { count, maxTimestamp: checkRecords(header.baseTimestamp(records), limits), decompressedBytes }
  } catch (error) {
    if (error instanceof RangeError) throw invalid(`The records are malformed: ${error.message}.`)
    if (error instanceof NaruError && error.code === 'CORRUPT_MESSAGE') throw invalid(error.message)
    throw error
  } finally {
    scanner.release()
  }
}

function invalid(message: string): NaruError {
  return new NaruError('INVALID_RECORD', message)
}

function wrongCrc(): NaruError {
  return new NaruError('CORRUPT_MESSAGE', 'The CRC-32C of the record batch is wrong.')
}

function checkFrame(records: Buffer): void {
  if (records.length < header.crcStart) throw invalid('The request has no whole record batch for this partition.')
  const magic = header.magic(records)
  if (magic < 0 || magic > 2) throw new NaruError('CORRUPT_MESSAGE', `Invalid magic ${magic} in the record batch.`)
  if (magic !== 2) throw invalid(`Only record batches with magic 2 are accepted; this one has ${magic}.`)
  const bytes = header.batchBytes(records)
  if (bytes < header.headerBytes)
    throw new NaruError('CORRUPT_MESSAGE', `A record batch of ${bytes} bytes is shorter than its own header.`)
  if (bytes > records.length) throw invalid(`The record batch declares ${bytes} bytes; ${records.length} came.`)
  if (bytes === records.length) return
  if (!verifyCrc(records)) throw wrongCrc()
  throw invalid('There must be exactly one record batch for each partition.')
}

function checkHeader(records: Buffer): void {
  const baseOffset = header.baseOffset(records)
  if (baseOffset !== 0) throw invalid(`The base offset of a produced record batch must be 0; it is ${baseOffset}.`)
  const count = header.recordCount(records)
  if (count <= 0) throw invalid(`The record batch declares ${count} records.`)
  const last = header.lastOffsetDelta(records)
  if (last !== count - 1)
    throw invalid(`The record batch declares ${count} records but a last offset delta of ${last}.`)
  if (header.isControl(records)) throw invalid('Clients are not allowed to write control records.')
  if (header.producerId(records) >= 0 && header.baseSequence(records) < 0)
    throw invalid('The record batch has a producer id but no sequence number.')
}

const timestampRefusal = 'One or more records have been rejected due to invalid timestamp.'

/** Runs the scanner to its end; gives the greatest timestamp. */
function checkRecords(baseTimestamp: number, limits: ProduceLimits): number {
  const createTime = limits.timestampType === 'CreateTime'
  const earliest = limits.nowMs - limits.timestampBeforeMaxMs
  const latest = limits.nowMs + limits.timestampAfterMaxMs
  let refused: RecordError[] | undefined
  let badTimestamp = false
  let maxTimestamp = -1
  for (let index = 0; scanner.next(); index++) {
    if (scanner.offsetDelta !== index)
      throw invalid(`Record ${index} of the batch has offset delta ${scanner.offsetDelta}.`)
    const timestamp = baseTimestamp + scanner.timestampDelta
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    let message: string | undefined
    if (limits.requireKeys && scanner.keyLength < 0) message = 'Compacted topic cannot accept message without key.'
    else if (createTime && (timestamp < earliest || timestamp > latest) && timestamp !== -1) {
      badTimestamp = true
      message = `Timestamp ${timestamp} is out of range. The timestamp should be within [${earliest}, ${latest}].`
    }
    if (message === undefined) continue
    refused ??= []
    if (refused.length < recordErrorsMax) refused.push({ index, message })
  }
  if (badTimestamp) throw new RecordsError('INVALID_TIMESTAMP', timestampRefusal, refused!)
  if (refused)
    throw new RecordsError('INVALID_RECORD', `One or more records have been rejected: ${refused[0].message}`, refused)
  return maxTimestamp
}

/** Whether the CRC of the batch at `at` is right. The whole batch, of a sane length, must be in `buffer`. */
export function verifyCrc(buffer: Buffer, at = 0): boolean {
  return header.storedCrc(buffer, at) === crc32c(buffer, at + header.crcStart, at + header.batchBytes(buffer, at))
}

/** Writes the CRC of the whole batch at `at`, after a change to what it covers. */
export function writeCrc(buffer: Buffer, at = 0): void {
  buffer.writeUInt32BE(crc32c(buffer, at + header.crcStart, at + header.batchBytes(buffer, at)), at + 17)
}

/**
 * Bytes of the batch at `at` when it lies whole before `end`, has magic 2 and plausible lengths and its CRC is right;
 * else 0. Takes any bytes. Base offset and leader epoch are outside the CRC: check their continuity too.
 */
export function validBatchAt(buffer: Buffer, at: number, end = buffer.length): number {
  const bytes = wholeBatchAt(buffer, at, end)
  return bytes > 0 && header.magic(buffer, at) === 2 && verifyCrc(buffer, at) ? bytes : 0
}

/** Bytes of the batch at `at` by its own length field, when that is at least a header and ends before `end`; else 0. */
export function wholeBatchAt(buffer: Buffer, at: number, end = buffer.length): number {
  if (end - at < header.headerBytes) return 0
  const bytes = header.batchBytes(buffer, at)
  return bytes >= header.headerBytes && bytes <= end - at ? bytes : 0
}

/**
 * Calls `visit(at, bytes)` for the whole batches in `buffer[at, end)`, back to back, by their length fields; gives the
 * position after the last. A piece of a batch at the end is left. `visit` may return false to stop before its batch.
 */
export function walkBatches(
  buffer: Buffer,
  visit: (at: number, bytes: number) => boolean | void,
  at = 0,
  end = buffer.length
): number {
  for (;;) {
    const bytes = wholeBatchAt(buffer, at, end)
    if (bytes === 0 || visit(at, bytes) === false) return at
    at += bytes
  }
}
