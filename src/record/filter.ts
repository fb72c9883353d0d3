import { ByteSink } from '../std/bytes.ts'
import { NaruError } from '../std/errors.ts'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from '../std/varint.ts'
import { writeCrc } from './check.ts'
import { compress, decompressedBytesMaxDefault, decompressRecords } from './compression.ts'
import * as header from './header.ts'
import { RecordScanner } from './scanner.ts'

/** What compaction keeps of a log. */
export interface RecordFilter {
  /** Epoch ms. */
  readonly nowMs: number
  /** How long tombstones stay once compaction has met them. */
  readonly deleteRetentionMs: number
  /** What a batch may take decompressed. */
  readonly decompressedBytesMax?: number
  /** Records from here on stay, tombstones too: whether something newer is there, or older, isn't known. */
  readonly upTo: number
  /** Whether the record, which `scanner` has just read from `plain`, is the newest of its key below `upTo`. */
  isNewest(offset: number, plain: Buffer, scanner: RecordScanner): boolean
  /** Whether the batch that ends at this offset has the last sequence number of a producer that still counts. */
  isLastOfProducer(producerId: number, lastOffset: number): boolean
}

const scanner = new RecordScanner()
/** Kept from batch to batch unless one was unusually large. */
const sinkBytesMax = 2 * 1024 * 1024
let sink = new ByteSink(16 * 1024)

/**
 * What is left of the whole, intact batch at `at` (Kafka's MemoryRecords.filterTo): the batch itself, not copied, when
 * all of it stays; else a new one with the same offsets, producer, epoch, sequence numbers, timestamp type and codec, or
 * nothing. The first time that a tombstone is met its batch gets a delete horizon (KIP-534), and goes when that is over.
 * A batch without records stays while it has the last sequence number of its producer: its next one is checked against
 * that. Control batches stay.
 *
 * Throws NaruError CORRUPT_MESSAGE for malformed records, MESSAGE_TOO_LARGE beyond `decompressedBytesMax`.
 */
export function filterBatch(buffer: Buffer, at: number, filter: RecordFilter): Buffer | undefined {
  const whole = buffer.subarray(at, at + header.batchBytes(buffer, at))
  if (header.isControl(whole)) return whole
  const plain = decompressRecords(whole, 0, filter.decompressedBytesMax ?? decompressedBytesMaxDefault)
  const horizonMs = header.deleteHorizonMs(whole)
  const dropsTombstones = horizonMs !== undefined && filter.nowMs >= horizonMs
  const count = header.recordCount(whole)
  const baseOffset = header.baseOffset(whole)
  const baseTimestamp = header.baseTimestamp(whole)
  const setsHorizon = horizonMs === undefined && hasTombstone(plain, count, baseOffset, filter)
  const newHorizonMs = setsHorizon ? filter.nowMs + filter.deleteRetentionMs : undefined
  // The records of a LogAppendTime batch have its time, whatever their deltas say.
  const shiftMs = setsHorizon && !header.isLogAppendTime(whole) ? baseTimestamp - (newHorizonMs ?? 0) : 0
  let kept = 0
  let maxTimestamp = -1
  if (sink.buffer.length > sinkBytesMax) sink = new ByteSink(16 * 1024)
  sink.reset()
  eachRecord(plain, count, () => {
    const offset = baseOffset + scanner.offsetDelta
    if (offset < filter.upTo) {
      if (dropsTombstones && scanner.valueLength < 0) return
      if (!filter.isNewest(offset, plain, scanner)) return
    }
    kept++
    maxTimestamp = Math.max(maxTimestamp, baseTimestamp + scanner.timestampDelta)
    if (shiftMs === 0) sink.append(plain.subarray(scanner.start, scanner.end))
    else appendShifted(plain, shiftMs)
  })
  if (kept === count && count > 0 && !setsHorizon) return whole
  if (kept > 0) return rebuilt(whole, kept, maxTimestamp, newHorizonMs)
  const producerId = header.producerId(whole)
  if (producerId < 0 || !filter.isLastOfProducer(producerId, header.lastOffset(whole))) return undefined
  return count === 0 ? whole : emptied(whole)
}

/** Calls `visit` for each record, with the scanner at it. */
function eachRecord(plain: Buffer, count: number, visit: () => void): void {
  scanner.reset(plain, 0, plain.length, count)
  try {
    while (scanner.next()) visit()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new NaruError('CORRUPT_MESSAGE', `The records of the batch are malformed: ${error.message}.`)
  } finally {
    scanner.release()
  }
}

function hasTombstone(plain: Buffer, count: number, baseOffset: number, filter: RecordFilter): boolean {
  let found = false
  eachRecord(plain, count, () => {
    const offset = baseOffset + scanner.offsetDelta
    if (found || scanner.valueLength >= 0 || offset >= filter.upTo) return
    found = filter.isNewest(offset, plain, scanner)
  })
  return found
}

/** The scanner's record, with its timestamp against another base. */
function appendShifted(plain: Buffer, shiftMs: number): void {
  const delta = scanner.timestampDelta + shiftMs
  const rest = scanner.end - scanner.timestampEnd
  const body = 1 + varlongBytes(delta) + rest
  sink.reserve(varintBytes(body) + body + 5)
  let at = writeVarint(sink.buffer, body, sink.length)
  sink.buffer[at++] = 0
  at = writeVarlong(sink.buffer, delta, at)
  plain.copy(sink.buffer, at, scanner.timestampEnd, scanner.end)
  sink.length = at + rest
}

/** The header of `whole` over the records in the sink. */
function rebuilt(whole: Buffer, count: number, maxTimestamp: number, horizonMs: number | undefined): Buffer {
  const codec = header.compressionCodecs[header.codecId(whole)]
  const records = compress(codec, sink.buffer.subarray(0, sink.length))
  const batch = Buffer.allocUnsafeSlow(header.headerBytes + records.length)
  whole.copy(batch, 0, 0, header.headerBytes)
  batch.set(records, header.headerBytes)
  batch.writeInt32BE(batch.length - header.lengthPrefixBytes, 8)
  if (!header.isLogAppendTime(whole)) header.writeInt64(batch, maxTimestamp, 35)
  if (horizonMs !== undefined) header.setDeleteHorizon(batch, horizonMs)
  batch.writeInt32BE(count, 57)
  writeCrc(batch)
  return batch
}

/** The header alone, as Kafka writes it: not compressed, no base timestamp, everything else kept. */
function emptied(whole: Buffer): Buffer {
  const batch = Buffer.from(whole.subarray(0, header.headerBytes))
  batch.writeInt32BE(batch.length - header.lengthPrefixBytes, 8)
  batch.writeInt16BE(header.attributes(whole) & ~(0x07 | 0x40), 21)
  header.writeInt64(batch, -1, 27)
  batch.writeInt32BE(0, 57)
  writeCrc(batch)
  return batch
}
