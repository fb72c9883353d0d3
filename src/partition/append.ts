import { type CheckedBatch, checkProduceBatch, type ProduceLimits, writeCrc } from '../record/check.ts'
import * as header from '../record/header.ts'
import { recompress, setLogAppendTime } from '../record/rewrite.ts'
import { codeOf, NaruError } from '../std/errors.ts'
import { Inflation } from './inflation.ts'
import type { PartitionTopicConfig } from './options.ts'

/**
 * Checks a producer's batch and brings it into the form in which this topic keeps batches. Gives the bytes to append:
 * `records` itself, patched in place where need be, or a new buffer when the topic asks for another codec. Offsets and
 * epoch are the caller's to write. Throws what checkProduceBatch throws.
 */
export function admitBatch(
  records: Buffer,
  config: PartitionTopicConfig,
  nowMs: number,
  inflation = new Inflation()
): Buffer {
  const decompressedBytesMax = inflation.allowed(records.length, config.decompressedBytesMax)
  const limits: ProduceLimits = {
    maxBytes: config.maxMessageBytes,
    requireKeys: config.requireKeys,
    timestampType: config.timestampType as ProduceLimits['timestampType'],
    timestampBeforeMaxMs: Number(config.timestampBeforeMaxMs),
    timestampAfterMaxMs: Number(config.timestampAfterMaxMs),
    nowMs,
    // A record without a key must not come in unseen where only keys are kept.
    checkCompressed: config.checkCompressed || config.requireKeys,
    decompressedBytesMax
  }
  const checked = checkInflating(records, limits, inflation)
  if (header.isTransactional(records))
    throw new NaruError('INVALID_TXN_STATE', 'This broker has no transactions: the batch belongs to none.')
  const batch = inTopicCodec(records, config)
  if (batch.length > config.maxMessageBytes)
    throw new NaruError(
      'MESSAGE_TOO_LARGE',
      `The record batch has ${batch.length} bytes as ${config.compressionType}, above the maximum configured value of ${config.maxMessageBytes} bytes (max.message.bytes).`
    )
  if (config.timestampType === 'LogAppendTime') setLogAppendTime(batch, nowMs)
  else correctMaxTimestamp(batch, checked)
  return batch
}

function checkInflating(records: Buffer, limits: ProduceLimits, inflation: Inflation): CheckedBatch {
  try {
    const checked = checkProduceBatch(records, limits)
    inflation.spend(records.length, checked.decompressedBytes)
    return checked
  } catch (error) {
    if (codeOf(error) === 'MESSAGE_TOO_LARGE' && records.length <= limits.maxBytes)
      inflation.spend(records.length, limits.decompressedBytesMax)
    throw error
  }
}

function inTopicCodec(records: Buffer, config: PartitionTopicConfig): Buffer {
  if (config.compressionType === 'producer') return records
  const wanted = (config.compressionType === 'uncompressed' ? 'none' : config.compressionType) as header.Codec
  if (header.compressionCodecs[header.codecId(records)] === wanted) return records
  return recompress(records, wanted, 0, config.decompressedBytesMax)
}

/** Lookups by time rely on the header's greatest timestamp, which no check of a CRC makes true. */
function correctMaxTimestamp(batch: Buffer, checked: CheckedBatch): void {
  if (checked.maxTimestamp === header.maxTimestamp(batch)) return
  header.writeInt64(batch, checked.maxTimestamp, 35)
  writeCrc(batch)
}
