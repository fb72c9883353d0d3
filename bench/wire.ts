/**
 * The few Kafka frames that the load generator needs, laid out by hand: what it sends is built once and patched in
 * place, what it receives is read at fixed positions. Deliberately independent of src/, so that a mistake there
 * cannot hide itself here.
 */
import { crc32c } from '@node-rs/crc32'

export const api = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  apiVersions: 18,
  createTopics: 19,
  deleteTopics: 20
} as const

/** Where a request frame carries its correlation id (after length, key and version). */
export const correlationAt = 8

const clientId = 'naru-bench'

/** Collects big-endian fields. */
export class Fields {
  private readonly parts: Buffer[] = []
  bytes = 0

  raw(part: Buffer): this {
    this.parts.push(part)
    this.bytes += part.length
    return this
  }
  int8(value: number): this {
    return this.raw(Buffer.from([value & 0xff]))
  }
  int16(value: number): this {
    const part = Buffer.alloc(2)
    part.writeInt16BE(value)
    return this.raw(part)
  }
  int32(value: number): this {
    const part = Buffer.alloc(4)
    part.writeInt32BE(value)
    return this.raw(part)
  }
  int64(value: bigint | number): this {
    const part = Buffer.alloc(8)
    part.writeBigInt64BE(BigInt(value))
    return this.raw(part)
  }
  /** Unsigned varint, as flexible versions use for lengths (plus one) and tag counts. */
  uvarint(value: number): this {
    const bytes: number[] = []
    for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80)
    bytes.push(value)
    return this.raw(Buffer.from(bytes))
  }
  string(value: string): this {
    const text = Buffer.from(value)
    return this.int16(text.length).raw(text)
  }
  compactString(value: string): this {
    const text = Buffer.from(value)
    return this.uvarint(text.length + 1).raw(text)
  }
  /** No tagged fields. */
  tags(): this {
    return this.uvarint(0)
  }
  build(): Buffer {
    return Buffer.concat(this.parts)
  }
}

/** A whole request frame with correlation id 0. */
export function requestFrame(apiKey: number, version: number, flexible: boolean, body: Buffer): Buffer {
  const header = new Fields().int16(apiKey).int16(version).int32(0).string(clientId)
  if (flexible) header.tags()
  return new Fields()
    .int32(header.bytes + body.length)
    .raw(header.build())
    .raw(body)
    .build()
}

/** A record batch v2 without compression, of `count` records with null keys and `valueBytes` bytes of value each. */
export function recordBatch(valueBytes: number, count: number): Buffer {
  const value = Buffer.alloc(valueBytes)
  // Printable and not very compressible; the same in every run.
  for (let i = 0, seed = 42; i < valueBytes; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    value[i] = 33 + ((seed >>> 16) % 90)
  }
  const records = new Fields()
  for (let delta = 0; delta < count; delta++) {
    const record = new Fields()
      .int8(0)
      .uvarint(0)
      .uvarint(zigzag(delta))
      .uvarint(zigzag(-1))
      .uvarint(zigzag(valueBytes))
    record.raw(value).uvarint(0)
    records.uvarint(zigzag(record.bytes)).raw(record.build())
  }
  const now = Date.now()
  const covered = new Fields()
    .int16(0)
    .int32(count - 1)
    .int64(now)
    .int64(now)
    .int64(-1)
    .int16(-1)
    .int32(-1)
    .int32(count)
  const checked = covered.raw(records.build()).build()
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32c(checked))
  return new Fields()
    .int64(0)
    .int32(checked.length + 9)
    .int32(-1)
    .int8(2)
    .raw(crc)
    .raw(checked)
    .build()
}

/** How many records of `valueBytes` fit into a batch of at most `batchBytes`; at least one. */
export function recordsPerBatch(valueBytes: number, batchBytes: number): number {
  return Math.max(1, Math.floor((batchBytes - 61) / (valueBytes + 12)))
}

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value)

export interface ProduceFrame {
  frame: Buffer
  /** Where the partition index stands. */
  partitionAt: number
}

/** Produce v9 of one batch to one partition. */
export function produceFrame(topic: string, acks: number, batch: Buffer): ProduceFrame {
  const front = new Fields().uvarint(0).int16(acks).int32(30_000).uvarint(2).compactString(topic).uvarint(2)
  const body = new Fields()
    .raw(front.build())
    .int32(0)
    .uvarint(batch.length + 1)
    .raw(batch)
    .tags()
    .tags()
    .tags()
  const frame = requestFrame(api.produce, 9, true, body.build())
  return { frame, partitionAt: frame.length - body.bytes + front.bytes }
}

export interface FetchFrame {
  frame: Buffer
  partitionAt: number
  /** Where the fetch offset stands. */
  offsetAt: number
}

/** Fetch v12 of one partition, outside of any session. */
export function fetchFrame(topic: string, maxBytes: number, minBytes = 1, maxWaitMs = 500): FetchFrame {
  const front = new Fields().int32(-1).int32(maxWaitMs).int32(minBytes).int32(maxBytes).int8(0).int32(0).int32(-1)
  front.uvarint(2).compactString(topic).uvarint(2)
  const body = new Fields()
    .raw(front.build())
    .int32(0)
    .int32(-1)
    .int64(0)
    .int32(-1)
    .int64(-1)
    .int32(maxBytes)
    .tags()
    .tags()
  body.uvarint(1).compactString('').tags()
  const frame = requestFrame(api.fetch, 12, true, body.build())
  const partitionAt = frame.length - body.bytes + front.bytes
  return { frame, partitionAt, offsetAt: partitionAt + 8 }
}

/** An int64 below 2^53. */
export function int64At(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4)
}

export function writeInt64At(buffer: Buffer, value: number, at: number): void {
  const high = Math.floor(value / 0x1_0000_0000)
  buffer.writeInt32BE(high, at)
  buffer.writeUInt32BE(value - high * 0x1_0000_0000, at + 4)
}

/**
 * Positions in the answer to a produceFrame, from the correlation id on: header tags, array of one topic, name, array
 * of one partition, index.
 */
export function produceAnswer(topic: string): { partitionAt: number; errorAt: number; baseOffsetAt: number } {
  const partitionAt = 4 + 1 + 1 + 1 + Buffer.byteLength(topic) + 1
  return { partitionAt, errorAt: partitionAt + 4, baseOffsetAt: partitionAt + 6 }
}

export interface FetchAnswer {
  error: number
  highWatermark: number
  /** Record batches, back to back; the last one may be cut off. */
  recordsAt: number
  recordsEnd: number
}

/** Reads the answer to a fetchFrame whose correlation id stands at `at`. */
export function fetchAnswer(buffer: Buffer, at: number, topicBytes: number): FetchAnswer {
  const topError = buffer.readInt16BE(at + 9)
  if (topError !== 0) return { error: topError, highWatermark: -1, recordsAt: at, recordsEnd: at }
  let p = at + 4 + 1 + 4 + 2 + 4
  if (buffer[p] !== 2) throw new Error(`Fetch answered ${buffer[p] - 1} topics instead of 1`)
  p += 2 + topicBytes
  if (buffer[p] !== 2) throw new Error(`Fetch answered ${buffer[p] - 1} partitions instead of 1`)
  p += 1 + 4
  const error = buffer.readInt16BE(p)
  const highWatermark = int64At(buffer, p + 2)
  p += 26
  if (buffer[p] > 1) throw new Error('Fetch answered aborted transactions')
  p += 1 + 4
  let length = 0
  for (let shift = 0; ; shift += 7) {
    const byte = buffer[p++]
    length += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) break
  }
  return { error, highWatermark, recordsAt: p, recordsEnd: p + Math.max(0, length - 1) }
}
