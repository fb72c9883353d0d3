import type { Clock, Timer } from '../../../src/std/clock.ts'
import type { Life } from './life.ts'

interface Due {
  readonly dueMs: number
  readonly id: number
  fire: (() => void) | undefined
}

/** The time of a whole simulation: a clock that moves only when told to, and that keeps many timers cheaply. */
export class SimClock implements Clock {
  private readonly wallMs = 1_700_000_000_000
  private elapsedMs = 0
  private nextId = 0
  /** A binary heap, the next one first. */
  private readonly heap: Due[] = []

  now(): number {
    return Math.floor(this.wallMs + this.elapsedMs)
  }

  monotonic(): number {
    return this.elapsedMs
  }

  after(delayMs: number, fire: () => void): Timer {
    const due: Due = { dueMs: this.elapsedMs + Math.max(0, delayMs), id: this.nextId++, fire }
    this.push(due)
    return {
      cancel() {
        due.fire = undefined
      }
    }
  }

  nextDueMs(): number | undefined {
    this.dropCancelled()
    return this.heap[0]?.dueMs
  }

  /** Moves time on by `ms`, firing what comes due on the way, in order of due times and then of making. */
  advance(ms: number): void {
    const target = this.elapsedMs + ms
    for (;;) {
      this.dropCancelled()
      const next = this.heap[0]
      if (!next || next.dueMs > target) break
      this.pop()
      this.elapsedMs = Math.max(this.elapsedMs, next.dueMs)
      next.fire?.()
    }
    this.elapsedMs = target
  }

  private dropCancelled(): void {
    while (this.heap.length > 0 && !this.heap[0].fire) this.pop()
  }

  private push(due: Due): void {
    const { heap } = this
    let at = heap.length
    heap.push(due)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (before(heap[parent], due)) break
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = due
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop() as Due
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++
      if (before(last, heap[child])) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = last
  }
}

const before = (a: Due, b: Due): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.id < b.id)

/** A machine's clocks, which outlive its processes: the wall clock may be wrong and jump, both may run fast or slow. */
export class MachineTime {
  private readonly clock: Clock
  private rate = 1
  private sinceMs = 0
  private baseMs = 0
  /** By how much the wall clock is wrong, beyond its running fast or slow. */
  wrongMs = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  monotonic(): number {
    return this.baseMs + (this.clock.monotonic() - this.sinceMs) * this.rate
  }

  now(): number {
    return Math.floor(this.clock.now() - this.clock.monotonic() + this.monotonic() + this.wrongMs)
  }

  /** Lets time pass `rate` times as fast from now on. */
  runAt(rate: number): void {
    this.baseMs = this.monotonic()
    this.sinceMs = this.clock.monotonic()
    this.rate = rate
  }

  /** How long a wait on this machine takes. */
  really(delayMs: number): number {
    return Math.max(0, delayMs) / this.rate
  }
}

/** The clock as one process sees it: its timers fire when it runs, late when it was paused, never when it is dead. */
export function clockOf(clock: Clock, time: MachineTime, life: Life): Clock {
  return {
    now: () => time.now(),
    monotonic: () => time.monotonic(),
    after(delayMs, fire) {
      let cancelled = false
      const timer = clock.after(time.really(delayMs), () => life.enter(() => !cancelled && fire()))
      return {
        cancel() {
          cancelled = true
          timer.cancel()
        }
      }
    }
  }
}
