import type { Clock, Timer } from '../std/clock.ts'
import { onStopSignal } from './client.ts'
import { Failed } from './failure.ts'

export interface StoppingOptions {
  /** How to go on later. */
  readonly hint?: string
  /** How long what is under way has to be answered once it is asked; a second when absent. */
  readonly graceMs?: number
  /** Told at once. */
  readonly onAsk?: () => void
}

/** A person has stopped the command. */
export class Stopped extends Failed {}

/**
 * Whether a person wants the command to end. What it waits for may take a minute, a broker that hangs or requests
 * that are tried again: nobody who has stopped it waits for that.
 */
export class Stopping {
  private readonly clock: Clock
  private readonly options: StoppingOptions
  private readonly waiting = new Set<() => void>()
  private timer: Timer | undefined
  private isOver = false
  private isAsked = false
  private letGo = () => {}

  constructor(clock: Clock, options: StoppingOptions = {}) {
    this.clock = clock
    this.options = options
  }

  /** Takes the first Ctrl-C or SIGTERM for it, until `end`. */
  onSignal(): this {
    this.letGo = onStopSignal(() => this.ask())
    return this
  }

  /** Begin nothing more. */
  get asked(): boolean {
    return this.isAsked
  }

  /** Throws Stopped when it was asked. */
  check(): void {
    if (this.isAsked) throw this.error()
  }

  /** What `work` gives; rejects with Stopped a moment after the command was stopped, and then `work` goes on by itself. */
  async within<T>(work: Promise<T>): Promise<T> {
    // It may fail when nobody waits for it any more.
    work.catch(() => {})
    let giveUp = () => {}
    const over = new Promise<never>((_, reject) => {
      giveUp = () => reject(this.error())
    })
    over.catch(() => {})
    if (this.isOver) giveUp()
    this.waiting.add(giveUp)
    try {
      return await Promise.race([work, over])
    } finally {
      this.waiting.delete(giveUp)
    }
  }

  end(): void {
    this.timer?.cancel()
    this.letGo()
  }

  ask(): void {
    if (this.isAsked) return
    this.isAsked = true
    this.options.onAsk?.()
    this.timer = this.clock.after(this.options.graceMs ?? 1000, () => {
      this.isOver = true
      for (const giveUp of this.waiting) giveUp()
    })
  }

  private error(): Stopped {
    return new Stopped('Stopped before it was done.', this.options.hint)
  }
}
