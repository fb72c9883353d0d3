import { readInt64, writeInt64 } from '../record/header.ts'
import { crc32c } from '../std/crc32c.ts'
import { idBytes } from './layout.ts'

/**
 * Rounds are what journals are made of: a header, entries, and zeros up to a whole block.
 *
 * Header: 0 `NARUROND` | 8 sequence i64 (consecutive in its journal) | 16 order i64 (growing over both journals) |
 *   24 payload length u32 | 28 CRC-32C of the payload u32 | 32 CRC-32C of bytes 0 to 31 u32 | zeros up to 40
 * Entry: 0 kind u8, zeros up to 4 | 4 length u32 (of what follows the entry's header) | 8 offset i64 | 16 log, 20 bytes
 *
 * Kinds, with what `offset` means and what follows:
 *   data   the log's end before these batches; whole batches, back to back
 *   mark   the log is durable in its segments up to a place
 *   start  the log's start offset is this now
 *   cut    a truncation to this offset has begun: the journal has nothing above the place, the files must be cut
 *   reset  the truncation is done: what the journal said of the log before is void, it is durable up to the place
 *   drop   the log was deleted: what the journal said of it before is void
 * A place: segment base i64 | position in the segment u32 | the offset there i64.
 */
export const roundHeaderBytes = 40
export const entryHeaderBytes = 16 + idBytes
export const placeBytes = 20
const magic = Buffer.from('NARUROND', 'latin1')

export const entryKinds = ['data', 'mark', 'start', 'cut', 'reset', 'drop'] as const
export type EntryKind = (typeof entryKinds)[number]

/** Writes an entry's header; the caller puts `length` bytes behind it. */
export function writeEntryHeader(
  target: Buffer,
  at: number,
  kind: EntryKind,
  id: Buffer,
  offset: number,
  length: number
): void {
  target.writeUInt32LE(entryKinds.indexOf(kind), at)
  target.writeUInt32BE(length, at + 4)
  writeInt64(target, offset, at + 8)
  id.copy(target, at + 16)
}

/** A place in a log's files. */
export interface Place {
  readonly segmentBase: number
  readonly position: number
  /** The offset of what comes at this place. */
  readonly offset: number
}

export function writePlace(target: Buffer, at: number, place: Place): void {
  writeInt64(target, place.segmentBase, at)
  target.writeUInt32BE(place.position, at + 8)
  writeInt64(target, place.offset, at + 12)
}

export function readPlace(source: Buffer, at: number): Place {
  return {
    segmentBase: readInt64(source, at),
    position: source.readUInt32BE(at + 8),
    offset: readInt64(source, at + 12)
  }
}

/** Completes a round whose payload is `target[roundHeaderBytes, end)`. */
export function writeRoundHeader(target: Buffer, end: number, sequence: number, order: number): void {
  magic.copy(target, 0)
  writeInt64(target, sequence, 8)
  writeInt64(target, order, 16)
  target.writeUInt32BE(end - roundHeaderBytes, 24)
  target.writeUInt32BE(crc32c(target, roundHeaderBytes, end), 28)
  target.writeUInt32BE(crc32c(target, 0, 32), 32)
  target.writeUInt32BE(0, 36)
}

export interface RoundHeader {
  readonly sequence: number
  readonly order: number
  readonly payloadBytes: number
  readonly payloadCrc: number
}

/** The header of a round at `at`; undefined when there is none. The payload's CRC is not checked. */
export function readRoundHeader(source: Buffer, at: number): RoundHeader | undefined {
  if (at + roundHeaderBytes > source.length || magic.compare(source, at, at + 8) !== 0) return undefined
  if (crc32c(source, at, at + 32) !== source.readUInt32BE(at + 32)) return undefined
  return {
    sequence: readInt64(source, at + 8),
    order: readInt64(source, at + 16),
    payloadBytes: source.readUInt32BE(at + 24),
    payloadCrc: source.readUInt32BE(at + 28)
  }
}

/** Calls `visit` for each entry of an intact round's payload; `at` is where its content begins. */
export function readEntries(
  payload: Buffer,
  visit: (kind: EntryKind, idAt: number, offset: number, at: number, length: number) => void
): void {
  for (let at = 0; at + entryHeaderBytes <= payload.length; ) {
    const kind = entryKinds[payload.readUInt32LE(at)]
    const length = payload.readUInt32BE(at + 4)
    visit(kind, at + 16, readInt64(payload, at + 8), at + entryHeaderBytes, length)
    at += entryHeaderBytes + length
  }
}
