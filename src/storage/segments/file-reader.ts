import { DiskError, type DiskFile } from '../../disk/disk.ts'
import { validBatchAt, wholeBatchAt } from '../../record/check.ts'
import * as header from '../../record/header.ts'
import { NaruError } from '../../std/errors.ts'
import { DamagedError, storageError } from '../errors.ts'
import type { StoredLog } from '../log.ts'
import type { ReadBuffers } from '../memory/read-buffers.ts'
import type { StoreContext } from '../store-context.ts'
import type { LogRead, ReadOptions } from '../types.ts'
import { FileWindow, findBatchBehind } from './file-window.ts'
import { noTimestamp, type OffsetIndex, type TimestampMark } from './offset-index.ts'
import { type Segment, segmentAt } from './segment.ts'

const readBytesMin = 64 * 1024
const readBytesMax = 1024 * 1024

/**
 * Reads from a segment's file: whole batches of one segment, each with its continuity checked and, the first time, its CRC,
 * so that nothing damaged is served. One large read in the ordinary case.
 */
export async function readFile(
  context: StoreContext,
  log: StoredLog,
  offset: number,
  options: ReadOptions
): Promise<LogRead> {
  const segment = segmentAt(log.segments, offset)
  if (!segment) return new FileRead(undefined, context.readBuffers, 0, 0, offset)
  // In a gap in front of a segment whose batches may all be in memory.
  if (segment.synced === 0 || offset < segment.base) return log.read(Math.max(offset, segment.base), options)
  const { generation } = log
  try {
    await log.loadIndex(segment)
    const found = await context.readBuffers.turns.run(() =>
      context.files.use(log.path(segment, 'log'), 'read', file =>
        new Cursor(context, log, segment, file).find(offset, options)
      )
    )
    // Without its turn: what comes next may take one itself.
    return typeof found === 'number' ? await log.read(found, options) : found
  } catch (error) {
    // Truncated or deleted under the reader: what it found says nothing.
    if (generation !== log.generation) return log.read(offset, options)
    if (!(error instanceof DiskError)) throw error
    throw storageError(error)
  }
}

/** The place of a batch in its segment. */
export interface BatchPlace {
  readonly position: number
  /** The first offset of the batch. */
  readonly offset: number
  /** Of the batches of the segment in front of it. */
  readonly newest: TimestampMark
}

/**
 * Where the first batch of a segment begins that holds `offset` or lies behind it; damage that holds it counts as one.
 * All of the segment is in its file.
 */
export async function locateBatch(
  context: StoreContext,
  log: StoredLog,
  segment: Segment,
  offset: number
): Promise<BatchPlace> {
  if (segment.synced === 0) return { position: 0, offset: segment.base, newest: noTimestamp }
  await log.loadIndex(segment)
  return context.files.use(log.path(segment, 'log'), 'read', file =>
    new Cursor(context, log, segment, file).locate(offset)
  )
}

/** Steps through the batches of a segment's file from an index entry on. */
class Cursor {
  private readonly context: StoreContext
  private readonly log: StoredLog
  private readonly segment: Segment
  private readonly file: Pick<DiskFile, 'read'>
  private buffer: Buffer | undefined
  /** The file's bytes in the buffer: [start, end). */
  private start = 0
  private end = 0
  private position = 0
  private readonly generation: number
  /** As it was at the beginning: it may be dropped from memory meanwhile. */
  private readonly index: OffsetIndex | undefined
  /** The offset that the batch at `position` begins with, but for gaps that the index knows. */
  private expected = 0

  constructor(context: StoreContext, log: StoredLog, segment: Segment, file: Pick<DiskFile, 'read'>) {
    this.context = context
    this.log = log
    this.segment = segment
    this.file = file
    this.generation = log.generation
    this.index = segment.index
  }

  /** Gives the offset to go on at when there is nothing more in this segment's file. */
  async find(offset: number, options: ReadOptions): Promise<LogRead | number> {
    const { segment, log, context } = this
    this.begin(this.segment.index?.floorOffset(offset) ?? -1)
    const wanted = options.maxBytes + 2 * log.config.indexIntervalBytes
    let checkedFrom = this.position
    try {
      for (;;) {
        if (this.position >= segment.synced) return this.behind(offset)
        const bytes = await this.load(Math.min(Math.max(wanted, readBytesMin), readBytesMax))
        const at = this.position - this.start
        if (bytes === 0) {
          await this.skipDamage(offset)
          checkedFrom = this.position
          continue
        }
        const buffer = this.buffer!
        const last = header.lastOffset(buffer, at)
        if (last < offset) {
          this.position += bytes
          this.expected = last + 1
          continue
        }
        if (header.baseOffset(buffer, at) >= options.below || (bytes > options.maxBytes && !options.atLeastOne))
          return this.finish(this.position, offset)
        const first = this.position
        this.position += bytes
        this.expected = last + 1
        this.takeMore(first, options)
        if (this.generation === log.generation) segment.verified.add(checkedFrom, this.position)
        return this.finish(first, this.expected)
      }
    } catch (error) {
      if (this.buffer) context.readBuffers.give(this.buffer)
      throw error
    }
  }

  async locate(offset: number): Promise<BatchPlace> {
    const { segment } = this
    // From the entry before the nearest: where a batch in front of a gap ends is only seen on the way.
    let newest = this.begin((this.index?.floorOffset(offset) ?? -1) - 1)
    try {
      while (this.position < segment.synced) {
        const before = { position: this.position, offset: this.expected, newest }
        const bytes = await this.load(readBytesMin)
        if (bytes === 0) {
          try {
            await this.skipDamage(offset)
          } catch (error) {
            if (error instanceof NaruError) return before
            throw error
          }
          continue
        }
        const at = this.position - this.start
        const last = header.lastOffset(this.buffer!, at)
        if (last >= offset) return before
        const timestamp = header.newestTimestamp(this.buffer!, at)
        if (timestamp > newest.timestamp) newest = { timestamp, offset: header.baseOffset(this.buffer!, at) }
        this.position += bytes
        this.expected = last + 1
      }
      return { position: segment.synced, offset: this.expected, newest }
    } finally {
      if (this.buffer) this.context.readBuffers.give(this.buffer)
    }
  }

  /** Goes to an index entry, to the segment's start below 0; the greatest timestamp in front of it. */
  private begin(entry: number): TimestampMark {
    const { index } = this
    this.position = entry < 0 ? 0 : index!.positionAt(entry)
    this.expected = entry < 0 ? this.segment.base : index!.offsetAt(entry)
    return entry < 0 ? noTimestamp : index!.timestampBefore(entry)
  }

  /** Goes on over the intact batches that are in the buffer. */
  private takeMore(first: number, options: ReadOptions): void {
    const buffer = this.buffer!
    for (;;) {
      const at = this.position - this.start
      const bytes = wholeBatchAt(buffer, at, this.end - this.start)
      if (bytes === 0 || this.position + bytes - first > options.maxBytes) return
      if (header.baseOffset(buffer, at) >= options.below || this.check(at) === 0) return
      this.position += bytes
      this.expected = header.lastOffset(buffer, at) + 1
    }
  }

  /** Brings the whole batch at `position` into the buffer: its size, or 0 when it is damaged. */
  private async load(bytesMin: number): Promise<number> {
    const { segment } = this
    const left = segment.synced - this.position
    let have = this.end - this.position
    if (this.buffer && have >= header.headerBytes) {
      const declared = header.batchBytes(this.buffer, this.position - this.start)
      if (declared <= have || declared > left) return this.check(this.position - this.start)
      await this.fill(Math.max(bytesMin, declared))
    } else {
      if (left < header.headerBytes) return 0
      await this.fill(bytesMin)
    }
    have = this.end - this.position
    if (have < header.headerBytes) return 0
    const declared = header.batchBytes(this.buffer!, 0)
    if (declared > have && declared <= left) await this.fill(declared)
    return this.check(0)
  }

  private async fill(bytes: number): Promise<void> {
    const length = Math.min(bytes, this.segment.synced - this.position)
    if (!this.buffer || this.buffer.length < length) {
      if (this.buffer) this.context.readBuffers.give(this.buffer)
      this.buffer = undefined
      this.buffer = this.context.readBuffers.take(length)
    }
    this.start = this.position
    this.end = this.position + (await this.file.read(this.buffer, 0, length, this.position))
  }

  /** Size of the intact batch at `at` in the buffer that continues the log; else 0. */
  private check(at: number): number {
    const buffer = this.buffer!
    const end = this.end - this.start
    const position = this.start + at
    const declared = wholeBatchAt(buffer, at, end)
    const isKnown = declared > 0 && this.segment.verified.has(position, position + declared)
    const bytes = isKnown ? declared : validBatchAt(buffer, at, end)
    if (bytes === 0) return 0
    const base = header.baseOffset(buffer, at)
    if (!this.isInPlace(base, this.start + at)) return 0
    const epoch = this.log.epochs.at(base)
    return epoch === -1 || epoch === header.leaderEpoch(buffer, at) ? bytes : 0
  }

  /** A batch goes on where the one before it ends, or has an entry of its own; between compacted ones gaps are usual. */
  private isInPlace(base: number, position: number): boolean {
    const { index, expected, segment } = this
    if (base === expected && segment.generation === 0) return true
    if (!index || base < expected) return false
    const entry = index.floorPosition(position)
    const isIndexed = entry >= 0 && index.positionAt(entry) === position
    return isIndexed ? index.offsetAt(entry) === base : base === expected
  }

  /** Moves past the damaged batch at `position`, to the next intact one or index entry, when `offset` lies behind it; else throws. */
  private async skipDamage(offset: number): Promise<void> {
    const { index, segment, log } = this
    const damagedAt = this.position
    const from = this.expected
    const entry = index ? index.floorPosition(damagedAt) + 1 : 0
    const isLast = !index || entry >= index.count
    const next = isLast
      ? { position: segment.synced, offset: segment.syncedEnd }
      : { position: index.positionAt(entry), offset: index.offsetAt(entry) }
    const window = new FileWindow(this.file, next.position)
    const found = (await findBatchBehind(window, damagedAt, from, next.offset)) ?? next
    this.position = found.position
    this.expected = found.offset
    this.end = found.position
    this.note(damagedAt, from, found.offset)
    if (offset < found.offset) throw new DamagedError(log.name, from, found.offset)
  }

  private note(position: number, from: number, to: number): void {
    if (this.generation === this.log.generation) this.log.noteDamage(this.segment, position, from, to)
  }

  /** `offset` lies in a gap behind the last batch of the file. */
  private behind(offset: number): LogRead | number {
    const { segment, log } = this
    const resident = log.tail.firstOffset
    if (segment.generation === 0 && (resident === undefined || resident <= offset))
      return this.finish(this.position, offset)
    this.finish(this.position, offset).release()
    this.buffer = undefined
    return segment.generation > 0 || resident === undefined ? Math.max(segment.end, log.startOffset) : resident
  }

  private finish(first: number, nextOffset: number): FileRead {
    const bytes = this.position - first
    return new FileRead(this.buffer, this.context.readBuffers, first - this.start, bytes, nextOffset)
  }
}

class FileRead implements LogRead {
  readonly chunks: readonly Buffer[]
  readonly bytes: number
  readonly nextOffset: number
  private buffer: Buffer | undefined
  private readonly pool: ReadBuffers

  constructor(buffer: Buffer | undefined, pool: ReadBuffers, at: number, bytes: number, nextOffset: number) {
    this.buffer = buffer
    this.pool = pool
    this.bytes = bytes
    this.nextOffset = nextOffset
    this.chunks = buffer && bytes > 0 ? [buffer.subarray(at, at + bytes)] : []
  }

  release(): void {
    if (this.buffer) this.pool.give(this.buffer)
    this.buffer = undefined
  }
}
