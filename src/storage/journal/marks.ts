import type { TimerWheel, WheelTimer } from '../../std/timer-wheel.ts'
import type { StoredLog } from '../log.ts'
import type { StoreContext } from '../store-context.ts'

const gatherMs = 1000

/**
 * Tells the synced journal what page-cache logs have in their segments: the cached journal may be gone after a power loss,
 * and what is synced must be known without it. A log that promises no sync can do so a little later, together with
 * others: a round for each flush would cost as much as the flush.
 */
export class Marks {
  private readonly context: StoreContext
  private readonly timer: WheelTimer
  private readonly due = new Set<StoredLog>()

  constructor(context: StoreContext, wheel: TimerWheel) {
    this.context = context
    this.timer = wheel.timer(() => this.writeDue())
  }

  /** Something of the log was synced. */
  add(log: StoredLog): void {
    const { flushMessages, flushMs } = log.config
    if (flushMessages <= Number.MAX_SAFE_INTEGER || flushMs <= Number.MAX_SAFE_INTEGER) {
      this.due.delete(log)
      this.write(log)
      return
    }
    this.due.add(log)
    if (!this.timer.armed) this.timer.arm(gatherMs)
  }

  private write(log: StoredLog): void {
    // A store that can't write it any more says so itself.
    this.context.control(log, 'mark', log.syncedEnd, log.syncedPlace()).catch(() => {})
  }

  private writeDue(): void {
    for (const log of this.due) if (!log.stopped) this.write(log)
    this.due.clear()
  }
}
