import type { ILeaseGrantResponse, ILeaseKeepAliveResponse, ILeaseTimeToLiveResponse } from 'etcd3'
import type { Timer } from '../../std/clock.ts'
import { type Lease, type LeaseId, MetastoreError } from '../metastore.ts'
import type { Codec } from './codec.ts'
import { type Connection, retryMs } from './connection.ts'
import { LastingStream } from './lasting-stream.ts'

/** A lease is renewed this often in its time. */
const renewals = 3
const answerTimeoutMinMs = 250
const answerTimeoutMaxMs = 2000

/** Grants leases and keeps those that are held alive, all on one stream. */
export class Leases {
  private readonly connection: Connection
  private readonly codec: Codec
  private readonly held = new Map<LeaseId, EtcdLease>()
  private stream: LastingStream<{ ID: string }, ILeaseKeepAliveResponse> | undefined

  constructor(connection: Connection, codec: Codec) {
    this.connection = connection
    this.codec = codec
  }

  async grant(ttlMs: number): Promise<Lease> {
    const askedAt = this.connection.clock.monotonic()
    const request = { TTL: Math.max(1, Math.ceil(ttlMs / 1000)), ID: 0 }
    // One whose answer is lost runs out: asking again does no harm.
    const { ID, TTL } = await this.connection.read<ILeaseGrantResponse>('Lease', 'leaseGrant', request)
    const lease = new EtcdLease(ID, Number(TTL) * 1000, askedAt, this, this.connection)
    this.held.set(ID, lease)
    this.stream ??= new LastingStream(this.connection, 'Lease', 'leaseKeepAlive', {
      opened: () => {
        for (const each of this.held.values()) each.renew()
      },
      answered: ({ ID, TTL }) => this.held.get(ID)?.answered(Number(TTL)),
      broken: () => {}
    })
    return lease
  }

  /** Asks for a renewal; false while there is no connection: it is asked again when there is. */
  ask(id: LeaseId): boolean {
    return this.stream?.write({ ID: id }) ?? false
  }

  unanswered(): void {
    this.stream?.unanswered()
  }

  /** Whether etcd has a lease: what a node says that lags behind doesn't count. */
  async exists(id: LeaseId): Promise<boolean> {
    await this.connection.read('KV', 'range', { key: this.codec.key(''), count_only: true })
    const answer = await this.connection.read<ILeaseTimeToLiveResponse>('Lease', 'leaseTimeToLive', { ID: id })
    return Number(answer.TTL) > 0
  }

  async revoke(id: LeaseId): Promise<void> {
    try {
      await this.connection.read('Lease', 'leaseRevoke', { ID: id })
    } catch (error) {
      if (!(error instanceof MetastoreError && error.kind === 'lease')) throw error
    }
  }

  forget(id: LeaseId): void {
    this.held.delete(id)
  }

  close(): void {
    for (const lease of this.held.values()) lease.stop()
    this.held.clear()
    this.stream?.stop()
  }
}

class EtcdLease implements Lease {
  readonly id: LeaseId
  readonly ttlMs: number
  private readonly leases: Leases
  private readonly connection: Connection
  /** When the last renewal that was answered was asked for. */
  private renewedAt: number
  private askedAt: number | undefined
  private doubtUntil = 0
  private timer: Timer | undefined
  private listeners: (() => void)[] = []
  private state: 'held' | 'left' | 'ended' = 'held'

  constructor(id: LeaseId, ttlMs: number, grantedAt: number, leases: Leases, connection: Connection) {
    this.id = id
    this.ttlMs = ttlMs
    this.leases = leases
    this.connection = connection
    this.renewedAt = grantedAt
    this.wait(ttlMs / renewals, () => this.renew())
  }

  get inDoubt(): boolean {
    const nowMs = this.connection.clock.monotonic()
    return nowMs < this.doubtUntil || this.isOverdue(nowMs)
  }

  onLost(listener: () => void): void {
    if (this.state === 'ended') listener()
    else this.listeners.push(listener)
  }

  async revoke(): Promise<void> {
    this.stop()
    if (this.state === 'ended') return
    this.state = 'left'
    await this.leases.revoke(this.id)
    this.end()
  }

  abandon(): void {
    if (this.state !== 'held') return
    this.state = 'left'
    this.wait(this.ttlMs, () => void this.confirm())
  }

  /** Asks etcd to let it live on. */
  renew(): void {
    if (this.state !== 'held') return
    this.askedAt = this.connection.clock.monotonic()
    this.stop()
    if (!this.leases.ask(this.id)) return
    const answerTimeoutMs = Math.min(Math.max(this.ttlMs / 6, answerTimeoutMinMs), answerTimeoutMaxMs)
    this.wait(answerTimeoutMs, () => this.leases.unanswered())
  }

  answered(ttl: number): void {
    if (this.state !== 'held') return
    if (ttl <= 0) {
      void this.confirm()
      return
    }
    const nowMs = this.connection.clock.monotonic()
    if (this.isOverdue(nowMs)) this.doubtUntil = nowMs + this.ttlMs
    this.renewedAt = this.askedAt ?? nowMs
    this.wait(this.ttlMs / renewals, () => this.renew())
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  /** Others were renewed up to a third of the time earlier: their leases may end when two thirds are over for this one. */
  private isOverdue(nowMs: number): boolean {
    return nowMs - this.renewedAt > this.ttlMs / 2
  }

  /** etcd says that it is over, or should be. Silence says nothing. */
  private async confirm(): Promise<void> {
    this.stop()
    const exists = await this.leases.exists(this.id).catch(() => undefined)
    if (this.state === 'ended' || this.connection.closed) return
    if (exists === false) this.end()
    else if (this.state === 'held') this.wait(retryMs, () => this.renew())
    else this.wait(retryMs, () => void this.confirm())
  }

  private end(): void {
    this.state = 'ended'
    this.stop()
    this.leases.forget(this.id)
    for (const listener of this.listeners.splice(0)) listener()
  }

  private wait(delayMs: number, then: () => void): void {
    this.stop()
    this.timer = this.connection.clock.after(delayMs, then)
  }
}
