import { campaign, electionKey, type Leadership } from '../metastore/election.ts'
import { type Lease, MetastoreError, type Operation, transactionOperationsMax } from '../metastore/metastore.ts'
import type { Clock, Timer } from '../std/clock.ts'
import type { Logger } from '../std/log.ts'
import { repaired } from './election.ts'
import type { ElectionCounters } from './election-counters.ts'
import { controllerElection, format, keys } from './keys.ts'
import { type Metadata, madeBy, registeredAs } from './metadata.ts'
import type { Orphans } from './orphans.ts'
import { PreferredLeaders, type Return } from './preferred-leaders.ts'
import { completed } from './reassignment.ts'
import type { TopicPolicy } from './topic-policy.ts'
import type { ImageChange, PartitionImage, PartitionPlace, TopicImage } from './types.ts'

/** What could not be written is tried again after so long. */
const retryMs = 200
/** Whoever deletes a topic removes its partitions, within this time; then the controller does. */
const orphansMs = 10_000

interface Repair {
  readonly place: PartitionPlace
  readonly key: string
  readonly partition: PartitionImage
}

/**
 * The controller's part of every broker: stands for election, and while it is elected sees to it that partitions have
 * leaders, and that reassignments come to their end. It goes by the image alone and may do its work again at any time: what it writes holds only while it is
 * the controller, the partition is as it saw it and the new leader is still registered.
 */
export class Controller {
  private readonly metadata: Metadata
  private readonly nodeId: number
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly elections: ElectionCounters
  private readonly orphans: Orphans
  private readonly policyOf: (topic: TopicImage) => TopicPolicy
  private readonly preferred: PreferredLeaders
  private readonly sessionTimeoutMs: number
  private readonly inDoubt: () => boolean
  private leadership: Leadership | undefined
  /** Partitions to look at, by their keys; all of them when `everything`. */
  private due = new Map<string, PartitionPlace>()
  private everything = false
  private running: Promise<void> | undefined
  private timer: Timer | undefined
  /** While it runs there are leaders that aren't registered and may live all the same. */
  private doubtTimer: Timer | undefined
  private orphansTimer: Timer | undefined
  private outvoted: (() => void) | undefined
  private closed = false

  constructor(
    metadata: Metadata,
    nodeId: number,
    world: {
      clock: Clock
      logger: Logger
      sessionTimeoutMs: number
      /** See Control. */
      inDoubt(): boolean
      elections: ElectionCounters
      orphans: Orphans
      policyOf(topic: TopicImage): TopicPolicy
      /** How often leaders are given back to preferred replicas; never when undefined. */
      rebalanceIntervalMs: number | undefined
    }
  ) {
    this.metadata = metadata
    this.nodeId = nodeId
    this.elections = world.elections
    this.orphans = world.orphans
    this.policyOf = world.policyOf
    this.clock = world.clock
    this.logger = world.logger
    this.sessionTimeoutMs = world.sessionTimeoutMs
    this.inDoubt = world.inDoubt
    this.preferred = new PreferredLeaders({
      image: metadata.image,
      clock: world.clock,
      policyOf: world.policyOf,
      intervalMs: world.rebalanceIntervalMs,
      elect: returns => this.giveBack(returns)
    })
  }

  /**
   * Stands for election under a lease. With `displace` a former life of this very broker stands back at once. When nobody
   * else is elected this resolves after the first look at all partitions; else when that is known.
   */
  async stand(lease: Lease, displace: boolean): Promise<void> {
    if (this.closed) return
    try {
      const isVacant = await this.makeWay(lease, displace)
      const served = this.campaign(lease)
      if (isVacant) await Promise.race([served, this.someoneElse()])
    } catch (error) {
      this.standAgain(lease, error)
    }
  }

  /** Whether nobody is elected, or a former life of this broker was and has made way. */
  private async makeWay(lease: Lease, displace: boolean): Promise<boolean> {
    const key = electionKey(controllerElection)
    const { item } = await this.metadata.metastore.get(key)
    const isOurs = item !== undefined && displace && Number(item.value) === this.nodeId
    if (isOurs && item.lease !== lease.id)
      await this.metadata.txn([madeBy(key, item.createRevision)], [{ type: 'delete', key }])
    return !item || isOurs
  }

  /** Resolves when this broker was elected and has looked at all partitions, or when that went wrong. */
  private async campaign(lease: Lease): Promise<void> {
    try {
      const { metastore } = this.metadata
      await this.serve(await campaign(metastore, controllerElection, lease, String(this.nodeId)), lease)
    } catch (error) {
      this.standAgain(lease, error)
    }
  }

  /** The metastore did not answer: perhaps this broker is elected and doesn't know. With a new lease it stands anew anyway. */
  private standAgain(lease: Lease, error: unknown): void {
    if (this.closed || (error instanceof MetastoreError && error.kind === 'lease')) return
    this.logger.warn({ err: error }, 'could not stand for controller; it is tried again')
    this.clock.after(retryMs, () => void this.stand(lease, false))
  }

  /** Resolves when another broker is the controller: several may stand in the same moment. */
  private someoneElse(): Promise<void> {
    if (this.isSomeoneElse) return Promise.resolve()
    return new Promise(resolve => {
      this.outvoted = resolve
    })
  }

  private get isSomeoneElse(): boolean {
    const { controllerId } = this.metadata.image
    return controllerId !== -1 && controllerId !== this.nodeId
  }

  /** To be called with every change of the image. */
  imageChanged(change: ImageChange): void {
    if (this.outvoted && this.isSomeoneElse) {
      this.outvoted()
      this.outvoted = undefined
    }
    if (!this.leadership) return
    for (const { topicId } of change.deleted) this.preferred.forget(topicId)
    if (change.deleted.length > 0) this.sweepLater()
    // Configs say who may lead where nobody does.
    if (change.brokers || change.brokerConfigs) this.everything = true
    if (!this.everything) {
      for (const { topicId, partitions } of [...change.created, ...change.reconfigured])
        for (const index of partitions.keys()) this.look({ topicId, index })
      for (const place of change.partitions) this.look(place)
    }
    if (this.everything || this.due.size > 0) this.work()
  }

  async close(): Promise<void> {
    this.closed = true
    this.leadership = undefined
    this.timer?.cancel()
    this.doubtTimer?.cancel()
    this.orphansTimer?.cancel()
    this.preferred.stop()
    await this.running
  }

  private async serve(leadership: Leadership, lease: Lease): Promise<void> {
    if (this.closed) return
    this.leadership = leadership
    leadership.onLost(() => {
      if (this.leadership === leadership) this.leadership = undefined
      this.preferred.stop()
      // The lease may live on: a peer took this broker for dead. Without it the next one stands again.
      if (!this.closed) void this.stand(lease, false)
    })
    this.everything = true
    // The image should have the win, and all that came before it; where it lags, what is written does not hold.
    await this.metadata.txn([leadership.fence], []).catch(() => false)
    if (this.orphans.any) this.sweepLater()
    await this.work()
  }

  /** What a deletion left that nobody brought to its end counts as replicas of brokers, and is never looked at again. */
  private sweepLater(): void {
    if (this.closed) return
    this.orphansTimer ??= this.clock.after(orphansMs, () => {
      this.orphansTimer = undefined
      if (!this.leadership) return
      this.orphans.sweep().catch(error => {
        this.logger.warn({ err: error }, 'what is left of deleted topics could not be removed; it is tried again')
        this.sweepLater()
      })
    })
  }

  /** One pass after the other until nothing is left to look at. Never rejects. */
  private work(): Promise<void> {
    this.running ??= this.passes()
    return this.running
  }

  private async passes(): Promise<void> {
    // After the turn: changes that come together are looked at together.
    await Promise.resolve()
    while (this.leadership && (this.everything || this.due.size > 0)) if (!(await this.pass(this.leadership))) break
    // In the very turn in which nothing was left: what comes behind that begins anew.
    this.running = undefined
  }

  /** False when it went wrong, and is tried again after a while. */
  private async pass(leadership: Leadership): Promise<boolean> {
    try {
      await Promise.all(inTransactions(this.repairs()).map(part => this.write(leadership, part)))
      return true
    } catch (error) {
      this.everything = true
      if (this.leadership !== leadership) return true
      this.logger.warn({ err: error }, 'leaders could not be elected; it is tried again')
      this.timer?.cancel()
      this.timer = this.clock.after(retryMs, () => void this.work())
      return false
    }
  }

  private look(place: PartitionPlace): void {
    this.due.set(keys.partition(place.topicId, place.index), place)
  }

  private repairs(): Repair[] {
    const { image } = this.metadata
    const { due, everything } = this
    this.due = new Map()
    this.everything = false
    const repairs: Repair[] = []
    const policies = new Map<TopicImage, TopicPolicy>()
    const policyOf = (topic: TopicImage) => {
      const policy = policies.get(topic) ?? this.policyOf(topic)
      policies.set(topic, policy)
      return policy
    }
    const check = (topic: TopicImage, index: number) => {
      const partition = topic.partitions[index]
      if (!partition || partition.replicas.length === 0) return
      const { topicId } = topic
      this.preferred.note(topicId, index, partition)
      if (this.isPardoned(partition)) return
      const policy = policyOf(topic)
      const changed = completed(image, partition, policy) ?? repaired(image, partition, policy)
      if (changed) repairs.push({ place: { topicId, index }, key: keys.partition(topicId, index), partition: changed })
    }
    if (!everything)
      for (const { topicId, index } of due.values()) {
        const topic = image.topicById(topicId)
        if (topic) check(topic, index)
      }
    else for (const topic of image.topics()) for (const index of topic.partitions.keys()) check(topic, index)
    return repairs
  }

  /** Whether a leader that isn't registered gets the time to come back: the end of its lease proves nothing. */
  private isPardoned({ leader, leaderBrokerEpoch }: PartitionImage): boolean {
    const { image } = this.metadata
    // Another life of it is evidence.
    if (image.broker(leader) || image.lifeOf(leader)?.epoch !== leaderBrokerEpoch || !this.inDoubt()) return false
    this.doubtTimer ??= this.clock.after(this.sessionTimeoutMs, () => {
      this.doubtTimer = undefined
      this.everything = true
      void this.work()
    })
    return true
  }

  /** Where it can't be done now it is tried again at the next time. */
  private async giveBack(returns: readonly Return[]): Promise<void> {
    const { leadership } = this
    if (!leadership) return
    const repairs = returns.map(({ topicId, index, partition }): Repair => {
      return { place: { topicId, index }, key: keys.partition(topicId, index), partition }
    })
    try {
      await Promise.all(inTransactions(repairs).map(part => this.write(leadership, part)))
      this.logger.info({ partitions: repairs.length }, 'leaders were given back to preferred replicas')
    } catch (error) {
      this.logger.warn({ err: error }, 'leaders could not be given back; it is tried again')
    }
  }

  private async write({ fence }: Leadership, repairs: readonly Repair[]): Promise<void> {
    const leaders = new Map(repairs.map(({ partition }) => [partition.leader, partition.leaderBrokerEpoch]))
    const compares = [
      fence,
      ...[...leaders].map(([nodeId, epoch]) => registeredAs(nodeId, epoch)),
      ...repairs.map(({ key }) => this.metadata.unchanged(key))
    ]
    const puts = repairs.map(({ key, partition }): Operation => ({ type: 'put', key, value: format(partition) }))
    const { image } = this.metadata
    const before = repairs.map(({ place }) => image.topicById(place.topicId)?.partitions[place.index])
    if (await this.metadata.txn(compares, puts))
      for (const [at, { partition }] of repairs.entries()) this.elections.count(before[at], partition)
    // One of them has changed, and the change is in the image now: all are looked at again.
    else for (const { place } of repairs) this.look(place)
  }
}

/** As many as fit into a transaction that compares the controller, each new leader and each partition. */
function inTransactions(repairs: readonly Repair[]): Repair[][] {
  const parts: Repair[][] = []
  let leaders = new Set<number>()
  for (const repair of repairs) {
    const last = parts[parts.length - 1]
    leaders.add(repair.partition.leader)
    if (last && last.length + 1 + leaders.size + 1 <= transactionOperationsMax) last.push(repair)
    else {
      parts.push([repair])
      leaders = new Set([repair.partition.leader])
    }
  }
  return parts
}
