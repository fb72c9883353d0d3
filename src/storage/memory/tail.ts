import { blockBytes } from '../../disk/disk.ts'
import * as header from '../../record/header.ts'
import type { Segment } from '../segments/segment.ts'
import type { LogRead, ReadOptions } from '../types.ts'
import { type Rest, Slab, slabBytesMax, slabBytesMin } from './slab.ts'
import type { SlabPool } from './slab-pool.ts'

/** The newest batches of a log in memory: an unbroken run of slabs up to the log's end. */
export class Tail {
  /** All that are in memory, oldest first. */
  private slabs: Slab[] = []
  /** Those of them that aren't durable in their segment yet. */
  unsynced: Slab[] = []
  private readonly pool: SlabPool
  /** Takes more batches; undefined when the newest slab is frozen. */
  private open: Slab | undefined
  /** What gathered between the last two writes, and with it what the next slab should hold. */
  private expectedBytes = slabBytesMin
  /** Bytes of the slabs that were added since. */
  private gatheredBytes = 0
  /** What completes the first block of the next slab, when there is no slab in memory any more. */
  private rest: Rest | undefined

  constructor(pool: SlabPool) {
    this.pool = pool
  }

  /** The first offset in memory; undefined when there is nothing. */
  get firstOffset(): number | undefined {
    return this.slabs[0]?.firstOffset
  }

  /** Copies the batch at `source[at]`, which begins at byte `position` of its segment and at `count` of all bytes. */
  add(
    source: Buffer,
    at: number,
    bytes: number,
    segment: Segment,
    position: number,
    count: number,
    firstOffset: number,
    endOffset: number
  ): void {
    let slab = this.open
    if (!slab || slab.segment !== segment || slab.room < bytes) {
      const previous = this.slabs[this.slabs.length - 1]
      const candidate = previous ?? this.rest
      const before = candidate?.segment === segment ? candidate : undefined
      this.rest = undefined
      const wanted = this.gatheredBytes === 0 ? this.expectedBytes : this.gatheredBytes / 2
      const memoryBytes = Math.max(slabBytesMin, Math.min(slabBytesMax, wanted))
      slab = new Slab(this.pool, segment, position, bytes, memoryBytes, firstOffset, count, before)
      this.slabs.push(slab)
      this.unsynced.push(slab)
      this.open = slab
    }
    slab.add(source, at, bytes, endOffset)
    this.gatheredBytes += bytes
  }

  /** The oldest slabs that aren't durable and lie in one segment. No batch is added to them any more. */
  freeze(): Slab[] {
    const segment = this.unsynced[0]?.segment
    const frozen = this.unsynced.filter(slab => slab.segment === segment)
    if (frozen.includes(this.open!)) {
      // So that a quiet log costs little memory, and one write takes few pieces.
      this.expectedBytes = this.gatheredBytes + blockBytes
      this.gatheredBytes = 0
      this.open = undefined
    }
    return frozen
  }

  /** The oldest `slabs` are durable in their segment. */
  synced(slabs: number): void {
    this.unsynced.splice(0, slabs)
  }

  /** Lets go of a durable slab; without effect unless it is the oldest in memory. Gives what stays of the newest. */
  evict(slab: Slab): Rest | undefined {
    if (this.slabs[0] !== slab) return undefined
    this.slabs.shift()
    this.rest = this.slabs.length === 0 ? slab.rest() : undefined
    slab.leave()
    return this.rest
  }

  forgetRest(rest: Rest): undefined {
    if (this.rest === rest) this.rest = undefined
  }

  /** Lets go of durable slabs with nothing at or above `offset`: what they hold isn't what the files hold any more. */
  evictBelow(offset: number): void {
    while (this.slabs[0] && this.slabs[0] !== this.unsynced[0] && this.slabs[0].endOffset <= offset)
      this.evict(this.slabs[0])
    this.rest = undefined
  }

  /** Lets go of everything. */
  clear(): void {
    for (const slab of this.slabs) slab.leave()
    this.slabs = []
    this.unsynced = []
    this.open = undefined
    this.rest = undefined
  }

  /** Reads from `offset`, which is in memory, up to the end of its segment at most. */
  read(offset: number, options: ReadOptions): LogRead {
    let first = this.slabOf(offset)
    let slab = this.slabs[first]
    let position = Math.max(slab.from, indexed(slab.segment, slab.segment.index?.floorOffset(offset) ?? -1))
    while (position < slab.end && header.lastOffset(slab.memory, position - slab.start) < offset)
      position += header.batchBytes(slab.memory, position - slab.start)
    if (position === slab.end) {
      // In a gap between two slabs: the next batch is the first of the next one.
      slab = this.slabs[++first]
      position = slab.from
    }
    const segment = slab.segment
    const end = this.endOf(first, position, options)
    if (end.position === position) return new MemoryRead([], [], 0, offset)
    const chunks: Buffer[] = []
    const slabs: Slab[] = []
    for (let at = first; at < this.slabs.length; at++) {
      const piece = this.slabs[at]
      if (piece.segment !== segment || piece.from >= end.position) break
      piece.retain()
      slabs.push(piece)
      chunks.push(piece.slice(Math.max(piece.from, position), Math.min(piece.end, end.position)))
    }
    return new MemoryRead(slabs, chunks, end.position - position, end.offset)
  }

  /** Where a read from `position` in the slab `first` ends, and the next offset. */
  private endOf(first: number, position: number, options: ReadOptions): { position: number; offset: number } {
    const segment = this.slabs[first].segment
    const limit = position + options.maxBytes
    if (segment.bytes <= limit && segment.end <= options.below) return { position: segment.bytes, offset: segment.end }
    const { index } = segment
    const skipTo = index ? Math.min(index.floorPosition(limit), index.floorOffset(options.below)) : -1
    let at = Math.max(position, indexed(segment, skipTo))
    let slabAt = first
    while (this.slabs[slabAt].end <= at) slabAt++
    for (;;) {
      const slab = this.slabs[slabAt]
      const bytes = header.batchBytes(slab.memory, at - slab.start)
      const isFirst = at === position
      const over = at + bytes > limit && !(isFirst && options.atLeastOne)
      const offset = header.baseOffset(slab.memory, at - slab.start)
      if (over || offset >= options.below) return { position: at, offset }
      at += bytes
      if (at === segment.bytes) return { position: at, offset: segment.end }
      if (at === slab.end) slabAt++
    }
  }

  /** The last slab that begins at or below `offset`. */
  private slabOf(offset: number): number {
    let low = 0
    let high = this.slabs.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.slabs[middle].firstOffset <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}

function indexed(segment: Segment, entry: number): number {
  return entry < 0 || !segment.index ? 0 : segment.index.positionAt(entry)
}

class MemoryRead implements LogRead {
  readonly chunks: readonly Buffer[]
  readonly bytes: number
  readonly nextOffset: number
  private slabs: readonly Slab[]

  constructor(slabs: readonly Slab[], chunks: readonly Buffer[], bytes: number, nextOffset: number) {
    this.slabs = slabs
    this.chunks = chunks
    this.bytes = bytes
    this.nextOffset = nextOffset
  }

  release(): void {
    for (const slab of this.slabs) slab.release()
    this.slabs = []
  }
}
