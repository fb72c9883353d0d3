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

/** How long a process waits for the metastore. */
const answerTimeoutMs = 1000

/**
 * The metastore as one life sees it, over a network: answers take time, sometimes nobody knows whether a change was made,
 * and it may fall silent for a while. A lease ends when its holder was not heard of for long enough; the holder learns of
 * that when it hears again.
 */
export class SimMetastore implements Metastore {
  /** That a change or its answer is lost. */
  lossProbability = 0
  private readonly store: Metastore
  private readonly life: Life
  private readonly clock: Clock
  private readonly random: Random
  private silent = false
  private unheard: (() => void)[] = []

  constructor(store: Metastore, life: Life, clock: Clock, random: Random) {
    this.store = store
    this.life = life
    this.clock = clock
    this.random = random
  }

  /** Nothing gets through from here on. */
  silence(): void {
    if (this.silent) return
    this.silent = true
    for (const lease of this.life.leases)
      this.clock.after(lease.ttlMs, () => {
        if (this.silent) lease.revoke().catch(() => {})
      })
  }

  /** All is heard again, what came meanwhile first. */
  speak(): void {
    this.silent = false
    for (const hear of this.unheard.splice(0)) hear()
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
    return this.life.watched(
      this.store.watch(prefix, from, {
        changed: batch => this.hear(() => watcher.changed(batch)),
        ended: (reason, oldest) => this.hear(() => watcher.ended(reason, oldest))
      })
    )
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    const lease = await this.answered(() => this.store.grantLease(ttlMs))
    this.life.leases.push(lease)
    return {
      id: lease.id,
      ttlMs,
      inDoubt: false,
      onLost: listener => lease.onLost(() => this.hear(listener)),
      revoke: () => this.answered(() => lease.revoke()),
      abandon: () => lease.abandon()
    }
  }

  async close(): Promise<void> {}

  private hear(what: () => void): void {
    if (this.life.dead) return
    if (this.silent) this.unheard.push(() => this.hear(what))
    else what()
  }

  /** A dead process neither asks nor is answered. */
  private async answered<T>(ask: () => Promise<T>): Promise<T> {
    if (this.life.dead) return new Promise(() => {})
    await this.passing(below(this.random, 100) / 50)
    if (this.silent) {
      await this.passing(answerTimeoutMs)
      throw new MetastoreError('unavailable', 'the metastore does not answer')
    }
    const result = await ask()
    if (this.life.dead) return new Promise(() => {})
    return result
  }

  private passing(ms: number): Promise<void> {
    return new Promise(resolve => this.clock.after(ms, resolve))
  }
}
