/** A number that only grows. */
export interface Counter {
  add(amount?: number): void
  readonly value: number
}

/** Metrics of one broker: named counters, and gauges that are read when somebody asks. Names follow Prometheus. */
export class Metrics {
  private readonly counters = new Map<string, Counter & { help: string; value: number }>()
  private readonly gauges = new Map<string, { help: string; read: () => number }>()

  /** The counter of that name, made on first use. Keep the returned object: looking it up is for set-up code. */
  counter(name: string, help: string): Counter {
    let counter = this.counters.get(name)
    if (!counter) {
      const made = {
        help,
        value: 0,
        add(amount = 1) {
          made.value += amount
        }
      }
      counter = made
      this.counters.set(name, counter)
    }
    return counter
  }

  /** Registers a value read on demand. */
  gauge(name: string, help: string, read: () => number): void {
    this.gauges.set(name, { help, read })
  }

  /** Every metric by name, now. */
  snapshot(): Record<string, number> {
    const values: Record<string, number> = {}
    for (const [name, counter] of this.counters) values[name] = counter.value
    for (const [name, gauge] of this.gauges) values[name] = gauge.read()
    return values
  }
}
