import type { Clock, Timer } from '../../std/clock.ts'
import {
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
import type { Channel } from './channel.ts'
import type { Answer, Request, ToClient, ToServer, TxnAnswer } from './messages.ts'

/** A lease is kept alive so often in its time. */
const keepsPerTtl = 3

interface Pending {
  resolve(answer: Answer): void
  reject(error: MetastoreError): void
}

/**
 * The metastore of the process at the other end of a channel (`serveMetastore`). When the channel closes nothing is known
 * any more: what is under way and later calls reject as `unavailable`, watches end.
 */
export function sharedMetastore(channel: Channel, clock: Clock): Metastore {
  return new SharedMetastore(channel, clock)
}

class SharedMetastore implements Metastore {
  private readonly channel: Channel
  private readonly clock: Clock
  private readonly pending = new Map<number, Pending>()
  private readonly watches = new Map<number, Watcher>()
  private readonly leases = new Map<LeaseId, KeptLease>()
  private lastId = 0
  private cut = false
  private closing: Promise<void> | undefined
  /** Called when the last request under way has its answer. */
  private onIdle: (() => void) | undefined

  constructor(channel: Channel, clock: Clock) {
    this.channel = channel
    this.clock = clock
    channel.onMessage(message => this.take(message as ToClient))
    channel.onClosed(() => this.channelClosed())
  }

  async get(key: string): Promise<GetResult> {
    const { revision, item } = (await this.ask({ op: 'get', key })) as GetResult
    return { revision, item }
  }

  async range(prefix: string, page?: Page): Promise<RangeResult> {
    return (await this.ask({ op: 'range', prefix, page })) as RangeResult
  }

  async txn(transaction: Transaction): Promise<TxnResult> {
    const answer = (await this.ask({ op: 'txn', transaction })) as TxnAnswer
    return { ...answer, items: answer.items.map(item => item ?? undefined) }
  }

  watch(prefix: string, from: number, watcher: Watcher): Watch {
    this.checkOpen()
    const id = ++this.lastId
    this.watches.set(id, watcher)
    this.send({ type: 'watch', id, prefix, from })
    return {
      cancel: () => {
        if (this.watches.delete(id)) this.send({ type: 'cancel', id })
      }
    }
  }

  async grantLease(ttlMs: number): Promise<Lease> {
    const { lease: id } = (await this.ask({ op: 'grant', ttlMs })) as { lease: LeaseId }
    const lease = new KeptLease(id, ttlMs, this.clock, {
      keep: () => this.send({ type: 'keep', lease: id }),
      revoke: async () => void (await this.ask({ op: 'revoke', lease: id }))
    })
    this.leases.set(id, lease)
    return lease
  }

  close(): Promise<void> {
    this.closing ??= this.closeOnce()
    return this.closing
  }

  private async closeOnce(): Promise<void> {
    for (const lease of this.leases.values()) lease.abandon()
    if (this.pending.size > 0)
      await new Promise<void>(resolve => {
        this.onIdle = resolve
      })
    for (const id of this.watches.keys()) this.send({ type: 'cancel', id })
    this.endWatches()
  }

  private async ask(request: Request): Promise<Answer> {
    this.checkOpen()
    const id = ++this.lastId
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject })
      this.send({ type: 'request', id, request })
    })
  }

  private send(message: ToServer): void {
    if (!this.cut) this.channel.send(message)
  }

  private take(message: ToClient): void {
    switch (message.type) {
      case 'answer':
        this.settle(message.id)?.resolve(message.answer)
        break
      case 'refusal':
        this.settle(message.id)?.reject(new MetastoreError(message.kind, message.message))
        break
      case 'changed':
        this.watches.get(message.id)?.changed(message.batch)
        break
      case 'ended': {
        const watcher = this.watches.get(message.id)
        this.watches.delete(message.id)
        watcher?.ended(message.reason, message.oldestRevision)
        break
      }
      case 'lost':
        this.leases.get(message.lease)?.end()
        this.leases.delete(message.lease)
        break
    }
  }

  private settle(id: number): Pending | undefined {
    const pending = this.pending.get(id)
    this.pending.delete(id)
    if (this.pending.size === 0) this.onIdle?.()
    return pending
  }

  private channelClosed(): void {
    this.cut = true
    const lost = [...this.pending.values()]
    this.pending.clear()
    for (const { reject } of lost) reject(unavailable())
    this.onIdle?.()
    for (const lease of this.leases.values()) lease.abandon()
    this.endWatches()
  }

  private endWatches(): void {
    const watchers = [...this.watches.values()]
    this.watches.clear()
    for (const watcher of watchers) watcher.ended('closed', 0)
  }

  private checkOpen(): void {
    if (this.closing) throw new MetastoreError('closed', 'the metastore is closed')
    if (this.cut) throw unavailable()
  }
}

function unavailable(): MetastoreError {
  return new MetastoreError('unavailable', 'the process that keeps the metastore is gone')
}

/** Says again and again that its holder lives. */
class KeptLease implements Lease {
  readonly id: LeaseId
  readonly ttlMs: number
  /** Who keeps the store is on this machine, or gone. */
  readonly inDoubt = false
  private readonly clock: Clock
  private readonly calls: { keep(): void; revoke(): Promise<void> }
  private timer: Timer | undefined
  private listeners: (() => void)[] = []
  private ended = false

  constructor(id: LeaseId, ttlMs: number, clock: Clock, calls: { keep(): void; revoke(): Promise<void> }) {
    this.id = id
    this.ttlMs = ttlMs
    this.clock = clock
    this.calls = calls
    this.arm()
  }

  onLost(listener: () => void): void {
    if (this.ended) listener()
    else this.listeners.push(listener)
  }

  async revoke(): Promise<void> {
    this.abandon()
    if (!this.ended) await this.calls.revoke()
  }

  abandon(): void {
    this.timer?.cancel()
  }

  end(): void {
    this.ended = true
    this.abandon()
    for (const listener of this.listeners.splice(0)) listener()
  }

  private arm(): void {
    this.timer = this.clock.after(this.ttlMs / keepsPerTtl, () => {
      this.calls.keep()
      this.arm()
    })
  }
}
