/** A pending timer; `cancel` is idempotent and may be called after it fired. */
export interface Timer {
  cancel(): void
}

/**
 * Time as the core sees it (DESIGN rule 1). The real one lives in run/; simulations advance their own. Timers never
 * keep a process alive by themselves.
 */
export interface Clock {
  /** Wall clock, epoch milliseconds; may jump. For timestamps that users see. */
  now(): number
  /** Milliseconds with fractions from an arbitrary origin; never goes back. For time-outs and latencies. */
  monotonic(): number
  /** Calls `fire` once after at least `delayMs`. */
  after(delayMs: number, fire: () => void): Timer
}

/** Resolves after `delayMs` on the given clock. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise(resolve => clock.after(delayMs, resolve))
}

/** A clock that moves only when told to; timers fire in order of their due time, then of their creation. */
export class ManualClock implements Clock {
  private wallMs: number
  private elapsedMs = 0
  private nextId = 0
  private readonly timers = new Map<number, { dueMs: number; fire: () => void }>()

  constructor(wallMs = 1_700_000_000_000) {
    this.wallMs = wallMs
  }

  now(): number {
    return Math.floor(this.wallMs + this.elapsedMs)
  }

  monotonic(): number {
    return this.elapsedMs
  }

  after(delayMs: number, fire: () => void): Timer {
    const id = this.nextId++
    this.timers.set(id, { dueMs: this.elapsedMs + Math.max(0, delayMs), fire })
    return { cancel: () => void this.timers.delete(id) }
  }

  /** Due time (monotonic ms) of the next timer, or undefined when none waits. */
  nextDueMs(): number | undefined {
    let due: number | undefined
    for (const timer of this.timers.values()) if (due === undefined || timer.dueMs < due) due = timer.dueMs
    return due
  }

  /** Moves time on by `ms`, firing what comes due on the way. Microtasks run only between calls of this. */
  advance(ms: number): void {
    const target = this.elapsedMs + ms
    for (;;) {
      let next: [number, { dueMs: number; fire: () => void }] | undefined
      for (const entry of this.timers)
        if (entry[1].dueMs <= target && (!next || entry[1].dueMs < next[1].dueMs)) next = entry
      if (!next) break
      this.timers.delete(next[0])
      this.elapsedMs = Math.max(this.elapsedMs, next[1].dueMs)
      next[1].fire()
    }
    this.elapsedMs = target
  }

  /** Moves the wall clock only, as an administrator or NTP would. */
  jump(ms: number): void {
    this.wallMs += ms
  }
}
