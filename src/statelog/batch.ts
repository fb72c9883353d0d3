import * as header from '../record/header.ts'
import { RecordScanner } from '../record/scanner.ts'
import { crc32c } from '../std/crc32c.ts'
import { NaruError } from '../std/errors.ts'
import { varintBytes, writeVarint } from '../std/varint.ts'
import type { StateRecord } from './types.ts'

/** Attributes, deltas, lengths and header count of a record at most, beside its key and value. */
const recordOverheadBytes = 1 + 10 + 5 * 5

/** Room that a record takes in a batch, at most. */
export function recordBytesBound(record: StateRecord): number {
  return recordOverheadBytes + record.key.length + (record.value?.length ?? 0)
}

/** A batch of these records; base offset and leader epoch are left to the log. */
export function buildBatch(records: readonly StateRecord[], nowMs: number): Buffer {
  let bound = header.headerBytes
  for (const record of records) bound += recordBytesBound(record)
  const batch = Buffer.alloc(bound)
  let at = header.headerBytes
  for (const [offsetDelta, record] of records.entries()) at = writeRecord(batch, at, offsetDelta, record)
  batch.writeInt32BE(at - header.lengthPrefixBytes, 8)
  batch.writeInt8(2, 16)
  batch.writeInt32BE(records.length - 1, 23)
  header.writeInt64(batch, nowMs, 27)
  header.writeInt64(batch, nowMs, 35)
  header.writeInt64(batch, -1, 43)
  batch.writeInt16BE(-1, 51)
  batch.writeInt32BE(-1, 53)
  batch.writeInt32BE(records.length, 57)
  batch.writeUInt32BE(crc32c(batch, header.crcStart, at), 17)
  return batch.subarray(0, at)
}

function writeRecord(target: Buffer, start: number, offsetDelta: number, { key, value }: StateRecord): number {
  const valueBytes = value ? varintBytes(value.length) + value.length : 1
  const length = 1 + 1 + varintBytes(offsetDelta) + varintBytes(key.length) + key.length + valueBytes + 1
  let at = writeVarint(target, length, start)
  target[at++] = 0
  at = writeVarint(target, 0, at)
  at = writeVarint(target, offsetDelta, at)
  at = writeVarint(target, key.length, at)
  at += key.copy(target, at)
  at = writeVarint(target, value ? value.length : -1, at)
  if (value) at += value.copy(target, at)
  return writeVarint(target, 0, at)
}

/**
 * Visits the records of the batches in `chunk` that lie at or above `from`. Keys and values are slices of the chunk.
 * Throws CORRUPT_MESSAGE for what a state log never holds.
 */
export function eachRecord(chunk: Buffer, from: number, visit: (record: StateRecord) => void): void {
  const scanner = new RecordScanner()
  for (let at = 0; at < chunk.length; at += header.batchBytes(chunk, at)) {
    if (header.isControl(chunk, at)) continue
    if (header.codecId(chunk, at) !== 0)
      throw new NaruError('CORRUPT_MESSAGE', `a compressed batch at offset ${header.baseOffset(chunk, at)}`)
    const end = at + header.batchBytes(chunk, at)
    scanner.reset(chunk, at + header.headerBytes, end, header.recordCount(chunk, at))
    while (scanner.next()) {
      if (header.baseOffset(chunk, at) + scanner.offsetDelta < from || scanner.keyLength < 0) continue
      const { keyStart, keyLength, valueStart, valueLength } = scanner
      visit({
        key: chunk.subarray(keyStart, keyStart + keyLength),
        value: valueLength < 0 ? null : chunk.subarray(valueStart, valueStart + valueLength)
      })
    }
  }
  scanner.release()
}
