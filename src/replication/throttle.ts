import type { Clock } from '../std/clock.ts'
import { option } from '../std/option.ts'

const unlimited = 9_223_372_036_854_775_807n

const rate = (side: string) =>
  ({
    type: 'long',
    default: unlimited,
    unit: 'bytes per second',
    min: 0,
    dynamic: true,
    hiddenDefault: true,
    doc: `How much this broker ${side} of the replicas that ${side === 'sends' ? 'leader' : 'follower'}.replication.throttled.replicas of their topics names, as long as they are not in sync; 0 stops them. kafka-reassign-partitions sets and clears it.`
  }) as const

/** Broker options that bound what replicas which are not in sync are sent (KIP-73). */
export const throttleOptions = {
  leaderRate: option({ name: 'leader.replication.throttled.rate', ...rate('sends') }),
  followerRate: option({ name: 'follower.replication.throttled.rate', ...rate('fetches') })
} as const

/** How long what may not go now waits at most before it is looked at again: the rate may have been changed. */
const waitMaxMs = 1000

/**
 * The bytes of throttled replication through one broker on one side: what goes on average stays within the rate; one answer may
 * spend more than there is, and what follows waits for that.
 */
export class ReplicationThrottle {
  private readonly clock: Clock
  private readonly bytesPerSecond: () => bigint
  /** Bytes that may go now; below 0 after more went. Never more than those of one second. */
  private room = Number.POSITIVE_INFINITY
  private atMs: number

  constructor(clock: Clock, bytesPerSecond: () => bigint) {
    this.clock = clock
    this.bytesPerSecond = bytesPerSecond
    this.atMs = clock.monotonic()
  }

  /** Whether something may go now. */
  get isOpen(): boolean {
    return this.refill() > 0
  }

  /** How long to wait until something may go. */
  get waitMs(): number {
    const room = this.refill()
    if (room > 0) return 0
    return Math.min(waitMaxMs, Math.ceil(((1 - room) * 1000) / Number(this.bytesPerSecond())))
  }

  record(bytes: number): void {
    this.refill()
    this.room -= bytes
  }

  private refill(): number {
    const limit = this.bytesPerSecond()
    const nowMs = this.clock.monotonic()
    const elapsedMs = nowMs - this.atMs
    this.atMs = nowMs
    if (limit === unlimited) this.room = Number.POSITIVE_INFINITY
    else this.room = Math.min(Number(limit), this.room + (Number(limit) * elapsedMs) / 1000)
    return this.room
  }
}
