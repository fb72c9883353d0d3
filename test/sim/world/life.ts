/**
 * One process on a simulated machine. All that reaches it comes through here: nothing does while it is paused, and what a
 * dead one had begun comes to nothing.
 */
export class Life {
  private ended = false
  private paused = false
  private draining = false
  private readonly waiting: (() => void)[] = []
  private readonly endings: (() => void)[] = []

  get dead(): boolean {
    return this.ended
  }

  /** Whether its event loop stands still. */
  get standsStill(): boolean {
    return this.paused
  }

  /** Something happens to the process: now, or when it runs again. */
  enter(what: () => void): void {
    if (this.ended) return
    if (this.paused || this.waiting.length > 0) this.waiting.push(what)
    else what()
  }

  /** A promise that settles only for a process that runs. */
  pass<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) =>
      answer.then(
        value => this.enter(() => resolve(value)),
        error => this.enter(() => reject(error))
      )
    )
  }

  pause(): void {
    this.paused = true
  }

  /** It goes on with what came meanwhile, one thing after the other. */
  resume(): void {
    this.paused = false
    if (!this.draining && this.waiting.length > 0) this.drain()
  }

  onEnd(ending: () => void): void {
    this.endings.push(ending)
  }

  /** Ends it: its timers never fire, nobody answers it again. */
  end(): void {
    if (this.ended) return
    this.ended = true
    this.waiting.length = 0
    for (const ending of this.endings.splice(0)) ending()
  }

  private drain(): void {
    this.draining = true
    setImmediate(() => {
      this.draining = false
      if (this.ended || this.paused) return
      const what = this.waiting.shift()
      // Before the next may enter: a process that is behind takes everything in order.
      what?.()
      if (this.waiting.length > 0) this.drain()
    })
  }
}
