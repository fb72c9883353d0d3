import { ByteSink } from '../std/bytes.ts'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from '../std/varint.ts'
import { writeCrc } from './check.ts'
import { compress } from './compression.ts'
import { type Codec, compressionCodecs, headerBytes, lengthPrefixBytes, writeInt64 } from './header.ts'

export interface RecordInput {
  readonly key?: Uint8Array | null
  readonly value?: Uint8Array | null
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  /** Epoch ms. */
  readonly timestamp: number
  /** Offset in the batch where offsets have gaps (compaction); one more than the record before when absent. */
  readonly offsetDelta?: number
}

/** What the header of a batch says beyond its records. */
export interface BatchOptions {
  readonly codec?: Codec
  readonly baseOffset?: number
  readonly leaderEpoch?: number
  /** -1, as the next two: no idempotence. */
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  /** The records are control records (transaction markers and the like). */
  readonly control?: boolean
  /** Marks the batch as LogAppendTime with this time; CreateTime when absent. */
  readonly logAppendTimeMs?: number
  /** When higher than the last record's: the batch stands for offsets whose records are gone. */
  readonly lastOffsetDelta?: number
}

const nullLength = -1

/**
 * Collects records and makes a batch v2 of them. Reusable: `build` leaves it empty.
 */
export class BatchBuilder {
  count = 0
  private readonly sink: ByteSink
  private baseTimestamp = 0
  private maxTimestamp = -1
  private nextDelta = 0

  constructor(capacity = 1024) {
    this.sink = new ByteSink(Math.max(capacity, headerBytes))
    this.sink.length = headerBytes
  }

  /** Bytes of the batch as it stands, uncompressed. */
  get bytes(): number {
    return this.sink.length
  }

  /** Exactly what `bytes` will be after `append(record)`. */
  bytesWith(record: RecordInput): number {
    const body = this.bodyBytes(record)
    return this.sink.length + varintBytes(body) + body
  }

  append(record: RecordInput): void {
    if (this.count === 0) this.baseTimestamp = record.timestamp
    const body = this.bodyBytes(record)
    const sink = this.sink
    sink.reserve(body + 5)
    const target = sink.buffer
    const delta = record.offsetDelta ?? this.nextDelta
    let at = writeVarint(target, body, sink.length)
    target[at++] = 0
    at = writeVarlong(target, record.timestamp - this.baseTimestamp, at)
    at = writeVarint(target, delta, at)
    at = writeBytes(target, record.key, at)
    at = writeBytes(target, record.value, at)
    const headers = record.headers
    at = writeVarint(target, headers?.length ?? 0, at)
    if (headers)
      for (const { key, value } of headers) {
        const keyBytes = Buffer.byteLength(key)
        at = writeVarint(target, keyBytes, at)
        at += target.write(key, at, 'utf8')
        at = writeBytes(target, value, at)
      }
    sink.length = at
    if (record.timestamp > this.maxTimestamp) this.maxTimestamp = record.timestamp
    this.nextDelta = delta + 1
    this.count++
  }

  /** The batch, in a buffer of its own, with its CRC; the builder is empty afterwards. */
  build(options: BatchOptions = {}): Buffer {
    const codec = options.codec ?? 'none'
    const sink = this.sink
    let batch: Buffer
    if (codec === 'none') batch = sink.copy()
    else {
      const packed = compress(codec, sink.buffer.subarray(headerBytes, sink.length))
      batch = Buffer.allocUnsafeSlow(headerBytes + packed.length)
      batch.set(packed, headerBytes)
    }
    this.writeHeader(batch, codec, options)
    this.reset()
    return batch
  }

  /** Forgets the records. */
  reset(): void {
    this.sink.length = headerBytes
    this.count = 0
    this.nextDelta = 0
    this.maxTimestamp = -1
  }

  private writeHeader(batch: Buffer, codec: Codec, options: BatchOptions): void {
    const stamped = options.logAppendTimeMs !== undefined
    writeInt64(batch, options.baseOffset ?? 0, 0)
    batch.writeInt32BE(batch.length - lengthPrefixBytes, 8)
    batch.writeInt32BE(options.leaderEpoch ?? -1, 12)
    batch[16] = 2
    const attributes =
      compressionCodecs.indexOf(codec) |
      (stamped ? 0x08 : 0) |
      (options.transactional ? 0x10 : 0) |
      (options.control ? 0x20 : 0)
    batch.writeInt16BE(attributes, 21)
    batch.writeInt32BE(Math.max(this.nextDelta - 1, options.lastOffsetDelta ?? 0), 23)
    writeInt64(batch, this.baseTimestamp, 27)
    writeInt64(batch, options.logAppendTimeMs ?? this.maxTimestamp, 35)
    writeInt64(batch, options.producerId ?? -1, 43)
    batch.writeInt16BE(options.producerEpoch ?? -1, 51)
    batch.writeInt32BE(options.baseSequence ?? -1, 53)
    batch.writeInt32BE(this.count, 57)
    writeCrc(batch)
  }

  private bodyBytes(record: RecordInput): number {
    const timestampDelta = this.count === 0 ? 0 : record.timestamp - this.baseTimestamp
    let bytes = 1 + varlongBytes(timestampDelta) + varintBytes(record.offsetDelta ?? this.nextDelta)
    bytes += fieldBytes(record.key) + fieldBytes(record.value)
    const headers = record.headers
    bytes += varintBytes(headers?.length ?? 0)
    if (headers)
      for (const { key, value } of headers) {
        const keyBytes = Buffer.byteLength(key)
        bytes += varintBytes(keyBytes) + keyBytes + fieldBytes(value)
      }
    return bytes
  }
}

/** A batch of these records at once. */
export function buildBatch(records: Iterable<RecordInput>, options: BatchOptions = {}): Buffer {
  const builder = new BatchBuilder()
  for (const record of records) builder.append(record)
  return builder.build(options)
}

function fieldBytes(field: Uint8Array | null | undefined): number {
  return field == null ? 1 : varintBytes(field.length) + field.length
}

function writeBytes(target: Buffer, field: Uint8Array | null | undefined, at: number): number {
  if (field == null) return writeVarint(target, nullLength, at)
  const start = writeVarint(target, field.length, at)
  target.set(field, start)
  return start + field.length
}
