import { isUtf8 } from 'node:buffer'
import type { ConsumedRecord } from '../client/consumer.ts'
import type { ProducerRecord } from '../client/producer.ts'
import { crc32c } from '../std/crc32c.ts'
import { UsageError } from './failure.ts'

/** Text where the bytes are UTF-8, else their base64. */
export type JsonBytes = string | { readonly base64: string } | null

/** A record as `naru consume --json` prints it and `naru produce --from-json` takes it. */
export interface JsonRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Epoch ms. */
  readonly timestamp: number
  readonly key: JsonBytes
  readonly value: JsonBytes
  readonly headers: readonly { readonly key: string; readonly value: JsonBytes }[]
  /** Bytes of the record as it stands in its batch. */
  readonly size: number
  /** CRC-32C of these bytes, eight hexadecimal digits. */
  readonly checksum: string
}

export function jsonOf(record: ConsumedRecord): JsonRecord {
  return {
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestamp,
    key: jsonBytes(record.key),
    value: jsonBytes(record.value),
    headers: record.headers.map(({ key, value }) => ({ key, value: jsonBytes(value) })),
    size: record.bytes.length,
    checksum: crc32c(record.bytes).toString(16).padStart(8, '0')
  }
}

/** Bytes as JSON holds them. */
export function jsonBytes(bytes: Buffer | null): JsonBytes {
  if (bytes === null) return null
  return isUtf8(bytes) ? bytes.toString('utf8') : { base64: bytes.toString('base64') }
}

/** A record from a line of JSON: any of key, value, headers, partition and timestamp. Throws UsageError. */
export function recordOf(line: Buffer, topic: string): ProducerRecord {
  let given: unknown
  try {
    given = JSON.parse(line.toString('utf8'))
  } catch {
    throw new UsageError(`This line is no JSON: ${line.toString('utf8', 0, 80)}`)
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new UsageError(`This line is no JSON object: ${line.toString('utf8', 0, 80)}`)
  const { key, value, headers, partition, timestamp } = given as Record<string, unknown>
  return {
    topic,
    key: bytesOf(key, 'key'),
    value: bytesOf(value, 'value'),
    headers: headersOf(headers),
    partition: numberOf(partition, 'partition'),
    timestamp: numberOf(timestamp, 'timestamp')
  }
}

function bytesOf(given: unknown, field: string): Buffer | null {
  if (given === undefined || given === null) return null
  if (typeof given === 'string') return Buffer.from(given)
  if (typeof given === 'object' && 'base64' in given && typeof given.base64 === 'string')
    return Buffer.from(given.base64, 'base64')
  throw new UsageError(`${field} must be a text, null or {"base64": "..."}.`)
}

function headersOf(given: unknown): { key: string; value: Buffer | null }[] {
  if (given === undefined || given === null) return []
  if (!Array.isArray(given)) throw new UsageError('headers must be a list of {"key": "...", "value": "..."}.')
  return given.map((header: { key?: unknown; value?: unknown } | null) => {
    if (typeof header?.key !== 'string') throw new UsageError('Each header needs a key that is a text.')
    return { key: header.key, value: bytesOf(header.value, `header ${header.key}`) }
  })
}

function numberOf(given: unknown, field: string): number | undefined {
  if (given === undefined || given === null) return undefined
  if (Number.isSafeInteger(given)) return given as number
  throw new UsageError(`${field} must be a whole number.`)
}
