import { type Disk, DiskError } from '../../disk/disk.ts'
import type { Clock } from '../../std/clock.ts'
import { messageOf } from '../../std/errors.ts'
import type { Logger } from '../../std/log.ts'
import {
  type ChangeBatch,
  type GetResult,
  type Lease,
  type LeaseId,
  type Metastore,
  MetastoreError,
  type Page,
  type RangeResult,
  type Transaction,
  type TxnResult,
  type Watch,
  type Watcher
} from '../metastore.ts'
import { History } from './history.ts'
import { EffectLog } from './log.ts'
import { type Effect, State, type Undo } from './state.ts'

export interface EmbeddedOptions {
  clock: Clock
  logger: Logger
  /** Where to keep it; in memory only when absent. The caller holds the folder's lock. */
  durable?: { disk: Disk; folder: string; compactBytes?: number }
  /** How many revisions a watch may go back at least. */
  historyRevisions?: number
  /** Nobody is left who holds a lease of before: they all end now, and not when their time is over. */
  holdersGone?: boolean
}

const defaultCompactBytes = 4 * 1024 * 1024
const defaultHistoryRevisions = 10_000

/** Effects carried out in memory, on their way to the disk; nobody has heard of them yet. */
interface Step {
  readonly effects: readonly Effect[]
  batches: ChangeBatch[]
  undos: Undo[]
  resolve(): void
  reject(error: MetastoreError): void
}

/**
 * A metastore inside this process. Transactions are carried out in memory in the order of their calls; answers and
 * watches hear of them when they are durable, all that wait in one write. Opening rejects as `corrupt` when its files are.
 */
export async function openEmbeddedMetastore(options: EmbeddedOptions): Promise<Metastore> {
  const state = new State()
  const history = new History(options.historyRevisions ?? defaultHistoryRevisions, options.logger)
  if (!options.durable) return new EmbeddedMetastore(state, history, undefined, options)
  const { disk, folder, compactBytes = defaultCompactBytes } = options.durable
  const log = await EffectLog.open(disk, folder, { compactBytes }, state, effect => {
    if (history.isEmpty) history.begin(state.revision)
    const { batch } = state.apply(effect)
    if (batch) history.add(batch)
  })
  if (history.isEmpty) history.begin(state.revision)
  return new EmbeddedMetastore(state, history, log, options)
}

class EmbeddedMetastore implements Metastore {
  private readonly state: State
  private readonly history: History
  private readonly log: EffectLog | undefined
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly leases = new Map<LeaseId, HeldLease>()
  /** Steps not yet handed to the log. */
  private waiting: Step[] = []
  /** Ends when all steps so far are durable, or some failed. */
  private lastStep: Promise<void> = Promise.resolve()
  private round: Promise<void> | undefined
  private failure: MetastoreError | undefined
  private closing: Promise<void> | undefined

  constructor(state: State, history: History, log: EffectLog | undefined, options: EmbeddedOptions) {
    this.state = state
    this.history = history
    this.log = log
    this.clock = options.clock
    this.logger = options.logger
    // Who held these leases is gone, or will be back within their time.
    for (const [id, { ttlMs }] of [...state.leases]) {
      this.hold(id, ttlMs).abandon()
      // Where it can't be stored that it has ended, it runs out.
      if (options.holdersGone) this.endLease(id).catch(() => {})
    }
  }

  async get(key: string): Promise<GetResult> {
    this.checkOpen()
    const result = { revision: this.state.revision, item: this.state.get(key) }
    await this.settled()
    return result
  }

  async range(prefix: string, page?: Page): Promise<RangeResult> {
    this.checkOpen()
    const result = this.state.range(prefix, page)
    await this.settled()
    return result
  }

  async txn(transaction: Transaction): Promise<TxnResult> {
    this.checkOpen()
    const { succeeded, items, effect } = this.state.evaluate(transaction)
    const done = effect ? this.carryOut([effect]) : this.settled()
    const result = { succeeded, items, revision: this.state.revision }
    await done
    return result
  }

  watch(prefix: string, from: number, watcher: Watcher): Watch {
    this.checkOpen()
    return this.history.watch(prefix, from, watcher)
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    this.checkOpen()
    if (!(ttlMs > 0)) throw new MetastoreError('invalid', `a lease of ${ttlMs} ms`)
    const effect = this.state.grant(ttlMs)
    const { lease } = effect
    await this.carryOut([effect])
    return this.hold(lease, ttlMs)
  }

  close(): Promise<void> {
    this.closing ??= this.closeOnce()
    return this.closing
  }

  /** Ends a lease on behalf of its holder or of time. */
  async endLease(id: LeaseId): Promise<void> {
    this.checkOpen()
    if (!this.state.leases.has(id)) return
    await this.carryOut(this.state.endOfLease(id))
    this.leases.get(id)?.end()
    this.leases.delete(id)
  }

  private async closeOnce(): Promise<void> {
    for (const lease of this.leases.values()) lease.stop()
    await this.round
    this.history.close()
    if (!this.failure) await this.log?.close()
  }

  private hold(id: LeaseId, ttlMs: number): HeldLease {
    const lease = new HeldLease(id, ttlMs, this.clock, this)
    this.leases.set(id, lease)
    return lease
  }

  private carryOut(effects: readonly Effect[]): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      const step: Step = { effects, batches: [], undos: [], resolve, reject }
      this.apply(step)
      this.waiting.push(step)
    })
    this.lastStep = done
    done.catch(() => {})
    this.round ??= Promise.resolve().then(() => this.runRounds())
    return done
  }

  private apply(step: Step): void {
    const applied = step.effects.map(effect => this.state.apply(effect))
    step.batches = applied.map(({ batch }) => batch).filter(batch => batch !== undefined)
    step.undos = applied.map(({ undo }) => undo)
  }

  /** Writes what waits, group after group, until nothing does. Never rejects. */
  private async runRounds(): Promise<void> {
    while (this.waiting.length > 0 && !this.failure) {
      const group = this.waiting
      this.waiting = []
      try {
        await this.log?.append(group.flatMap(step => step.effects))
      } catch (error) {
        this.fail(group, error)
        break
      }
      for (const step of group) {
        for (const batch of step.batches) this.history.add(batch)
        step.resolve()
      }
      if (this.log?.isLong) await this.compact(this.log)
    }
    this.round = undefined
  }

  /** The snapshot must hold what is logged and nothing else: what waits is taken back for the moment of the copy. */
  private async compact(log: EffectLog): Promise<void> {
    takeBack(this.waiting)
    const begun = log.compact(this.state, error =>
      this.logger.warn({ err: error }, 'the metadata log could not be compacted; it goes on growing')
    )
    for (const step of this.waiting) this.apply(step)
    try {
      await begun
    } catch (error) {
      if (isFull(error)) this.logger.warn({ err: error }, 'no space to compact the metadata log')
      else this.fail([], error)
    }
  }

  /** Takes back what isn't durable. A full disk leaves the store usable; after anything else nothing is known of it. */
  private fail(group: readonly Step[], error: unknown): void {
    const lost = [...group, ...this.waiting]
    this.waiting = []
    takeBack(lost)
    const isFull = error instanceof DiskError && error.kind === 'full'
    const failure = new MetastoreError(
      isFull ? 'full' : 'unavailable',
      `metadata was not stored: ${messageOf(error)}`,
      {
        cause: error
      }
    )
    if (!isFull) {
      this.failure = failure
      this.logger.error({ err: error }, 'the metadata store failed; restart the broker when the disk is well')
    }
    for (const step of lost) step.reject(failure)
  }

  /** Waits until what was seen in memory is durable. */
  private settled(): Promise<void> {
    return this.round ? this.lastStep : Promise.resolve()
  }

  private checkOpen(): void {
    if (this.closing) throw new MetastoreError('closed', 'the metastore is closed')
    if (this.failure) throw this.failure
  }
}

function isFull(error: unknown): boolean {
  return error instanceof DiskError && error.kind === 'full'
}

function takeBack(steps: readonly Step[]): void {
  for (const step of steps.toReversed()) for (const undo of step.undos.toReversed()) undo()
}

/** Holders live in this process, so a lease only runs out once nobody holds it. */
class HeldLease implements Lease {
  readonly id: LeaseId
  readonly ttlMs: number
  /** The store is silent only when this process is. */
  readonly inDoubt = false
  private readonly clock: Clock
  private readonly store: EmbeddedMetastore
  private timer: { cancel(): void } | undefined
  private listeners: (() => void)[] = []
  private ended = false

  constructor(id: LeaseId, ttlMs: number, clock: Clock, store: EmbeddedMetastore) {
    this.id = id
    this.ttlMs = ttlMs
    this.clock = clock
    this.store = store
  }

  onLost(listener: () => void): void {
    if (this.ended) listener()
    else this.listeners.push(listener)
  }

  async revoke(): Promise<void> {
    this.stop()
    await this.store.endLease(this.id)
  }

  abandon(): void {
    if (this.ended || this.timer) return
    this.timer = this.clock.after(this.ttlMs, () => {
      this.timer = undefined
      // A full disk may keep the end from being stored: then it is tried again.
      this.store.endLease(this.id).catch(error => {
        if (error instanceof MetastoreError && error.kind === 'full') this.abandon()
      })
    })
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  end(): void {
    this.ended = true
    this.stop()
    for (const listener of this.listeners.splice(0)) listener()
  }
}
