import type { Compare, Lease, Metastore, Operation } from '../metastore/metastore.ts'
import { assert } from '../std/assert.ts'
import type { Clock, Timer } from '../std/clock.ts'
import type { Logger } from '../std/log.ts'
import { type BrokerValue, format, keys } from './keys.ts'
import { guard, type Metadata, registeredAs } from './metadata.ts'

/** A registration that failed is tried again after so long. */
const retryMs = 200

export interface MembershipOptions {
  readonly nodeId: number
  readonly rack: string | undefined
  readonly host: string | undefined
  /** Drawn for this life of the broker. */
  readonly incarnation: string
  readonly sessionTimeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
}

export interface MembershipListener {
  /** With every new lease, when the broker is registered under it. */
  registered(lease: Lease): void
  /** Another process has the node id. */
  replaced(): void
}

/**
 * This broker's registration, under a lease. When it goes - the lease has ended, or a peer found the port closed - the
 * broker registers again with a new epoch; when another process takes its node id, it stays away for good.
 */
export class Membership {
  private readonly metadata: Metadata
  private readonly metastore: Metastore
  private readonly options: MembershipOptions
  private readonly listener: MembershipListener
  private lease: Lease | undefined
  private value: BrokerValue
  private joining: Promise<void> | undefined
  private timer: Timer | undefined
  private ended = false

  constructor(metadata: Metadata, options: MembershipOptions, listener: MembershipListener) {
    this.metadata = metadata
    this.metastore = metadata.metastore
    this.options = options
    this.listener = listener
    this.value = { rack: options.rack, host: options.host }
  }

  /** The epoch of the registration, as far as the image knows; undefined while there is none of this life. */
  get epoch(): number | undefined {
    const { image } = this.metadata
    const { nodeId, incarnation } = this.options
    return image.incarnationOf(nodeId) === incarnation ? image.broker(nodeId)?.epoch : undefined
  }

  /** The lease that what ends with this broker goes under. */
  get leaseId(): string {
    assert(this.lease, 'a broker has a lease once it has joined')
    return this.lease.id
  }

  /** Who this is, as a value: what is under its name counts while this very life is registered. */
  get signature(): string {
    const { nodeId, incarnation } = this.options
    return format({ nodeId, incarnation })
  }

  /** Registers, in place of a former life of this broker. */
  async join(): Promise<void> {
    const held = this.lease
    const lease = held ?? (await guard(this.metastore.grantLease(this.options.sessionTimeoutMs)))
    const { value } = this
    try {
      await this.register(lease)
    } catch (error) {
      if (!held) lease.abandon()
      throw error
    }
    if (!held) {
      this.lease = lease
      lease.onLost(() => this.leaseLost(lease))
      if (!this.ended) this.listener.registered(lease)
    }
    if (this.value !== value) await this.update({})
  }

  /** Changes what the registration says. */
  async update(change: Partial<BrokerValue>): Promise<void> {
    this.value = { ...this.value, ...change }
    const { epoch, lease } = this
    // While there is none, the next registration says it.
    if (epoch !== undefined && lease)
      await this.metadata.txn([registeredAs(this.options.nodeId, epoch)], [this.put(lease)])
  }

  /** To be called when brokers changed in the image. */
  imageChanged(): void {
    if (this.ended || this.joining || !this.lease || this.epoch !== undefined) return
    const other = this.metadata.image.incarnationOf(this.options.nodeId)
    if (other === undefined) this.rejoin()
    else {
      this.end()
      this.listener.replaced()
      this.options.logger.error(
        { nodeId: this.options.nodeId },
        'another process has taken this node id: this broker leads nothing any more; stop one of them'
      )
    }
  }

  /** Deletes the registration and all that is under the lease. */
  async leave(): Promise<void> {
    this.end()
    await this.joining
    await this.lease?.revoke()
  }

  /** Leaves the lease to run out. */
  abandon(): void {
    this.end()
    this.lease?.abandon()
  }

  private end(): void {
    this.ended = true
    this.timer?.cancel()
  }

  private leaseLost(lease: Lease): void {
    if (this.ended || this.lease !== lease) return
    this.options.logger.warn({ nodeId: this.options.nodeId }, "this broker's lease has ended; it registers again")
    this.lease = undefined
    this.rejoin()
  }

  private rejoin(): void {
    if (this.joining || this.ended) return
    this.timer?.cancel()
    this.joining = this.join().then(
      () => {
        this.joining = undefined
        // What happened to the registration meanwhile was not looked at.
        this.imageChanged()
      },
      error => {
        this.joining = undefined
        if (this.ended) return
        this.options.logger.warn({ err: error }, 'the broker could not register; it tries again')
        this.timer = this.options.clock.after(retryMs, () => this.rejoin())
      }
    )
  }

  private async register(lease: Lease): Promise<void> {
    const { nodeId, incarnation } = this.options
    const key = keys.registration(nodeId)
    for (;;) {
      const { item } = await guard(this.metastore.get(key))
      // An attempt whose answer was lost.
      if (item && item.lease === lease.id) return
      const seen: Compare = { key, target: 'modRevision', is: '=', to: item?.modRevision ?? 0 }
      if (await this.metadata.txn([seen], [{ type: 'put', key, value: incarnation, lease: lease.id }, this.put(lease)]))
        return
    }
  }

  private put(lease: Lease): Operation {
    return { type: 'put', key: keys.broker(this.options.nodeId), value: format(this.value), lease: lease.id }
  }
}
