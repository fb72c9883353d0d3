import { blockBytes, type Disk } from '../../disk/disk.ts'
import type { TimerWheel, WheelTimer } from '../../std/timer-wheel.ts'
import { alignUp } from './slab.ts'

/**
 * Arenas are of one size, 2^12 blocks: finding out where aligned memory begins is a read of the disk, which waits while
 * that is busy. What was never used of an arena takes no memory.
 */
const orderMax = 12
const arenaBlocks = 1 << orderMax
const arenaBytes = arenaBlocks * blockBytes
/** The first one is smaller: a broker inside a test needs no more. */
const firstOrder = 9
/** Memory that nobody needed for so long goes back to the system. */
const trimMs = 10_000

/**
 * Memory for slabs, in whole blocks out of large arenas: a buddy allocator, so that what quiet logs have let go of serves
 * busy ones. A broker that allocated each slab would have the garbage collector run for their sake, and would have to find
 * memory that a direct file takes each time.
 */
export class SlabPool {
  /** Memory of slabs that their logs have let go of, but that readers still hold, is counted here. */
  readonly lent: { bytes: number }
  private readonly disk: Disk
  private readonly arenas = new Map<number, Buffer>()
  private readonly numbers = new Map<ArrayBufferLike, number>()
  /** By order: the free runs of 2^order blocks, as numbers of their first blocks over all arenas. */
  private readonly free: Set<number>[] = Array.from({ length: orderMax + 1 }, () => new Set())
  /** Numbers of arenas that are gone. They are given again: block numbers must stay small. */
  private readonly spare: number[] = []
  /** The fewest arenas that nobody used at a time since the last trim. */
  private idleArenas = 0
  private readonly trimming: WheelTimer

  constructor(disk: Disk, wheel: TimerWheel, lent: { bytes: number } = { bytes: 0 }) {
    this.disk = disk
    this.lent = lent
    this.trimming = wheel.timer(() => this.trim())
  }

  /** Memory for a direct file of at least `bytes`, rounded up to whole blocks. */
  take(bytes: number): Buffer {
    const size = alignUp(Math.max(1, bytes))
    if (size > arenaBytes) return this.disk.allocate(size)
    const blocks = size / blockBytes
    const order = orderOf(blocks)
    const first = this.takeRun(order)
    this.giveRun(first + blocks, first + (1 << order))
    const arena = this.arenas.get(Math.floor(first / arenaBlocks))!
    const from = (first % arenaBlocks) * blockBytes
    return arena.subarray(from, from + size)
  }

  /** Takes back what `take` gave. */
  give(memory: Buffer): void {
    const number = this.numbers.get(memory.buffer)
    if (number === undefined) return
    const from = (memory.byteOffset - this.arenas.get(number)!.byteOffset) / blockBytes
    const first = number * arenaBlocks + from
    this.giveRun(first, first + memory.length / blockBytes)
  }

  /** Gives memory back to the system that nobody needed since the last call. */
  private trim(): void {
    for (const first of this.free[orderMax]) {
      if (this.idleArenas === 0) break
      this.idleArenas--
      this.free[orderMax].delete(first)
      const number = first / arenaBlocks
      this.numbers.delete(this.arenas.get(number)!.buffer)
      this.arenas.delete(number)
      this.spare.push(number)
    }
    this.idleArenas = this.free[orderMax].size
    if (this.idleArenas > 0) this.trimming.arm(trimMs)
  }

  private takeRun(order: number): number {
    let at = order
    while (at <= orderMax && this.free[at].size === 0) at++
    if (at > orderMax) return this.newRun(order)
    const first = anyOf(this.free[at])
    this.free[at].delete(first)
    this.idleArenas = Math.min(this.idleArenas, this.free[orderMax].size)
    for (; at > order; at--) this.free[at - 1].add(first + (1 << (at - 1)))
    return first
  }

  /** The blocks [from, to) of an arena are free: joins them with their free neighbours. */
  private giveRun(from: number, to: number): void {
    for (let first = from; first < to; ) {
      let order = 0
      while (order < orderMax && first % (2 << order) === 0 && first + (2 << order) <= to) order++
      const next = first + (1 << order)
      while (order < orderMax && this.free[order].delete(first ^ (1 << order))) first &= ~(1 << order++)
      this.free[order].add(first)
      first = next
    }
    if (this.free[orderMax].size > 0 && !this.trimming.armed) this.trimming.arm(trimMs)
  }

  /** Gives a run of that order out of new memory. */
  private newRun(order: number): number {
    const isFirst = this.arenas.size === 0 && order <= firstOrder
    const blocks = isFirst ? 1 << firstOrder : arenaBlocks
    const arena = this.disk.allocate(blocks * blockBytes)
    const number = this.spare.pop() ?? this.arenas.size
    this.arenas.set(number, arena)
    this.numbers.set(arena.buffer, number)
    const first = number * arenaBlocks
    this.giveRun(first, first + blocks)
    return this.takeRun(order)
  }
}

/** The smallest order with at least so many blocks. */
function orderOf(blocks: number): number {
  return 32 - Math.clz32(blocks - 1)
}

function anyOf(run: Set<number>): number {
  for (const first of run) return first
  throw new Error('unreachable')
}
