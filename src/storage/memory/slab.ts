import { blockBytes } from '../../disk/disk.ts'
import { assert } from '../../std/assert.ts'
import type { Segment } from '../segments/segment.ts'
import type { SlabPool } from './slab-pool.ts'

export const slabBytesMin = 4096
export const slabBytesMax = 1024 * 1024

export const alignDown = (position: number): number => position - (position % blockBytes)
export const alignUp = (position: number): number => alignDown(position + blockBytes - 1)

/** The last, partial block of a segment, of a slab that is gone. */
export interface Rest {
  readonly segment: Segment
  readonly start: number
  readonly bytes: Buffer
}

/**
 * A piece of a log in memory, placed like its piece of the segment's file: `memory[i]` is the file's byte `start + i`, and
 * `start` is a whole block, so that it can be written with O_DIRECT. Readers find batches in `[from, end)`; what lies
 * before `from` only completes the first block.
 *
 * Batches are added until the slab is frozen (a newer slab exists or its write has begun). Its memory goes back to the
 * pool when the log and every reader have let go of it.
 */
export class Slab {
  readonly segment: Segment
  readonly memory: Buffer
  readonly start: number
  readonly from: number
  /** Where the log ended in front of it: a gap before its first batch belongs to it. */
  readonly firstOffset: number
  /** Of the log's count of all bytes ever appended: where `from` is in it. */
  readonly countAtFrom: number
  /** The bytes of the file before this one aren't in memory: a write must read them first. */
  validFrom: number
  end: number
  /** The offset after the last batch in it. */
  endOffset: number
  private readonly pool: SlabPool
  private references = 1
  /** Its log has let go of it before its readers did. */
  private left = false

  /**
   * Room for `bytes` from `position` on, in memory of `memoryBytes`. `previous`: what ends at `position`, and completes the
   * first block; undefined when only the file has it.
   */
  constructor(
    pool: SlabPool,
    segment: Segment,
    position: number,
    bytes: number,
    memoryBytes: number,
    firstOffset: number,
    count: number,
    previous: Slab | Rest | undefined
  ) {
    this.pool = pool
    this.segment = segment
    this.start = alignDown(position)
    this.from = position
    this.end = position
    this.firstOffset = firstOffset
    this.endOffset = firstOffset
    this.countAtFrom = count
    this.memory = pool.take(Math.max(position - this.start + bytes, memoryBytes))
    this.validFrom = position
    if (previous instanceof Slab) {
      this.validFrom = Math.max(this.start, previous.validFrom)
      previous.slice(this.start, position).copy(this.memory)
    } else if (previous) {
      this.validFrom = this.start
      previous.bytes.copy(this.memory)
    }
  }

  /** How many bytes can still be added. */
  get room(): number {
    return this.start + this.memory.length - this.end
  }

  /** Counted in appended bytes: where the slab ends. */
  get countAtEnd(): number {
    return this.countAtFrom + this.end - this.from
  }

  /** Takes a copy of a batch. */
  add(source: Buffer, at: number, bytes: number, endOffset: number): void {
    source.copy(this.memory, this.end - this.start, at, at + bytes)
    this.end += bytes
    this.endOffset = endOffset
  }

  /** The bytes of the file from `position` up to `end`, both in [start, this.end]. */
  slice(position: number, end: number): Buffer {
    return this.memory.subarray(position - this.start, end - this.start)
  }

  /** A copy of its last block, if that is partial and complete up to its end. */
  rest(): Rest | undefined {
    const start = alignDown(this.end)
    if (start === this.end || start < this.validFrom) return undefined
    return { segment: this.segment, start, bytes: Buffer.from(this.slice(start, this.end)) }
  }

  retain(): void {
    this.references++
  }

  release(): void {
    assert(this.references > 0, 'a slab is released once by each of its users')
    if (--this.references > 0) return
    if (this.left) this.pool.lent.bytes -= this.memory.length
    this.pool.give(this.memory)
  }

  /** The log lets go of it. */
  leave(): void {
    if (this.references > 1) {
      this.left = true
      this.pool.lent.bytes += this.memory.length
    }
    this.release()
  }
}
