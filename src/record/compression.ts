import { messageOf, NaruError } from '../std/errors.ts'
import { batchBytes, type Codec, codecId, compressionCodecs, headerBytes } from './header.ts'
import { lz4, zlib } from './libraries.ts'
import { lz4Decompress } from './lz4.ts'
import { snappyCompress, snappyDecompress } from './snappy.ts'
import { zstdCompress, zstdDecompress } from './zstd.ts'

/** What a batch may take decompressed where nothing else is configured. */
export const decompressedBytesMaxDefault = 64 * 1024 * 1024

/**
 * Compresses records in the form that Kafka's Java client writes and every client reads: gzip, snappy in xerial blocks,
 * an LZ4 frame of independent blocks, a zstd frame. Synchronous; the codec's library is loaded on first use.
 */
export function compress(codec: Codec, records: Buffer): Buffer {
  switch (codec) {
    case 'none':
      return records
    case 'gzip':
      return zlib().gzipSync(records)
    case 'snappy':
      return snappyCompress(records)
    case 'lz4':
      return lz4().compressFrameSync(records)
    case 'zstd':
      return zstdCompress(records)
  }
}

/**
 * Decompresses, at most to `bytesMax`, whatever sizes the data itself declares; memory is bounded by the same number.
 * Throws NaruError MESSAGE_TOO_LARGE beyond it and CORRUPT_MESSAGE for damaged data.
 */
export function decompress(codec: Codec, data: Buffer, bytesMax = decompressedBytesMaxDefault): Buffer {
  try {
    switch (codec) {
      case 'none':
        return data
      case 'gzip':
        return zlib().gunzipSync(data, { maxOutputLength: Math.max(1, bytesMax) })
      case 'snappy':
        return snappyDecompress(data, bytesMax)
      case 'lz4':
        return lz4Decompress(data, bytesMax)
      case 'zstd':
        return zstdDecompress(data, bytesMax)
    }
  } catch (error) {
    if (error instanceof NaruError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax)
    throw new NaruError('CORRUPT_MESSAGE', `The ${codec} data is damaged: ${messageOf(error)}`, { cause: error })
  }
}

function tooLarge(bytesMax: number): NaruError {
  return new NaruError('MESSAGE_TOO_LARGE', `The batch takes more than ${bytesMax} bytes decompressed.`)
}

/**
 * The records of the whole batch at `at`, decompressed when they are compressed, else a slice of `buffer`. Throws as
 * `decompress` does; CORRUPT_MESSAGE for a codec that does not exist.
 */
export function decompressRecords(buffer: Buffer, at = 0, bytesMax = decompressedBytesMaxDefault): Buffer {
  const codec: Codec | undefined = compressionCodecs[codecId(buffer, at)]
  if (codec === undefined)
    throw new NaruError('CORRUPT_MESSAGE', `Unknown compression type id: ${codecId(buffer, at)}.`)
  return decompress(codec, buffer.subarray(at + headerBytes, at + batchBytes(buffer, at)), bytesMax)
}
