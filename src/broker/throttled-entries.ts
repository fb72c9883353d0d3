import type { Partition } from '../partition/partition.ts'
import { isThrottled } from '../partition/throttled.ts'
import type { ReplicationThrottle } from '../replication/throttle.ts'
import type { Clock, Timer } from '../std/clock.ts'
import type { FetchEntry } from './fetch-session.ts'
import type { FetchRequest } from './fetch-types.ts'

/** The leader's side of a throttle: which entries of followers' fetches wait for it. Others are served as if there were none. */
export class ThrottledEntries {
  private readonly throttle: ReplicationThrottle
  private readonly clock: Clock
  private readonly waiting = new Set<FetchEntry>()
  private timer: Timer | undefined

  constructor(throttle: ReplicationThrottle, clock: Clock) {
    this.throttle = throttle
    this.clock = clock
  }

  /** Whether a fetch may not have this partition now; if so, the entry is told when it may. */
  holdsBack(request: FetchRequest, entry: FetchEntry, partition: Partition): boolean {
    if (!bounds(request, partition) || this.throttle.isOpen) return false
    this.waiting.add(entry)
    this.timer ??= this.clock.after(this.throttle.waitMs, () => {
      this.timer = undefined
      const entries = [...this.waiting]
      this.waiting.clear()
      for (const waiting of entries) if (!waiting.closed) waiting.advanced()
    })
    return true
  }

  sent(request: FetchRequest, partition: Partition, bytes: number): void {
    if (bounds(request, partition)) this.throttle.record(bytes)
  }
}

/** Whether the throttle counts for a fetch. Followers that are in sync are sent everything: producers wait for them. */
function bounds({ replica }: FetchRequest, partition: Partition): boolean {
  return replica !== undefined && isThrottled(partition, 'leader') && !partition.leader?.isr.includes(replica.nodeId)
}
