import type { Clock } from '../../std/clock.ts'

/** Taken for the requests of a connection that nobody knows yet: the first turn shows what it is. */
const averageMsAtFirst = 2.1
const newestWeight = 0.2
/** One turn adds so much at most: most long ones are the machine's doing, which had no time for the broker. */
const addedMsMax = 0.5
/** Connections whose requests take longer, on average, wait behind the others when there is a crowd. */
const heavyMs = 2
/** A turn of the event loop that has taken so long is a crowd. */
const crowdedMs = 20

/** How much of the broker's time one connection takes whenever it has its turn. */
export class Share {
  private averageMs = averageMsAtFirst
  private besideMs = 0
  /** Whether it has had a turn. */
  isKnown = false

  get isHeavy(): boolean {
    return this.averageMs > heavyMs
  }

  /** A turn has taken so long. One in which no request was begun says nothing of what its requests cost. */
  took(ms: number, begun: number): void {
    if (begun === 0) {
      this.besideMs += ms
      return
    }
    this.averageMs += Math.min(addedMsMax, (ms + this.besideMs - this.averageMs) * newestWeight)
    this.besideMs = 0
    this.isKnown = true
  }

  /** Time that an answer took outside of a turn. */
  tookBeside(ms: number): void {
    this.besideMs += ms
  }
}

/** A connection that has something to do at the end of the turn. */
export interface Scheduled {
  readonly share: Share
  flush(): void
}

/**
 * Who has its turn when: a hundred connections with costly requests must not make a client with cheap ones wait for all of
 * them. Cheap ones are served as they come. Of the costly ones, as many as fit into a few milliseconds are served in each
 * turn of the event loop, in order; and as many of the new ones, so that they don't wait for all the costly ones first.
 */
export class Fairness {
  private readonly clock: Clock
  private readonly turnMsMax: number
  private light: Scheduled[] = []
  private readonly unknown: Scheduled[] = []
  private readonly heavy: Scheduled[] = []
  private scheduled = false
  private turnStartMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock, turnMsMax: number) {
    this.clock = clock
    this.turnMsMax = turnMsMax
  }

  /** A connection begins to work; gives the time. */
  begin(): number {
    const nowMs = this.clock.monotonic()
    if (this.turnStartMs > nowMs) {
      this.turnStartMs = nowMs
      this.schedule()
    }
    return nowMs
  }

  /** Whether a connection had better wait, as this turn has taken long and its own requests are costly. */
  mustWait(share: Share): boolean {
    return share.isHeavy && this.clock.monotonic() - this.turnStartMs > crowdedMs
  }

  /** Calls `flush` at the end of this turn of the event loop, or of one of the next. */
  add(connection: Scheduled): void {
    const { share } = connection
    if (!share.isHeavy) this.light.push(connection)
    else if (share.isKnown) this.heavy.push(connection)
    else this.unknown.push(connection)
    this.schedule()
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => this.run())
  }

  private run(): void {
    this.scheduled = false
    this.turnStartMs = Number.POSITIVE_INFINITY
    const { light } = this
    this.light = []
    for (const connection of light) connection.flush()
    this.serveNewcomers()
    this.serve(this.heavy)
    if (this.unknown.length + this.heavy.length > 0) this.schedule()
  }

  /** The newest and the oldest in turn: who comes after a crowd of newcomers need not wait for all of them, and none for ever. */
  private serveNewcomers(): void {
    const untilMs = this.clock.monotonic() + this.turnMsMax
    for (let newest = true; this.unknown.length > 0; newest = !newest) {
      const connection = newest ? this.unknown.pop() : this.unknown.shift()
      connection?.flush()
      if (this.clock.monotonic() >= untilMs) return
    }
  }

  /** As many as fit into the time, at least one. */
  private serve(line: Scheduled[]): void {
    const untilMs = this.clock.monotonic() + this.turnMsMax
    let served = 0
    while (served < line.length) {
      line[served++].flush()
      if (this.clock.monotonic() >= untilMs) break
    }
    line.splice(0, served)
  }
}
