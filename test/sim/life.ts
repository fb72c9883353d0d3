import {
  type Lease,
  type Metastore,
  MetastoreError,
  type Page,
  type Transaction,
  type Watch,
  type Watcher
} from '../../src/metastore/metastore.ts'
import type { Clock, Timer } from '../../src/std/clock.ts'
import { below, chance, type Random } from '../../src/std/random.ts'

/** Whether a simulated process still lives: what a dead one had begun comes to nothing. */
export class Life {
  dead = false
  readonly leases: Lease[] = []
  private readonly watches: Watch[] = []

  /** Ends it: its timers never fire, its leases run out, the metastore never answers it again. */
  end(): void {
    this.dead = true
    for (const lease of this.leases) lease.abandon()
    for (const watch of this.watches) watch.cancel()
  }

  watched(watch: Watch): Watch {
    this.watches.push(watch)
    return watch
  }
}

/** The clock as one life sees it. */
export function clockOf(clock: Clock, life: Life): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, fire): Timer => clock.after(delayMs, () => !life.dead && fire())
  }
}

/**
 * The metastore as one life sees it, over a network: answers take time, and sometimes nobody knows whether a change
 * was made.
 */
export class SimMetastore implements Metastore {
  private readonly store: Metastore
  private readonly life: Life
  private readonly clock: Clock
  private readonly random: Random
  /** That the answer to a change is lost, half of the times with the change. */
  lossProbability = 0

  constructor(store: Metastore, life: Life, clock: Clock, random: Random) {
    this.store = store
    this.life = life
    this.clock = clock
    this.random = random
  }

  get(key: string) {
    return this.answered(() => this.store.get(key))
  }

  range(prefix: string, page?: Page) {
    return this.answered(() => this.store.range(prefix, page))
  }

  async txn(transaction: Transaction) {
    const isLost = chance(this.random, this.lossProbability)
    if (isLost && chance(this.random, 0.5)) throw new MetastoreError('unavailable', 'the request was lost')
    const result = await this.answered(() => this.store.txn(transaction))
    if (isLost) throw new MetastoreError('unavailable', 'the answer was lost')
    return result
  }

  watch(prefix: string, from: number, watcher: Watcher): Watch {
    const { life } = this
    return life.watched(
      this.store.watch(prefix, from, {
        changed: batch => !life.dead && watcher.changed(batch),
        ended: (reason, oldest) => !life.dead && watcher.ended(reason, oldest)
      })
    )
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    const lease = await this.answered(() => this.store.grantLease(ttlMs))
    this.life.leases.push(lease)
    return lease
  }

  async close(): Promise<void> {}

  /** A dead process neither asks nor is answered. */
  private async answered<T>(ask: () => Promise<T>): Promise<T> {
    if (this.life.dead) return new Promise(() => {})
    await new Promise<void>(resolve => this.clock.after(below(this.random, 100) / 50, resolve))
    const result = await ask()
    if (this.life.dead) return new Promise(() => {})
    return result
  }
}
