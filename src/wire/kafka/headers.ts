import type { Reader } from '../../schema/reader.ts'
import type { Writer } from '../../schema/writer.ts'

export const apiVersionsKey = 18

/** What every request begins with. */
export interface RequestHeader {
  readonly key: number
  readonly version: number
  readonly correlationId: number
  /** Null where the client gave none. */
  readonly clientId: string | null
}

/**
 * Reads a request header up to the client id, which keeps the old string form in flexible versions too, so that every
 * header can be read this far. Flexible requests (header version 2) go on with tagged fields: `skipTags`. Throws
 * DecodeError.
 */
export function readRequestHeader(reader: Reader): RequestHeader {
  const key = reader.int16()
  const version = reader.int16()
  const correlationId = reader.int32()
  return { key, version, correlationId, clientId: reader.nullableString() }
}

export function writeRequestHeader(writer: Writer, header: RequestHeader, flexible: boolean): void {
  writer.int16(header.key)
  writer.int16(header.version)
  writer.int32(header.correlationId)
  writer.nullableString(header.clientId)
  if (flexible) writer.uvarint(0)
}

/**
 * Whether the response's header has tagged fields. ApiVersions' never has: a client must be able to read the answer
 * before it knows what the broker speaks (KIP-511).
 */
export function responseHeaderIsFlexible(key: number, flexible: boolean): boolean {
  return flexible && key !== apiVersionsKey
}

export function writeResponseHeader(writer: Writer, correlationId: number, flexible: boolean): void {
  writer.int32(correlationId)
  if (flexible) writer.uvarint(0)
}

/** Reads a response header; gives the correlation id. Throws DecodeError. */
export function readResponseHeader(reader: Reader, flexible: boolean): number {
  const correlationId = reader.int32()
  if (flexible) reader.skipTags()
  return correlationId
}
