import type { Metrics } from '../../std/metrics.ts'
import type { TimerWheel, WheelTimer } from '../../std/timer-wheel.ts'
import type { KafkaDoorLimits } from './options.ts'

/** What a connection holds of the memory that all connections share. */
export interface Held {
  /** Requests that arrived in part, or that are not worked on yet. */
  arriving: number
  /** Requests that are worked on, decoded. */
  waiting: number
  /** Responses that the client has not read, but for records: those are the storage's memory. */
  responses: number
}

/** A connection as the bounds see it. */
export interface MemoryHolder {
  readonly held: Readonly<Held>
  /** Bytes that wait for the client to read them, records and all. */
  readonly unreadBytes: number
  /** Goes on reading a request that waited for room. */
  resume(): void
  /** Called each second while memory is short: why the connection should make room for others, if so. */
  sweep(short: { readonly arriving: boolean; readonly responses: boolean }): string | undefined
  drop(reason: string): void
}

export interface MemoryBoundsParts {
  readonly limits: KafkaDoorLimits
  readonly wheel: TimerWheel
  readonly metrics: Metrics
  /** Memory that storage keeps because responses with it were not read yet. */
  lentBytes(): number
}

const sweepMs = 1000
/** Where a bound is broken, connections are dropped until so much of it is in use: not one at each request. */
const shedTo = 0.75

/**
 * Memory that clients can take, over all connections together: `queued.max.request.bytes` and its likes. Counting costs
 * additions; only while a bound is reached are connections looked at, each second.
 *
 * Requests arriving: at the bound, requests that don't arrive in one piece wait for their turn, and those that arrive too
 * slowly are dropped. Responses: at the bound, only clients that have read everything are answered, with as few records as
 * can be, and those that read nothing are dropped. A bound that is exceeded all the same is brought back by dropping the
 * connections that hold most.
 */
export class MemoryBounds {
  private readonly parts: MemoryBoundsParts
  private readonly total: Held = { arriving: 0, waiting: 0, responses: 0 }
  /** Beyond these, connections are dropped. One request of the largest size always fits. */
  private readonly most: Held
  private readonly holders = new Set<MemoryHolder>()
  private readonly parked = new Set<MemoryHolder>()
  private readonly sweeper: WheelTimer
  /** Memory that responses will take when their records are read from files. */
  reservedBytes = 0

  constructor(parts: MemoryBoundsParts) {
    const { limits, metrics, wheel } = parts
    this.parts = parts
    this.most = {
      arriving: limits.queuedRequestBytesMax + Math.max(limits.queuedRequestBytesMax, limits.requestBytesMax),
      waiting: limits.waitingRequestBytesMax,
      responses: 2 * limits.queuedResponseBytesMax
    }
    this.sweeper = wheel.timer(() => this.sweep())
    const gauge = (name: string, help: string, read: () => number) => metrics.gauge(name, help, read)
    gauge('naru_kafka_request_queued_bytes', 'Bytes of requests that arrived in part or wait to be worked on.', () =>
      this.used('arriving')
    )
    gauge('naru_kafka_request_waiting_bytes', 'Estimated memory of requests that wait for their answer.', () =>
      this.used('waiting')
    )
    gauge('naru_kafka_response_queued_bytes', 'Memory of responses that clients have not read yet.', () =>
      this.used('responses')
    )
  }

  add(connection: MemoryHolder): void {
    this.holders.add(connection)
  }

  get arrivingShort(): boolean {
    return this.total.arriving >= this.parts.limits.queuedRequestBytesMax
  }

  get responsesShort(): boolean {
    return this.responseRoom <= 0
  }

  /** What responses may still take; below 0 when they have more than they may. */
  get responseRoom(): number {
    return this.parts.limits.queuedResponseBytesMax - this.used('responses')
  }

  /** Takes up what a connection holds now in place of what it held before; `before` is brought up to date. */
  count(before: Held, arriving: number, waiting: number, responses: number): void {
    const { total, most } = this
    total.arriving += arriving - before.arriving
    total.waiting += waiting - before.waiting
    total.responses += responses - before.responses
    before.arriving = arriving
    before.waiting = waiting
    before.responses = responses
    if (total.arriving > most.arriving) this.shed('arriving', ({ held }) => held.arriving)
    if (total.waiting > most.waiting) this.shed('waiting', ({ held }) => held.waiting)
    if ((total.responses > 0 || this.reservedBytes > 0) && this.responsesShort) {
      if (!this.sweeper.armed) this.sweeper.arm(sweepMs)
      if (this.used('responses') > most.responses) this.shed('responses', ({ unreadBytes }) => unreadBytes)
    }
    if (this.parked.size > 0 && !this.arrivingShort) this.resumeParked()
  }

  /** The connection reads on once there is room for what arrives; `resume` tells it. */
  park(connection: MemoryHolder): void {
    this.parked.add(connection)
    if (!this.sweeper.armed) this.sweeper.arm(sweepMs)
  }

  /** The connection has closed; what it held must have been counted down. */
  forget(connection: MemoryHolder): void {
    this.holders.delete(connection)
    this.parked.delete(connection)
  }

  private used(kind: keyof Held): number {
    return kind === 'responses' ? this.total.responses + this.reservedBytes + this.parts.lentBytes() : this.total[kind]
  }

  private resumeParked(): void {
    for (const connection of this.parked) {
      if (this.arrivingShort) return
      this.parked.delete(connection)
      connection.resume()
    }
  }

  private sweep(): void {
    const short = { arriving: this.parked.size > 0, responses: this.responsesShort }
    if (!short.arriving && !short.responses) return
    for (const connection of this.holders) {
      const reason = connection.sweep(short)
      if (reason !== undefined) connection.drop(reason)
    }
    if (this.used('responses') > this.most.responses) this.shed('responses', ({ unreadBytes }) => unreadBytes)
    this.sweeper.arm(sweepMs)
  }

  private shed(kind: keyof Held, size: (connection: MemoryHolder) => number): void {
    const holders = [...this.holders].map(connection => ({ connection, bytes: size(connection) }))
    holders.sort((a, b) => b.bytes - a.bytes)
    let excess = this.used(kind) - this.most[kind] * shedTo
    for (const { connection, bytes } of holders) {
      if (excess <= 0 || bytes === 0) return
      excess -= bytes
      connection.drop(`${reasons[kind]}, and this one holds most of it`)
    }
  }
}

const reasons: Record<keyof Held, string> = {
  arriving: 'requests that have not arrived whole take too much memory',
  waiting: 'requests that wait for an answer take too much memory',
  responses: 'responses that are not read take too much memory'
}
