import type { Logger } from '../../std/log.ts'
import type { Change, ChangeBatch, Watch, Watcher } from '../metastore.ts'

interface Subscription {
  readonly prefix: string
  readonly watcher: Watcher
  /** The revision to deliver next. */
  next: number
}

/** The last changes, revision by revision without gaps, and those who watch them. */
export class History {
  private readonly revisionsMin: number
  private readonly logger: Logger
  private batches: ChangeBatch[] = []
  /** The revision of the first batch; the one to come when there is none. */
  private oldest = 1
  private begun = false
  private readonly subscriptions = new Set<Subscription>()

  /** Forgets older changes once there are twice `revisionsMin`. */
  constructor(revisionsMin: number, logger: Logger) {
    this.revisionsMin = revisionsMin
    this.logger = logger
  }

  get isEmpty(): boolean {
    return !this.begun
  }

  /** Says that changes up to `revision` are known to nobody any more. */
  begin(revision: number): void {
    this.begun = true
    this.oldest = revision + 1
  }

  add(batch: ChangeBatch): void {
    this.begun = true
    this.batches.push(batch)
    for (const subscription of this.subscriptions) this.advance(subscription)
    if (this.batches.length < 2 * this.revisionsMin) return
    this.batches = this.batches.slice(-this.revisionsMin)
    this.oldest = this.batches[0].revision
  }

  watch(prefix: string, from: number, watcher: Watcher): Watch {
    const subscription: Subscription = { prefix, watcher, next: Math.max(1, from) }
    this.subscriptions.add(subscription)
    queueMicrotask(() => this.advance(subscription))
    return { cancel: () => void this.subscriptions.delete(subscription) }
  }

  close(): void {
    for (const subscription of [...this.subscriptions]) this.end(subscription, 'closed')
  }

  private advance(subscription: Subscription): void {
    if (!this.subscriptions.has(subscription)) return
    if (subscription.next < this.oldest) {
      this.end(subscription, 'compacted')
      return
    }
    while (subscription.next < this.oldest + this.batches.length && this.subscriptions.has(subscription)) {
      const batch = this.batches[subscription.next - this.oldest]
      subscription.next++
      const changes = batch.changes.filter(change => keyOf(change).startsWith(subscription.prefix))
      if (changes.length > 0) this.guard(() => subscription.watcher.changed({ revision: batch.revision, changes }))
    }
  }

  private end(subscription: Subscription, reason: 'compacted' | 'closed'): void {
    if (this.subscriptions.delete(subscription)) this.guard(() => subscription.watcher.ended(reason, this.oldest))
  }

  /** One watcher's bug must not keep the others, or the change itself, from being told. */
  private guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.logger.error({ err: error }, 'a watcher of the metastore threw')
    }
  }
}

function keyOf(change: Change): string {
  return change.type === 'put' ? change.item.key : change.key
}
