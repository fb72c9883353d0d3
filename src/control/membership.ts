import { type Lease, type Metastore, MetastoreError, type Operation } from '../metastore/metastore.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { type BrokerValue, format, keys, type NodeValue, parse } from './keys.ts'
import { guard, type Metadata, registeredAs, wroteLast } from './metadata.ts'

/** A registration that failed is tried again after so long. */
const retryMs = 200

export interface MembershipOptions {
  readonly nodeId: number
  readonly rack: string | undefined
  readonly host: string | undefined
  /** Whether it was started so that it takes no new replicas. */
  readonly cordoned: boolean
  /** The id of its data folder, where it has one. */
  readonly folder: string | undefined
  /** Drawn for this life of the broker. */
  readonly incarnation: string
  readonly sessionTimeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
}

export interface MembershipListener {
  /** With every new lease, when the broker is registered under it. */
  registered(lease: Lease): void
  /** Another process has the node id, or it was unregistered. */
  replaced(): void
}

/**
 * This broker's registration, under a lease. When it goes - the lease has ended, or a peer found the port closed - the broker
 * registers again as the same life: nothing that it led or had acknowledged is in question. When another process takes its
 * node id, it stays away for good.
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
  /** Until when leases of others may have ended as this broker's did, though it lived. */
  private doubtUntil = Number.NEGATIVE_INFINITY
  private ended = false

  constructor(metadata: Metadata, options: MembershipOptions, listener: MembershipListener) {
    this.metadata = metadata
    this.metastore = metadata.metastore
    this.options = options
    this.listener = listener
    this.value = { rack: options.rack, host: options.host, ...(options.cordoned && { cordoned: true }) }
  }

  /** The epoch of this life, as far as the image knows; undefined while there is none, and when another has come. */
  get epoch(): number | undefined {
    const { nodeId, incarnation } = this.options
    const life = this.metadata.image.lifeOf(nodeId)
    return life?.incarnation === incarnation ? life.epoch : undefined
  }

  /** See Control. */
  get inDoubt(): boolean {
    return this.options.clock.monotonic() < this.doubtUntil || (this.lease?.inDoubt ?? false)
  }

  /** The lease that what ends with this broker goes under. Throws KAFKA_STORAGE_ERROR while there is none. */
  get leaseId(): string {
    if (!this.lease) throw new NaruError('KAFKA_STORAGE_ERROR', "This broker's lease has ended; it registers again.")
    return this.lease.id
  }

  /** Who this is, as a value: what is under its name counts while this very life is registered. */
  get signature(): string {
    const { nodeId, incarnation } = this.options
    return format({ nodeId, incarnation })
  }

  /** Registers, in place of a former life of this broker. */
  async join(): Promise<void> {
    await this.joinOnce()
    // What happened to the registration meanwhile was not looked at.
    this.imageChanged()
  }

  private async joinOnce(): Promise<void> {
    const held = this.lease
    const lease = held ?? (await guard(this.metastore.grantLease(this.options.sessionTimeoutMs)))
    const { value } = this
    try {
      await this.register(lease)
    } catch (error) {
      if (!held) lease.abandon()
      else if (isLeaseGone(error)) this.leaseLost(held)
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
    const { nodeId } = this.options
    // While there is none, the next registration says it.
    for (let { lease } = this; lease && this.isRegistered; { lease } = this) {
      const unchanged = this.metadata.unchanged(keys.broker(nodeId))
      if (await this.metadata.txn([registeredAs(nodeId, this.epoch!), unchanged], [this.put(lease)])) return
    }
  }

  /** To be called when brokers changed in the image. */
  imageChanged(): void {
    if (this.ended || this.joining || !this.lease || this.isRegistered) return
    if (this.epoch === undefined) this.replaced()
    else this.rejoin()
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

  private get isRegistered(): boolean {
    const { epoch } = this
    return epoch !== undefined && this.metadata.image.registrationOf(this.options.nodeId) === epoch
  }

  private replaced(): void {
    if (this.ended) return
    const { nodeId, logger } = this.options
    this.end()
    this.listener.replaced()
    logger.error(
      { nodeId },
      this.metadata.image.lifeOf(nodeId)
        ? 'another process has taken this node id: this broker leads nothing any more; stop one of them'
        : 'this broker was unregistered: it leads nothing any more, until it is started again'
    )
  }

  private leaseLost(lease: Lease): void {
    if (this.ended || this.lease !== lease) return
    const { nodeId, sessionTimeoutMs, clock, logger } = this.options
    logger.warn({ nodeId }, "this broker's lease has ended; it registers again")
    this.doubtUntil = clock.monotonic() + sessionTimeoutMs
    this.lease = undefined
    this.rejoin()
  }

  private rejoin(): void {
    if (this.joining || this.ended) return
    this.timer?.cancel()
    this.joining = this.joinOnce().then(
      () => {
        this.joining = undefined
        this.imageChanged()
      },
      error => {
        this.joining = undefined
        if (this.ended) return
        if (isLeaseGone(error)) {
          this.rejoin()
          return
        }
        this.options.logger.warn({ err: error }, 'the broker could not register; it tries again')
        this.timer = this.options.clock.after(retryMs, () => this.rejoin())
      }
    )
  }

  private async register(lease: Lease): Promise<void> {
    const { nodeId } = this.options
    const life = this.epoch ?? (await this.begin())
    const key = keys.registration(nodeId)
    while (!this.ended) {
      const { item } = await guard(this.metastore.get(key))
      // An attempt whose answer was lost.
      if (item && item.lease === lease.id) return
      const seen = wroteLast(key, item?.modRevision ?? 0)
      const puts: Operation[] = [{ type: 'put', key, value: String(life), lease: lease.id }, this.put(lease)]
      if (await this.metadata.txn([seen, wroteLast(keys.node(nodeId), life)], puts)) return
      if (this.epoch === undefined) this.replaced()
    }
  }

  /** Begins this life, which ends any other of the node: its epoch. */
  private async begin(): Promise<number> {
    const { nodeId, incarnation, folder } = this.options
    const key = keys.node(nodeId)
    for (;;) {
      const { item } = await guard(this.metastore.get(key))
      // An attempt whose answer was lost.
      if (item && parse<NodeValue>(item.value).incarnation === incarnation) return item.modRevision
      const value = format({ incarnation, folder })
      const seen = wroteLast(key, item?.modRevision ?? 0)
      const { succeeded, revision } = await this.metadata.change([seen], [{ type: 'put', key, value }])
      if (succeeded) return revision
    }
  }

  private put(lease: Lease): Operation {
    return { type: 'put', key: keys.broker(this.options.nodeId), value: format(this.value), lease: lease.id }
  }
}

/** Whether a transaction was refused because its lease has ended: perhaps nobody has said so yet. */
function isLeaseGone(error: unknown): boolean {
  const cause = error instanceof NaruError ? error.cause : error
  return cause instanceof MetastoreError && cause.kind === 'lease'
}
