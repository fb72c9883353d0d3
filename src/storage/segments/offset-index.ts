import { readInt64, writeInt64 } from '../../record/header.ts'
import { crc32c } from '../../std/crc32c.ts'
import type { SegmentRef } from '../layout.ts'

/**
 * A segment's sparse index, in memory in the form it has on disk: entries back to back, each for one batch,
 *
 *   0 base offset - the segment's u32 | 4 position in the segment u32 | 8 greatest timestamp of all batches before i64 |
 *   16 base offset of the first batch that has it - the segment's u32 | 20 CRC-32C of bytes 0 to 19 u32
 *
 * The file begins with an entry's worth of header: `NARUINDX`, version u32, zeros, CRC. Entries are appended after the
 * segment was synced past them and are not synced themselves: they may be missing, and are then found again by reading
 * the segment. A batch that doesn't begin where the one before it ends (a compacted log) has its own entry, which is how
 * such a gap is told from a damaged base offset. Migration: delete the file; it is rebuilt.
 */
export const entryBytes = 24
const magic = 'NARUINDX'
const version = 1
const firstCapacity = 16 * entryBytes

/** Greatest timestamp of some batches, and the base offset of the first batch that has it; -1, -1 of none. */
export interface TimestampMark {
  readonly timestamp: number
  readonly offset: number
}

export const noTimestamp: TimestampMark = { timestamp: -1, offset: -1 }

export class OffsetIndex {
  readonly base: number
  private entries: Buffer
  private used = 0

  constructor(base: number, entries: Buffer = Buffer.alloc(0)) {
    this.base = base
    this.entries = entries
    this.used = entries.length
  }

  get count(): number {
    return this.used / entryBytes
  }

  add(offset: number, position: number, before: TimestampMark): void {
    if (this.used === this.entries.length) {
      const larger = Buffer.alloc(Math.max(firstCapacity, this.used * 2))
      this.entries.copy(larger)
      this.entries = larger
    }
    const entry = this.entries
    const at = this.used
    entry.writeUInt32BE(offset - this.base, at)
    entry.writeUInt32BE(position, at + 4)
    writeInt64(entry, before.timestamp, at + 8)
    entry.writeUInt32BE(before.timestamp < 0 ? 0 : before.offset - this.base, at + 16)
    entry.writeUInt32BE(crc32c(entry, at, at + 20), at + 20)
    this.used += entryBytes
  }

  offsetAt(entry: number): number {
    return this.base + this.entries.readUInt32BE(entry * entryBytes)
  }

  positionAt(entry: number): number {
    return this.entries.readUInt32BE(entry * entryBytes + 4)
  }

  /** Of all batches in front of the entry's. */
  timestampBefore(entry: number): TimestampMark {
    const at = entry * entryBytes
    const timestamp = readInt64(this.entries, at + 8)
    return timestamp < 0 ? noTimestamp : { timestamp, offset: this.base + this.entries.readUInt32BE(at + 16) }
  }

  /** The last entry whose offset is <= `offset`; -1 when there is none. */
  floorOffset(offset: number): number {
    return this.last(entry => this.offsetAt(entry) <= offset)
  }

  /** The last entry whose position is <= `position`; -1 when there is none. */
  floorPosition(position: number): number {
    return this.last(entry => this.positionAt(entry) <= position)
  }

  /** The last entry with only timestamps below `timestamp` in front of it; -1 when there is none. */
  floorTimestamp(timestamp: number): number {
    return this.last(entry => readInt64(this.entries, entry * entryBytes + 8) < timestamp)
  }

  /** Forgets the entries at or after `position`. */
  cut(position: number): void {
    this.used = (this.floorPosition(position - 1) + 1) * entryBytes
  }

  /** Forgets the entries above `offset`. */
  cutOffset(offset: number): void {
    this.used = (this.floorOffset(offset) + 1) * entryBytes
  }

  /** An index with the entries of `later` behind those of this one that lie before them. */
  joined(later: OffsetIndex): OffsetIndex {
    const end = later.count > 0 ? this.floorPosition(later.positionAt(0) - 1) + 1 : this.count
    return new OffsetIndex(this.base, Buffer.concat([this.slice(0, end), later.slice(0, later.count)]))
  }

  /** The bytes of the entries [from, to), as the file holds them. */
  slice(from: number, to: number): Buffer {
    return this.entries.subarray(from * entryBytes, to * entryBytes)
  }

  private last(holds: (entry: number) => boolean): number {
    let low = -1
    let high = this.count - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (holds(middle)) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** The first `entryBytes` of an index file. */
export function indexHeader(): Buffer {
  const header = Buffer.alloc(entryBytes)
  header.write(magic, 0, 'latin1')
  header.writeUInt32BE(version, 8)
  header.writeUInt32BE(crc32c(header, 0, 20), 20)
  return header
}

/** The index of a segment out of its file's bytes: its intact entries below `position`. */
export function readSegmentIndex({ base, generation }: SegmentRef, file: Buffer, position: number): OffsetIndex {
  return generation > 0 ? readCompactedIndex(base, file, position) : readIndex(base, file, position)
}

/**
 * The index of a segment that compaction made: all of it was durable before the segment counted, so that damage costs no
 * more than the entries that it hit. Gives those below `position`. Only they tell a gap from a damaged base offset.
 */
function readCompactedIndex(base: number, file: Buffer, position: number): OffsetIndex {
  const intact: Buffer[] = []
  for (let at = entryBytes; at + entryBytes <= file.length; at += entryBytes)
    if (file.readUInt32BE(at + 20) === crc32c(file, at, at + 20) && file.readUInt32BE(at + 4) < position)
      intact.push(file.subarray(at, at + entryBytes))
  return new OffsetIndex(base, Buffer.concat(intact))
}

/**
 * The index out of its file's bytes: the intact entries up to the first that is damaged, out of order, or lies at or
 * after `position`.
 */
export function readIndex(base: number, file: Buffer, position: number): OffsetIndex {
  if (file.length < entryBytes || !file.subarray(0, entryBytes).equals(indexHeader())) return new OffsetIndex(base)
  let end = entryBytes
  let offset = -1
  let previous = -1
  for (; end + entryBytes <= file.length; end += entryBytes) {
    const at = file.readUInt32BE(end + 4)
    const relative = file.readUInt32BE(end)
    if (file.readUInt32BE(end + 20) !== crc32c(file, end, end + 20)) break
    if (relative <= offset || at <= previous || at >= position) break
    offset = relative
    previous = at
  }
  return new OffsetIndex(base, Buffer.from(file.subarray(entryBytes, end)))
}
