import type { Clock, Timer } from '../../std/clock.ts'

/** Lets so many things a second happen, those beyond in their turn. */
export class Rate {
  private readonly clock: Clock
  private readonly perSecondNow: () => number
  /** What may happen at once: a second's worth, refilled as time passes. */
  private tokens: number
  private refilledAtMs: number
  private waiting: (() => void)[] = []
  private timer: Timer | undefined

  /** `perSecond` may change from one call to the next. */
  constructor(clock: Clock, perSecond: () => number) {
    this.clock = clock
    this.perSecondNow = perSecond
    this.tokens = perSecond()
    this.refilledAtMs = clock.monotonic()
  }

  private get perSecond(): number {
    return this.perSecondNow()
  }

  /** Calls `happen` now, or when its turn has come. */
  take(happen: () => void): void {
    this.refill()
    if (this.waiting.length === 0 && this.tokens >= 1) {
      this.tokens--
      happen()
      return
    }
    this.waiting.push(happen)
    this.arm()
  }

  /** Forgets what waits. */
  close(): void {
    this.timer?.cancel()
    this.waiting = []
  }

  private refill(): void {
    const nowMs = this.clock.monotonic()
    this.tokens = Math.min(this.perSecond, this.tokens + ((nowMs - this.refilledAtMs) * this.perSecond) / 1000)
    this.refilledAtMs = nowMs
  }

  private arm(): void {
    this.timer ??= this.clock.after(Math.ceil(Math.max(1, ((1 - this.tokens) * 1000) / this.perSecond)), () => {
      this.timer = undefined
      this.refill()
      const now = this.waiting.splice(0, Math.floor(this.tokens))
      this.tokens -= now.length
      for (const happen of now) happen()
      if (this.waiting.length > 0) this.arm()
    })
  }
}
