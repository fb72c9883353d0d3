import { NaruError } from '../std/errors.ts'
import type { Log } from '../storage/types.ts'

/** A leadership as the metastore has it. */
export interface Leadership {
  readonly epoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  /** Those of the replicas that a reassignment has added. */
  readonly adding?: readonly number[]
  /** Eligible leader replicas: not in sync, but they have all that is committed (KIP-966). */
  readonly elr?: readonly number[]
}

/** What a leader asks of who looks after its ISR. Called synchronously: be brief. */
export interface IsrKeeper {
  /** The epoch of a broker's registration; undefined while it has none. */
  brokerEpochOf(nodeId: number): number | undefined
  /** A follower outside the ISR has caught up. */
  caughtUp(leader: LeaderRole): void
  /** Something was appended that in-sync followers don't have, when before they had all. */
  fellBehind(leader: LeaderRole): void
}

/** What the leader knows of one follower. */
interface FollowerState {
  /** The registration that fetched. */
  brokerEpoch: number
  /** What it has durably: everything below this offset. */
  end: number
  /** Where its log begins. */
  startOffset: number
  /** Since when it lacks something; undefined while it has all. */
  behindSinceMs: number | undefined
  /** When it last fetched, and the leader's end then: what it has later is what it lacked since. */
  fetchedMs: number
  endAtFetch: number
}

/**
 * A partition's leader: what its followers have, and how far all of the ISR does (DESIGN section 5). While a change of
 * the ISR is under way both sets count: nobody knows which one holds until the metastore has answered.
 */
export class LeaderRole {
  readonly epoch: number
  readonly nodeId: number
  replicas: readonly number[] = []
  isr: readonly number[] = []
  elr: readonly number[] = []
  /** How many of the replicas a reassignment has added. */
  private addingCount = 0
  /** Where this leader's first record goes. */
  readonly firstOffset: number
  /** Members of changes of the ISR that may have happened. */
  readonly pending = new Set<number>()
  /** Whom this leader has asked to be put out of the ISR since they last came in; whoever else left has put itself out. */
  readonly putOut = new Set<number>()
  private readonly log: Log
  private readonly keeper: IsrKeeper
  private readonly followers = new Map<number, FollowerState>()
  private readonly minInsyncReplicas: () => number
  private allCaughtUp = true

  constructor(
    log: Log,
    nodeId: number,
    leadership: Leadership,
    keeper: IsrKeeper,
    minInsyncReplicas: () => number,
    firstOffset = log.endOffset
  ) {
    this.log = log
    this.nodeId = nodeId
    this.epoch = leadership.epoch
    this.keeper = keeper
    this.minInsyncReplicas = minInsyncReplicas
    this.firstOffset = firstOffset
    this.changeTo(leadership)
    // Nothing is known of the followers yet; who never comes must not stay in sync.
    this.allCaughtUp = this.isr.length === 1
  }

  /**
   * The metastore has other replicas, or other sets of them. What was known of who is no replica is forgotten; of who left
   * the ISR and was not put out by this leader, too: its log has failed, and what it once had must not bring it back in.
   */
  changeTo({ replicas, isr, elr = [], adding = [] }: Leadership): void {
    for (const nodeId of this.isr) if (!isr.includes(nodeId) && !this.putOut.has(nodeId)) this.followers.delete(nodeId)
    this.replicas = replicas
    this.isr = isr
    this.elr = elr
    this.addingCount = adding.length
    this.settle()
    for (const nodeId of this.followers.keys()) if (!replicas.includes(nodeId)) this.followers.delete(nodeId)
  }

  /** Who else may come to lead without a loss: whoever is in sync, may be, or is eligible. */
  get rivals(): number[] {
    return [...new Set([...this.isr, ...this.elr, ...this.pending])].filter(nodeId => nodeId !== this.nodeId)
  }

  /** Whatever was asked for is decided: in sync is who the metastore says. */
  settle(): void {
    this.pending.clear()
    for (const nodeId of this.putOut) if (this.isr.includes(nodeId)) this.putOut.delete(nodeId)
  }

  /** The high watermark waits for somebody of whom nobody knows whether it is in sync. */
  get isUnsettled(): boolean {
    return [...this.pending].some(nodeId => !this.isr.includes(nodeId))
  }

  /**
   * How many in-sync replicas a write needs: never more than there are replicas (KIP-966), not counting those that have only
   * been added and may need hours until they have everything.
   */
  get minIsr(): number {
    return Math.min(this.minInsyncReplicas(), this.settledReplicas)
  }

  /** How many replicas there are, without those that a reassignment has added. */
  get settledReplicas(): number {
    return this.replicas.length - this.addingCount
  }

  get isUnderMinIsr(): boolean {
    return this.isr.length < this.minIsr
  }

  /** Enough replicas are in sync again: the eligible ones need not be any more, and the high watermark waits for that. */
  get mayForgetElr(): boolean {
    return this.elr.length > 0 && !this.isUnderMinIsr
  }

  /**
   * How far everybody who may be in sync has the log durably; `floor` when that is not known, too few are in sync, or
   * there are eligible leaders: the metastore must know of none before anything is committed that they may lack. That
   * holds whatever min.insync.replicas was and has become.
   */
  committedEnd(floor: number): number {
    if (this.isUnderMinIsr || this.elr.length > 0) return floor
    let end = this.log.durableEndOffset
    for (const nodeId of this.isr) end = Math.min(end, this.endOf(nodeId))
    for (const nodeId of this.pending) end = Math.min(end, this.endOf(nodeId))
    return Math.max(floor, end)
  }

  /** Where the first of the logs of live brokers begins; -1 while one has not told it. */
  get lowWatermark(): number {
    let low = this.log.startOffset
    for (const nodeId of this.replicas) {
      const brokerEpoch = nodeId === this.nodeId ? undefined : this.keeper.brokerEpochOf(nodeId)
      if (brokerEpoch === undefined) continue
      const follower = this.followers.get(nodeId)
      low = Math.min(low, follower?.brokerEpoch === brokerEpoch ? follower.startOffset : -1)
    }
    return low
  }

  /**
   * Whether a node may follow. Throws NOT_LEADER_OR_FOLLOWER for one that is no replica, STALE_BROKER_EPOCH for one that
   * isn't registered so (a former life; or one that this broker has not heard of yet).
   */
  checkReplica(nodeId: number, brokerEpoch: number): void {
    if (nodeId === this.nodeId || !this.replicas.includes(nodeId))
      throw new NaruError('NOT_LEADER_OR_FOLLOWER', `Node ${nodeId} has no replica of this partition.`)
    if (this.keeper.brokerEpochOf(nodeId) !== brokerEpoch)
      throw new NaruError('STALE_BROKER_EPOCH', `Node ${nodeId} is not registered with broker epoch ${brokerEpoch}.`)
  }

  /** `checkReplica` without a throw. */
  isReplica(nodeId: number, brokerEpoch: number): boolean {
    const isOther = nodeId !== this.nodeId && this.replicas.includes(nodeId)
    return isOther && this.keeper.brokerEpochOf(nodeId) === brokerEpoch
  }

  /**
   * A follower whose log begins at `startOffset` fetches from `offset`: it has everything below durably. The caller has checked the leader epoch, that its
   * log doesn't diverge, and `isReplica`.
   */
  acknowledge(
    nodeId: number,
    brokerEpoch: number,
    offset: number,
    startOffset: number,
    nowMs: number,
    highWatermark: number
  ): void {
    let follower = this.followers.get(nodeId)
    if (follower?.brokerEpoch !== brokerEpoch) {
      const behindSinceMs = follower?.behindSinceMs ?? nowMs
      const endAtFetch = Number.POSITIVE_INFINITY
      follower = { brokerEpoch, end: offset, startOffset, behindSinceMs, fetchedMs: nowMs, endAtFetch }
      this.followers.set(nodeId, follower)
    }
    const { endOffset } = this.log
    if (offset >= endOffset) follower.behindSinceMs = undefined
    else if (offset >= follower.endAtFetch) follower.behindSinceMs = follower.fetchedMs
    else follower.behindSinceMs ??= nowMs
    follower.end = offset
    follower.startOffset = startOffset
    follower.fetchedMs = nowMs
    follower.endAtFetch = endOffset
    if (follower.behindSinceMs !== undefined && this.isr.includes(nodeId)) this.lags()
    if (!this.isr.includes(nodeId) && offset >= highWatermark && offset >= this.firstOffset) this.keeper.caughtUp(this)
  }

  /** To be called after an append, while there are other replicas. */
  appended(nowMs: number): void {
    if (!this.allCaughtUp) return
    let isBehind = false
    for (const nodeId of this.isr) {
      const follower = this.followers.get(nodeId)
      if (!follower) continue
      follower.behindSinceMs ??= nowMs
      isBehind = true
    }
    if (isBehind) this.lags()
  }

  /** The replicas outside the ISR that have everything up to the high watermark and of this leader's beginning. */
  joinable(highWatermark: number): { readonly nodeId: number; readonly epoch: number }[] {
    const floor = Math.max(highWatermark, this.firstOffset)
    return this.replicas.flatMap(nodeId => {
      const follower = this.followers.get(nodeId)
      if (!follower || this.isr.includes(nodeId) || follower.end < floor) return []
      const epoch = this.keeper.brokerEpochOf(nodeId)
      return epoch === follower.brokerEpoch ? [{ nodeId, epoch }] : []
    })
  }

  /** In-sync followers that have everything below `offset`, and up to where. */
  inSyncWith(offset: number): { readonly nodeId: number; readonly end: number }[] {
    return this.isr.flatMap(nodeId => {
      const end = this.followers.get(nodeId)?.end ?? -1
      return nodeId !== this.nodeId && end >= offset ? [{ nodeId, end }] : []
    })
  }

  /** Followers that lack more than so many messages, of those that were heard of. */
  farBehind(messages: number): number[] {
    const floor = this.log.endOffset - messages
    return [...this.followers].flatMap(([nodeId, { end }]) => (end >= 0 && end < floor ? [nodeId] : []))
  }

  /** In-sync followers that lack something since `sinceMs` or before. */
  laggards(nowMs: number, sinceMs: number): number[] {
    this.countFrom(nowMs)
    return this.isr.filter(nodeId => this.lagsSince(nodeId, sinceMs))
  }

  /** Whether a follower, in sync or not, has lacked something since `sinceMs` or before, and not had all that there was then. */
  lagsSince(nodeId: number, sinceMs: number): boolean {
    const behindSinceMs = this.followers.get(nodeId)?.behindSinceMs
    return behindSinceMs !== undefined && behindSinceMs <= sinceMs
  }

  /** Whether all in-sync followers have all; if so, `fellBehind` is told when they don't any more. */
  watchLag(): boolean {
    this.allCaughtUp = this.isr.every(
      nodeId => nodeId === this.nodeId || this.followers.get(nodeId)?.behindSinceMs === undefined
    )
    return this.allCaughtUp
  }

  /** Counts the time from now on for in-sync followers that were never heard of, or lack what came before they were in sync. */
  expectAll(nowMs: number): void {
    for (const nodeId of this.isr) {
      if (nodeId === this.nodeId || this.followers.has(nodeId)) continue
      const unknown = { brokerEpoch: -1, end: -1, startOffset: -1, behindSinceMs: nowMs, fetchedMs: nowMs }
      this.followers.set(nodeId, { ...unknown, endAtFetch: Number.POSITIVE_INFINITY })
    }
    this.countFrom(nowMs)
    this.allCaughtUp = true
    if (!this.watchLag()) this.keeper.fellBehind(this)
  }

  /** The time counts from now on for in-sync followers that lack something, where it doesn't count yet. */
  private countFrom(nowMs: number): void {
    for (const nodeId of this.isr) {
      const follower = this.followers.get(nodeId)
      if (follower && follower.end < this.log.endOffset) follower.behindSinceMs ??= nowMs
    }
  }

  private lags(): void {
    if (!this.allCaughtUp) return
    this.allCaughtUp = false
    this.keeper.fellBehind(this)
  }

  private endOf(nodeId: number): number {
    if (nodeId === this.nodeId) return this.log.durableEndOffset
    return this.followers.get(nodeId)?.end ?? -1
  }
}
