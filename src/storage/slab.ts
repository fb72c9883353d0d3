import { blockBytes, type Disk } from '../disk/disk.ts'
import { assert } from '../std/assert.ts'
import type { Segment } from './segment.ts'

export const slabBytesMin = 4096
export const slabBytesMax = 1024 * 1024
const arenaBytes = 2 * slabBytesMax
const arenaSlabBytesMin = 64 * 1024
/** A batch of the default `max.message.bytes` is a little larger than the largest ordinary slab. */
const pooledSizeMax = 2 * slabBytesMax

export const alignDown = (position: number): number => position - (position % blockBytes)
export const alignUp = (position: number): number => alignDown(position + blockBytes - 1)

/** Memory for slabs, in powers of two up to `pooledSizeMax`, taken again instead of allocated anew. */
export class SlabPool {
  private readonly disk: Disk
  private readonly keptBytesMax: number
  private readonly free = new Map<number, Buffer[]>()
  private freeBytes = 0

  /** Keeps up to `keptBytesMax` of free memory: finding memory that a direct file takes is not cheap. */
  constructor(disk: Disk, keptBytesMax: number) {
    this.disk = disk
    this.keptBytesMax = keptBytesMax
  }

  /** Memory for a direct file of at least `bytes`. */
  take(bytes: number): Buffer {
    let size = slabBytesMin
    while (size < bytes && size < pooledSizeMax) size *= 2
    if (size < bytes) return this.disk.allocate(alignUp(bytes))
    const memory = this.free.get(size)?.pop()
    if (memory) {
      this.freeBytes -= size
      return memory
    }
    if (size < arenaSlabBytesMin) return this.disk.allocate(size)
    // Finding memory that a direct file takes is not cheap: get some more of it at once.
    const arena = this.disk.allocate(arenaBytes)
    for (let at = size; at < arenaBytes; at += size) this.give(arena.subarray(at, at + size))
    return arena.subarray(0, size)
  }

  give(memory: Buffer): void {
    const size = memory.length
    if (size > pooledSizeMax || this.freeBytes + size > this.keptBytesMax) return
    this.freeBytes += size
    const list = this.free.get(size)
    if (list) list.push(memory)
    else this.free.set(size, [memory])
  }
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

  /**
   * Room for `bytes` from `position` on, in memory of `memoryBytes` (the head counts in it, or every full slab would
   * outgrow its size class). `previous`: the slab that ends at `position`, with what completes the first block; undefined when only the
   * file has it.
   */
  constructor(
    pool: SlabPool,
    segment: Segment,
    position: number,
    bytes: number,
    memoryBytes: number,
    firstOffset: number,
    count: number,
    previous: Slab | undefined
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
    this.validFrom = previous ? Math.max(this.start, previous.validFrom) : position
    previous?.slice(this.start, position).copy(this.memory)
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

  retain(): void {
    this.references++
  }

  release(): void {
    assert(this.references > 0, 'a slab is released once by each of its users')
    if (--this.references === 0) this.pool.give(this.memory)
  }
}
