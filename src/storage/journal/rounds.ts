import { verifyCrc, walkBatches, wholeBatchAt } from '../../record/check.ts'
import { readInt64, writeInt64 } from '../../record/header.ts'
import { crc32c } from '../../std/crc32c.ts'
import { idBytes } from '../layout.ts'

/**
 * Rounds are what journals are made of: a header, entries, and zeros up to a whole block.
 *
 * Header: 0 `NARURND2` | 8 sequence i64 (consecutive in its journal) | 16 order i64 (growing over both journals) |
 *   24 payload length u32 | 28 CRC-32C of the payload's heads u32 | 32 CRC-32C of bytes 0 to 31 u32 | zeros up to 40
 * Heads: all of the payload, but of a batch only its first 27 bytes: up to its CRC, which covers what follows, and on to its
 *   last offset, so that of a damaged batch it is still known which offsets it had.
 * Entry: 0 kind u8, zeros up to 4 | 4 length u32 (of what follows the entry's header) | 8 offset i64 | 16 log, 20 bytes
 *
 * Kinds, with what `offset` means and what follows:
 *   data   the log's end before these batches; whole batches, back to back
 *   mark   the log is durable in its segments up to a place
 *   start  the log's start offset is this now
 *   cut    a truncation to this offset has begun: the journal has nothing above the place, the files must be cut
 *   reset  the truncation is done: what the journal said of the log before is void, it is durable up to the place
 *   drop   the log was deleted: what the journal said of it before is void
 * In format version 1 (`NARUROND`) the CRC covered all of the payload. Such rounds are still read, never written.
 * A place: segment base i64 | position in the segment u32 | the offset there i64.
 */
export const roundHeaderBytes = 40
export const entryHeaderBytes = 16 + idBytes
export const placeBytes = 20
const batchHeadBytes = 27
const magic = Buffer.from('NARURND2', 'latin1')
const magicBefore = Buffer.from('NARUROND', 'latin1')

export const entryKinds = ['data', 'mark', 'start', 'cut', 'reset', 'drop'] as const
const dataKind = entryKinds.indexOf('data')
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
  target.writeUInt32BE(headsCrc(target, roundHeaderBytes, end)!, 28)
  target.writeUInt32BE(crc32c(target, 0, 32), 32)
  target.writeUInt32BE(0, 36)
}

export interface RoundHeader {
  readonly sequence: number
  readonly order: number
  readonly payloadBytes: number
  /** Of all the payload (`all`) or of its heads. */
  readonly payloadCrc: number
  readonly covers: 'all' | 'heads'
}

/** The header of a round at `at`; undefined when there is none. The payload's CRC is not checked. */
export function readRoundHeader(source: Buffer, at: number): RoundHeader | undefined {
  if (at + roundHeaderBytes > source.length) return undefined
  const isCurrent = magic.compare(source, at, at + 8) === 0
  if (!isCurrent && magicBefore.compare(source, at, at + 8) !== 0) return undefined
  if (crc32c(source, at, at + 32) !== source.readUInt32BE(at + 32)) return undefined
  return {
    sequence: readInt64(source, at + 8),
    order: readInt64(source, at + 16),
    payloadBytes: source.readUInt32BE(at + 24),
    payloadCrc: source.readUInt32BE(at + 28),
    covers: isCurrent ? 'heads' : 'all'
  }
}

/**
 * What is right of the round with this header and its payload at `at`: `all` of it, only its `heads` (every entry and
 * batch is where it was written, and some batches are damaged), or `nothing`.
 */
export function intactPart(source: Buffer, at: number, header: RoundHeader): 'all' | 'heads' | 'nothing' {
  const end = at + header.payloadBytes
  if (end > source.length) return 'nothing'
  if (header.covers === 'all') return crc32c(source, at, end) === header.payloadCrc ? 'all' : 'nothing'
  if (headsCrc(source, at, end) !== header.payloadCrc) return 'nothing'
  let areWhole = true
  readEntries(source.subarray(at, end), (kind, _, __, from, length) => {
    for (let batch = at + from; kind === 'data' && batch < at + from + length; batch += wholeBatchAt(source, batch))
      areWhole &&= verifyCrc(source, batch)
  })
  return areWhole ? 'all' : 'heads'
}

let heads = Buffer.allocUnsafe(4096)

/**
 * CRC-32C of the heads of `payload[from, end)`. The batches have been summed on their way in: to sum them again with each
 * round costs a tenth of what an append costs. Undefined when the lengths in it make no sense.
 */
function headsCrc(payload: Buffer, from: number, end: number): number | undefined {
  let used = 0
  for (let at = from; at < end; ) {
    const content = at + entryHeaderBytes
    if (content > end) return undefined
    const next = content + payload.readUInt32BE(at + 4)
    if (next > end) return undefined
    const isData = payload.readUInt32LE(at) === dataKind
    used = takeHead(payload, at, isData ? content : next, used)
    for (let batch = content; isData && batch < next; ) {
      const bytes = wholeBatchAt(payload, batch, next)
      if (bytes === 0) return undefined
      used = takeHead(payload, batch, batch + batchHeadBytes, used)
      batch += bytes
    }
    at = next
  }
  return crc32c(heads, 0, used)
}

/** Puts a few bytes behind the heads so far; copied one by one, which is faster than a call for so few. */
function takeHead(payload: Buffer, from: number, to: number, used: number): number {
  if (used + to - from > heads.length) {
    const larger = Buffer.allocUnsafe(2 * (used + to - from))
    heads.copy(larger, 0, 0, used)
    heads = larger
  }
  let at = used
  for (let position = from; position < to; position++) heads[at++] = payload[position]
  return at
}

/**
 * Where the content of the entry of another log begins, in the payload at `at`: where one changed byte in an entry's log
 * is all that keeps the heads from having the CRC that their header says. Else -1.
 */
export function misnamedEntry(source: Buffer, at: number, { payloadBytes, payloadCrc, covers }: RoundHeader): number {
  const end = at + payloadBytes
  const crc = covers === 'heads' && end <= source.length ? headsCrc(source, at, end) : undefined
  if (crc === undefined) return -1
  let used = 0
  const entries: { readonly content: number; readonly idEnd: number }[] = []
  readEntries(source.subarray(at, end), (kind, _, __, from, length) => {
    used += entryHeaderBytes
    entries.push({ content: at + from, idEnd: used })
    if (kind !== 'data') used += length
    else
      walkBatches(source.subarray(at + from, at + from + length), () => {
        used += batchHeadBytes
      })
  })
  const changed = changedByte(crc ^ payloadCrc, used)
  return entries.find(({ idEnd }) => idEnd - idBytes <= changed && changed < idEnd)?.content ?? -1
}

/** Which one of so many bytes is changed where their CRCs differ like that, if it is one; else -1. */
function changedByte(difference: number, bytes: number): number {
  // What a change of the last byte comes to; their first bytes are all different. Those of bytes before are run back to it.
  const zero = crc32c(Buffer.of(0))
  const byFirst = new Map<number, { byte: number; change: number }>()
  for (let byte = 0; byte < 256; byte++) {
    const change = (crc32c(Buffer.of(byte)) ^ zero) >>> 0
    byFirst.set(change >>> 24, { byte, change })
  }
  let rest = difference >>> 0
  for (let at = bytes - 1; at >= 0; at--) {
    const { byte, change } = byFirst.get(rest >>> 24)!
    if (change === rest) return at
    rest = (((rest ^ change) << 8) | byte) >>> 0
  }
  return -1
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
