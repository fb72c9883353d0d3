import { writeCrc } from './check.ts'
import { compress, decompressedBytesMaxDefault, decompressRecords } from './compression.ts'
import * as header from './header.ts'

/** Makes the batch at `at` LogAppendTime: attribute, time and CRC, in place. Its records then all have that time. */
export function setLogAppendTime(batch: Buffer, nowMs: number, at = 0): void {
  batch.writeInt16BE(header.attributes(batch, at) | 0x08, at + 21)
  header.writeInt64(batch, nowMs, at + 35)
  writeCrc(batch, at)
}

/**
 * The batch at `at` with another codec (a topic's `compression.type`): everything but codec, length and CRC is kept.
 * Gives the same bytes, not copied, when it has that codec already. Throws as `decompressRecords` does.
 */
export function recompress(
  buffer: Buffer,
  codec: header.Codec,
  at = 0,
  bytesMax = decompressedBytesMaxDefault
): Buffer {
  const id = header.compressionCodecs.indexOf(codec)
  if (header.codecId(buffer, at) === id) return buffer.subarray(at, at + header.batchBytes(buffer, at))
  const records = compress(codec, decompressRecords(buffer, at, bytesMax))
  const batch = Buffer.allocUnsafeSlow(header.headerBytes + records.length)
  buffer.copy(batch, 0, at, at + header.headerBytes)
  batch.set(records, header.headerBytes)
  batch.writeInt32BE(batch.length - header.lengthPrefixBytes, 8)
  batch.writeInt16BE((header.attributes(buffer, at) & ~0x07) | id, 21)
  writeCrc(batch)
  return batch
}
