import { type Clock, sleep } from '../../std/clock.ts'
import type { Random } from '../../std/random.ts'
import { KeyHash } from './key-hash.ts'
import { OffsetMap } from './offset-map.ts'

/** Between two slices everything else gets its turn: no slice is longer than this, or than one batch takes. */
const sliceMs = 1
const sliceBytes = 128 * 1024
/** Where others took longer than this in between there is traffic: what they began gets this time to itself. */
const busyMs = 0.3
const restMs = 2
/** A pass that is told to stop notices within this time. */
const sleepMsMax = 100

/** The limits of compaction, read when they are used: they may change at any time. */
export interface CompactorOptions {
  /** Memory for the newest offset of each key. */
  readonly dedupeBytes: number
  /** How full that may get, 0 to 1. */
  readonly loadFactor: number
  /** Memory to read and write with, each half of it. */
  readonly ioBytes: number
  /** What is read and written in a second, at most; with 0 nothing is, below 0 there is no limit. */
  readonly bytesPerSecond: number
}

/** What the passes of a broker share, one at a time: memory, the secret of the hash, the throttle. */
export class Compactor {
  readonly map = new OffsetMap()
  readonly key: KeyHash
  readonly clock: Clock
  readonly options: CompactorOptions
  private bytesPerSecond = 0
  private used = 0
  private sliceStart = 0
  private spentBytes = 0
  private spendingSince = 0

  constructor(clock: Clock, random: Random, options: CompactorOptions) {
    this.clock = clock
    this.key = KeyHash.random(random)
    this.options = options
  }

  /** Begins a pass. */
  begin(): void {
    this.startSpending()
    this.newSlice()
  }

  /** Counts what was worked on; true when it is time to `pause`. */
  isOver(bytes: number): boolean {
    this.used += bytes
    return this.used >= sliceBytes || this.clock.monotonic() - this.sliceStart >= sliceMs
  }

  /** Counts what was read or written. */
  spend(bytes: number): void {
    this.spentBytes += bytes
  }

  /** Lets others have their turn, and waits while more was spent than allowed. Ends early when `stopped`. */
  async pause(stopped: () => boolean): Promise<void> {
    const before = this.clock.monotonic()
    await new Promise<void>(resolve => setImmediate(resolve))
    if (this.clock.monotonic() - before > busyMs) await sleep(this.clock, restMs)
    while (!stopped()) {
      const early = this.earlyMs()
      if (early <= 1) break
      await sleep(this.clock, Math.min(early, sleepMsMax))
    }
    this.newSlice()
  }

  /** How long to wait until what was spent is allowed. What was spent under another limit doesn't count. */
  private earlyMs(): number {
    const { bytesPerSecond } = this.options
    if (bytesPerSecond !== this.bytesPerSecond) this.startSpending()
    if (bytesPerSecond < 0 || this.spentBytes === 0) return 0
    return (this.spentBytes / bytesPerSecond) * 1000 - (this.clock.monotonic() - this.spendingSince)
  }

  private startSpending(): void {
    this.bytesPerSecond = this.options.bytesPerSecond
    this.spentBytes = 0
    this.spendingSince = this.clock.monotonic()
  }

  private newSlice(): void {
    this.used = 0
    this.sliceStart = this.clock.monotonic()
  }
}
