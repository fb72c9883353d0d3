/**
 * The header of a record batch v2 (KIP-98), read and patched in place. All functions take the buffer and the position
 * of the batch in it, and allocate nothing. Layout, big-endian:
 *
 *   0 base offset i64 | 8 batch length i32 (bytes after this field) | 12 partition leader epoch i32 | 16 magic i8 |
 *   17 CRC-32C u32 of everything from 21 on | 21 attributes i16 | 23 last offset delta i32 | 27 base timestamp i64 |
 *   35 max timestamp i64 | 43 producer id i64 | 51 producer epoch i16 | 53 base sequence i32 | 57 record count i32 |
 *   61 records
 *
 * Base offset and leader epoch lie outside the CRC: whoever trusts them checks their continuity.
 */
export const headerBytes = 61
/** Bytes in front of what `batch length` counts. */
export const lengthPrefixBytes = 12
/** Where the bytes that the CRC covers begin. */
export const crcStart = 21

export const compressionCodecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof compressionCodecs)[number]

/** An int64 as a number: exact up to 2^53, rounded beyond. Offsets, timestamps and producer ids are checked by users. */
export function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4)
}

export function writeInt64(buffer: Buffer, value: number, at: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  buffer.writeInt32BE(high, at)
  buffer.writeUInt32BE(value - high * 0x1_0000_0000, at + 4)
}

export const baseOffset = (batch: Buffer, at = 0): number => readInt64(batch, at)
/** Bytes of the whole batch, length prefix included. Whatever its length field says, in unchecked bytes. */
export const batchBytes = (batch: Buffer, at = 0): number => batch.readInt32BE(at + 8) + lengthPrefixBytes
export const leaderEpoch = (batch: Buffer, at = 0): number => batch.readInt32BE(at + 12)
export const magic = (batch: Buffer, at = 0): number => batch.readInt8(at + 16)
export const storedCrc = (batch: Buffer, at = 0): number => batch.readUInt32BE(at + 17)
export const attributes = (batch: Buffer, at = 0): number => batch.readInt16BE(at + 21)
export const lastOffsetDelta = (batch: Buffer, at = 0): number => batch.readInt32BE(at + 23)
export const lastOffset = (batch: Buffer, at = 0): number => baseOffset(batch, at) + lastOffsetDelta(batch, at)
export const baseTimestamp = (batch: Buffer, at = 0): number => readInt64(batch, at + 27)
export const maxTimestamp = (batch: Buffer, at = 0): number => readInt64(batch, at + 35)
export const producerId = (batch: Buffer, at = 0): number => readInt64(batch, at + 43)
export const producerEpoch = (batch: Buffer, at = 0): number => batch.readInt16BE(at + 51)
export const baseSequence = (batch: Buffer, at = 0): number => batch.readInt32BE(at + 53)
export const recordCount = (batch: Buffer, at = 0): number => batch.readInt32BE(at + 57)

/** The greatest timestamp of its records; -1 where compaction has left the batch without any. */
export const newestTimestamp = (batch: Buffer, at = 0): number =>
  recordCount(batch, at) === 0 ? -1 : maxTimestamp(batch, at)

/** Compression bits of the attributes: an index of `compressionCodecs`, or 5 to 7 in bad batches. */
export const codecId = (batch: Buffer, at = 0): number => attributes(batch, at) & 0x07
export const isLogAppendTime = (batch: Buffer, at = 0): boolean => (attributes(batch, at) & 0x08) !== 0
export const isTransactional = (batch: Buffer, at = 0): boolean => (attributes(batch, at) & 0x10) !== 0
export const isControl = (batch: Buffer, at = 0): boolean => (attributes(batch, at) & 0x20) !== 0

const deleteHorizonFlag = 0x40

/** From when on the tombstones of the batch may be deleted (KIP-534), epoch ms; undefined while that isn't set. It is the base timestamp then. */
export const deleteHorizonMs = (batch: Buffer, at = 0): number | undefined =>
  (attributes(batch, at) & deleteHorizonFlag) === 0 ? undefined : baseTimestamp(batch, at)

/** The caller has written the records' timestamp deltas against `timeMs`, and writes the CRC. */
export function setDeleteHorizon(batch: Buffer, timeMs: number, at = 0): void {
  batch.writeInt16BE(attributes(batch, at) | deleteHorizonFlag, at + 21)
  writeInt64(batch, timeMs, at + 27)
}

export function setBaseOffset(batch: Buffer, offset: number, at = 0): void {
  writeInt64(batch, offset, at)
}

export function setLastOffsetDelta(batch: Buffer, delta: number, at = 0): void {
  batch.writeInt32BE(delta, at + 23)
}

export function setLeaderEpoch(batch: Buffer, epoch: number, at = 0): void {
  batch.writeInt32BE(epoch, at + 12)
}
