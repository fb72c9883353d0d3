import type { Clock, Timer } from '../../std/clock.ts'
import { messageOf } from '../../std/errors.ts'
import { type ChangeBatch, type Lease, type LeaseId, type Metastore, MetastoreError, type Watch } from '../metastore.ts'
import type { Channel } from './channel.ts'
import type { Answer, Request, ToClient, ToServer } from './messages.ts'

/** So many batches of changes may be on their way to one client. One that reads no more must not fill this process's memory. */
const unsentBatchesMax = 256
/** A lease ends so much of its time late: a timer may fire before what has already arrived is read. */
const graceShare = 0.1

/**
 * Lets the process at the other end of a channel use a metastore of this one. Its leases live while it keeps them
 * alive, and end at once when the channel closes: its process is gone then.
 */
export function serveMetastore(store: Metastore, channel: Channel, clock: Clock): void {
  new Served(store, channel, clock)
}

class Served {
  private readonly store: Metastore
  private readonly channel: Channel
  private readonly clock: Clock
  private readonly watches = new Map<number, ServedWatch>()
  private readonly leases = new Map<LeaseId, ServedLease>()
  private unsentBatches = 0
  private closed = false

  constructor(store: Metastore, channel: Channel, clock: Clock) {
    this.store = store
    this.channel = channel
    this.clock = clock
    channel.onMessage(message => this.take(message as ToServer))
    channel.onClosed(() => this.close())
  }

  /** Sends changes for a watch. */
  feed(message: ToClient): void {
    this.unsentBatches++
    this.channel.send(message, () => {
      this.unsentBatches--
      if (this.unsentBatches === unsentBatchesMax / 2) for (const watch of this.watches.values()) watch.resume()
    })
  }

  get isFull(): boolean {
    return this.unsentBatches >= unsentBatchesMax
  }

  send(message: ToClient): void {
    if (!this.closed) this.channel.send(message)
  }

  private take(message: ToServer): void {
    switch (message.type) {
      case 'request':
        void this.answer(message.id, message.request)
        break
      case 'watch': {
        const { id, prefix, from } = message
        const watch = new ServedWatch(this.store, this, id, prefix, from, () => this.watches.delete(id))
        this.watches.set(id, watch)
        watch.resume()
        break
      }
      case 'cancel':
        this.watches.get(message.id)?.cancel()
        this.watches.delete(message.id)
        break
      case 'keep':
        this.leases.get(message.lease)?.keep()
        break
    }
  }

  private async answer(id: number, request: Request): Promise<void> {
    try {
      this.send({ type: 'answer', id, answer: await this.carryOut(request) })
    } catch (error) {
      const kind = error instanceof MetastoreError ? error.kind : 'unavailable'
      this.send({ type: 'refusal', id, kind, message: messageOf(error) })
    }
  }

  private async carryOut(request: Request): Promise<Answer> {
    switch (request.op) {
      case 'get':
        return this.store.get(request.key)
      case 'range':
        return this.store.range(request.prefix, request.page)
      case 'txn': {
        const result = await this.store.txn(request.transaction)
        return { ...result, items: result.items.map(item => item ?? null) }
      }
      case 'grant':
        return { lease: await this.grant(request.ttlMs) }
      case 'revoke':
        await this.leases.get(request.lease)?.lease.revoke()
        return null
    }
  }

  private async grant(ttlMs: number): Promise<LeaseId> {
    const lease = await this.store.grantLease(ttlMs)
    const { id } = lease
    const served = new ServedLease(lease, this.clock)
    this.leases.set(id, served)
    lease.onLost(() => {
      this.leases.delete(id)
      served.stop()
      this.send({ type: 'lost', lease: id })
    })
    if (this.closed) served.end()
    return id
  }

  private close(): void {
    this.closed = true
    for (const watch of this.watches.values()) watch.cancel()
    this.watches.clear()
    for (const lease of this.leases.values()) lease.end()
  }
}

/** A watch for a client: it stands still while the client doesn't take what it was sent, and goes on from there. */
class ServedWatch {
  private readonly store: Metastore
  private readonly host: Served
  private readonly id: number
  private readonly prefix: string
  private readonly onEnd: () => void
  /** The revision to deliver next. */
  private next: number
  private watch: Watch | undefined
  private over = false

  constructor(store: Metastore, host: Served, id: number, prefix: string, from: number, onEnd: () => void) {
    this.store = store
    this.host = host
    this.id = id
    this.prefix = prefix
    this.next = from
    this.onEnd = onEnd
  }

  resume(): void {
    if (this.watch || this.over) return
    const { id } = this
    try {
      this.watch = this.store.watch(this.prefix, this.next, {
        changed: batch => this.changed(batch),
        ended: (reason, oldestRevision) => this.end({ type: 'ended', id, reason, oldestRevision })
      })
    } catch {
      // The store is closed, or has failed.
      this.end({ type: 'ended', id, reason: 'closed', oldestRevision: 0 })
    }
  }

  cancel(): void {
    this.over = true
    this.watch?.cancel()
  }

  private changed(batch: ChangeBatch): void {
    if (this.host.isFull) {
      this.next = batch.revision
      this.watch?.cancel()
      this.watch = undefined
      return
    }
    this.next = batch.revision + 1
    this.host.feed({ type: 'changed', id: this.id, batch })
  }

  private end(message: ToClient): void {
    this.over = true
    this.onEnd()
    this.host.send(message)
  }
}

/** A lease whose holder is another process: it ends when that one is not heard of for its time. */
class ServedLease {
  readonly lease: Lease
  private readonly clock: Clock
  private timer: Timer | undefined

  constructor(lease: Lease, clock: Clock) {
    this.lease = lease
    this.clock = clock
    this.keep()
  }

  keep(): void {
    this.stop()
    const { ttlMs } = this.lease
    this.timer = this.clock.after(ttlMs, () => {
      this.timer = this.clock.after(ttlMs * graceShare, () => this.end())
    })
  }

  stop(): void {
    this.timer?.cancel()
  }

  end(): void {
    this.stop()
    // Where that could not be stored, the lease goes on ending by itself.
    this.lease.revoke().catch(() => this.lease.abandon())
  }
}
