import {
  type Lease,
  type Metastore,
  MetastoreError,
  type Page,
  type Transaction,
  type TxnResult,
  type Watch,
  type Watcher
} from '../../../src/metastore/metastore.ts'
import type { Clock } from '../../../src/std/clock.ts'
import { below, chance, type Random } from '../../../src/std/random.ts'
import type { Coverage } from '../coverage.ts'
import type { PartitionWatch } from '../partition-watch.ts'
import type { Life } from './life.ts'

/** How long a process waits for the metastore. */
const answerTimeoutMs = 1000

/**
 * The coordination service of the whole cluster as etcd behaves, over a store that is always right: it may be out of order
 * altogether, or have no space left. Leases end when their holders were not heard of; nobody's while it is down itself.
 */
export class SimCoordination {
  readonly store: Metastore
  readonly clock: Clock
  readonly random: Random
  readonly coverage: Coverage
  readonly partitions: PartitionWatch
  /** That a change or its answer is lost on the way. */
  lossProbability = 0
  /** How late changes are told to watchers, and the end of a lease to its holder, at most. */
  watchDelayMaxMs = 0
  isDown = false
  isFull = false
  private readonly holds = new Set<Hold>()

  constructor(store: Metastore, clock: Clock, random: Random, coverage: Coverage, partitions: PartitionWatch) {
    this.store = store
    this.clock = clock
    this.random = random
    this.coverage = coverage
    this.partitions = partitions
  }

  goDown(): void {
    this.isDown = true
  }

  /** It is back: every lease that had not ended has its whole time again, as etcd's new leader gives it. */
  comeBack(): void {
    if (!this.isDown) return
    this.isDown = false
    for (const hold of this.holds) hold.heard()
  }

  /** Ends the lease of a process that lives and is heard. */
  endLeases(of: Reach): void {
    for (const hold of [...this.holds]) if (hold.reach === of) hold.end()
  }

  hold(lease: Lease, reach: Reach): Hold {
    const hold = new Hold(this, lease, reach)
    this.holds.add(hold)
    lease.onLost(() => this.holds.delete(hold))
    return hold
  }

  latencyMs(): number {
    return below(this.random, 100) / 50
  }
}

/** Whether a process and the metastore hear each other. */
export interface Reach {
  readonly life: Life
  readonly silent: boolean
}

/** A lease while its holder keeps it alive: heard of three times in its time. */
class Hold {
  readonly reach: Reach
  private readonly coordination: SimCoordination
  private readonly lease: Lease
  private heardMs: number
  /** When it was heard again after a silence for all of the lease's time. */
  private backMs = Number.NEGATIVE_INFINITY
  private isOver = false

  constructor(coordination: SimCoordination, lease: Lease, reach: Reach) {
    this.coordination = coordination
    this.lease = lease
    this.reach = reach
    this.heardMs = coordination.clock.monotonic()
    this.wait()
  }

  heard(): void {
    const nowMs = this.coordination.clock.monotonic()
    if (nowMs - this.heardMs >= this.lease.ttlMs) this.backMs = nowMs
    this.heardMs = nowMs
  }

  /** What the holder knows: see `Lease.inDoubt`. */
  get inDoubt(): boolean {
    const nowMs = this.coordination.clock.monotonic()
    const { ttlMs } = this.lease
    return nowMs - this.heardMs >= ttlMs || nowMs - this.backMs < ttlMs
  }

  end(): void {
    if (this.isOver) return
    this.isOver = true
    this.lease.revoke().catch(() => {})
  }

  private wait(): void {
    this.coordination.clock.after(this.lease.ttlMs / 6, () => {
      if (this.isOver) return
      const { reach, coordination, lease } = this
      const isHeard = !reach.life.dead && !reach.life.standsStill && !reach.silent && !coordination.isDown
      if (isHeard) this.heard()
      if (!coordination.isDown && coordination.clock.monotonic() - this.heardMs >= lease.ttlMs) this.end()
      else this.wait()
    })
  }
}

/** What a watch has not heard yet. */
interface Unheard {
  tell(): void
  /** Nothing of it is told any more: the watch is found to be too far behind. */
  compact(): void
}

/**
 * The metastore as one process sees it. Answers take time; sometimes nobody knows whether a change was made, or it is made
 * long after who asked has given up; it may fall silent for this process alone.
 */
export class SimMetastore implements Metastore, Reach {
  readonly life: Life
  silent = false
  private readonly coordination: SimCoordination
  private unheard: Unheard[] = []

  constructor(coordination: SimCoordination, life: Life) {
    this.coordination = coordination
    this.life = life
  }

  /** All is heard again, what came meanwhile first; with `compacted` what came is forgotten, as by a short history. */
  speak(compacted: boolean): void {
    if (!this.silent) return
    this.silent = false
    if (compacted && this.unheard.length > 0) this.coordination.coverage.count('watch compacted')
    for (const unheard of this.unheard.splice(0)) {
      if (compacted) unheard.compact()
      else unheard.tell()
    }
  }

  get(key: string) {
    return this.answered(() => this.coordination.store.get(key))
  }

  range(prefix: string, page?: Page) {
    return this.answered(() => this.coordination.store.range(prefix, page))
  }

  async txn(transaction: Transaction): Promise<TxnResult> {
    const { partitions } = this.coordination
    const answered = (transaction.success ?? []).map(operation =>
      operation.type === 'put' && operation.key.startsWith('partitions/')
        ? partitions.asked(operation.key, operation.value)
        : undefined
    )
    try {
      return await this.tried(transaction)
    } finally {
      for (const end of answered) end?.()
    }
  }

  private async tried(transaction: Transaction): Promise<TxnResult> {
    const { random, lossProbability, coverage, store, isFull } = this.coordination
    if (isFull && (transaction.success ?? []).some(({ type }) => type === 'put')) {
      await this.answered(async () => {})
      throw new MetastoreError('full', 'no space left in the metastore')
    }
    const carryOut = () => store.txn(transaction)
    if (!chance(random, lossProbability)) return this.answered(carryOut)
    const fate = below(random, 3)
    if (fate === 0) {
      await this.passing(answerTimeoutMs)
      throw new MetastoreError('unavailable', 'the request was lost')
    }
    if (fate === 1) {
      coverage.count('answer lost')
      await this.answered(carryOut)
      throw new MetastoreError('unavailable', 'the answer was lost')
    }
    // It was on its way for longer than anyone waits.
    coverage.count('change made late')
    const late = async () => {
      const done = this.life.dead ? this.coordination.partitions.askedByTheDead(transaction) : undefined
      await carryOut().catch(() => {})
      done?.()
    }
    this.coordination.clock.after(answerTimeoutMs + below(random, 1500), () => void late())
    await this.passing(answerTimeoutMs)
    throw new MetastoreError('unavailable', 'the request is late')
  }

  watch(prefix: string, from: number, watcher: Watcher): Watch {
    const { store, clock, random, watchDelayMaxMs } = this.coordination
    let lastMs = 0
    let isOver = false
    const end = () => {
      isOver = true
      watch.cancel()
    }
    /** In order, each some time after it happened. */
    const later = (tell: () => void, revision: number) => {
      const nowMs = clock.monotonic()
      lastMs = Math.max(lastMs, nowMs + below(random, 100) / 100 + below(random, watchDelayMaxMs + 1))
      clock.after(lastMs - nowMs, () => this.hear({ tell, compact: () => compact(revision) }))
    }
    const told = (tell: () => void) => this.life.enter(() => !isOver && tell())
    const compact = (revision: number) =>
      told(() => {
        end()
        watcher.ended('compacted', revision + 1)
      })
    const watch = store.watch(prefix, from, {
      changed: batch => later(() => told(() => watcher.changed(batch)), batch.revision),
      ended: (reason, oldest) => later(() => told(() => watcher.ended(reason, oldest)), oldest)
    })
    this.life.onEnd(end)
    return { cancel: end }
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    if (this.coordination.isFull) throw new MetastoreError('full', 'no space left in the metastore')
    const lease = await this.answered(() => this.coordination.store.grantLease(ttlMs))
    const hold = this.coordination.hold(lease, this)
    return {
      id: lease.id,
      ttlMs,
      get inDoubt() {
        return hold.inDoubt
      },
      onLost: listener =>
        lease.onLost(() => {
          const { clock, random } = this.coordination
          // The holder hears of it with its next sign of life.
          const tell = () => this.life.enter(listener)
          clock.after(below(random, Math.ceil(ttlMs / 3)), () => this.hear({ tell, compact: tell }))
        }),
      revoke: () => this.answered(() => lease.revoke()),
      abandon: () => {}
    }
  }

  async close(): Promise<void> {}

  private get hears(): boolean {
    return !this.silent && !this.coordination.isDown
  }

  private hear(what: Unheard): void {
    if (this.life.dead) return
    if (this.silent) this.unheard.push(what)
    else what.tell()
  }

  /** A dead process neither asks nor is answered. */
  private async answered<T>(ask: () => Promise<T>): Promise<T> {
    await this.passing(this.coordination.latencyMs())
    if (!this.hears) {
      await this.passing(answerTimeoutMs)
      throw new MetastoreError('unavailable', 'the metastore does not answer')
    }
    const result = await ask()
    await this.passing(this.coordination.latencyMs() / 2)
    return result
  }

  private passing(ms: number): Promise<void> {
    return new Promise(resolve => this.coordination.clock.after(ms, () => this.life.enter(resolve)))
  }
}
