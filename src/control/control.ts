import { type Compare, type Metastore, type Operation, transactionOperationsMax } from '../metastore/metastore.ts'
import { assert } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { Metrics } from '../std/metrics.ts'
import { OptionValues } from '../std/option.ts'
import type { Random } from '../std/random.ts'
import type { TopicId } from '../storage/types.ts'
import { Controller } from './controller.ts'
import { cordonOptions } from './cordon.ts'
import { Departures } from './departures.ts'
import { newPartition, repaired } from './election.ts'
import { ElectionCounters } from './election-counters.ts'
import { Follower } from './follower.ts'
import { foundCluster, newId } from './founding.ts'
import type { Image } from './image.ts'
import { format, keys, parse, type TopicValue } from './keys.ts'
import { Membership } from './membership.ts'
import { absent, guard, Metadata, present } from './metadata.ts'
import { controlOptions } from './options.ts'
import { Orphans } from './orphans.ts'
import { PartitionChanges } from './partition-changes.ts'
import { updatePartitions } from './partition-updates.ts'
import { RoleChanges } from './role-changes.ts'
import { type TopicPolicy, topicPolicy } from './topic-policy.ts'
import type {
  Control,
  Election,
  ElectionType,
  ImageChange,
  IsrChange,
  MetadataImage,
  PartitionImage,
  PartitionUpdate,
  TopicImage
} from './types.ts'

export interface ControlOptions {
  readonly metastore: Metastore
  readonly nodeId: number
  readonly rack?: string
  /** The machine that it runs on. */
  readonly host?: string
  /** The id of its data folder: see `claimNode`. */
  readonly folder?: string
  /** How long this broker counts as alive when it isn't heard of; `broker.session.timeout.ms` when absent. */
  readonly sessionTimeoutMs?: number
  /**
   * Whether this broker's replicas of a topic have all that they ever acknowledged; asked before it registers. Those that
   * may not are neither in sync nor eligible any more. All do when absent.
   */
  vouches?(topic: TopicImage, image: MetadataImage): boolean
  /** What options were set to at this broker's start: what holds where nothing is set in the metastore. */
  readonly values?: OptionValues
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics?: Metrics
}

/** How many producer ids a broker takes at a time, as Kafka's. */
const producerIdBlock = 1000

type Configs = Readonly<Record<string, string>>

/**
 * Joins the cluster in the metastore (founding it when there is none): reads the image, registers with a new broker
 * epoch, clears what a crash left half done and stands for controller. The controller, perhaps this broker, then gives
 * leaders to the partitions that wait for one, each with a new leader epoch: a broker leads nothing by its past.
 */
export async function openControl(options: ControlOptions): Promise<Control> {
  const { metastore, random, clock, logger } = options
  await foundCluster(metastore, random)
  const control = new MetastoreControl(options, await Follower.open(metastore, clock, logger))
  await control.start(options.vouches)
  return control
}

class MetastoreControl implements Control {
  readonly nodeId: number
  readonly image: MetadataImage
  private readonly known: Image
  private readonly follower: Follower
  private readonly metadata: Metadata
  private readonly metastore: Metastore
  private readonly random: Random
  private readonly logger: Logger
  private readonly clock: Clock
  private readonly membership: Membership
  private readonly controller: Controller
  private readonly policyOf: (topic: TopicImage) => TopicPolicy
  private readonly roles: RoleChanges
  private readonly departures: Departures
  private readonly orphans: Orphans
  private standing: Promise<void> = Promise.resolve()
  private closed = false

  constructor(options: ControlOptions, follower: Follower) {
    const { nodeId, rack, host, folder, metastore, clock, random, logger } = options
    this.nodeId = nodeId
    this.follower = follower
    this.known = follower.image
    this.image = follower.image
    this.metastore = metastore
    this.random = random
    this.logger = logger
    this.clock = clock
    this.metadata = new Metadata(metastore, follower)
    const { values = new OptionValues({}), sessionTimeoutMs = controlOptions.sessionTimeoutMs.default } = options
    this.policyOf = topic => topicPolicy(topic, this.image, values)
    const elections = new ElectionCounters(options.metrics)
    this.roles = new RoleChanges(this.metadata, new PartitionChanges(this.metadata), this.policyOf, elections)
    this.departures = new Departures(this.metadata, this.roles, logger)
    this.orphans = new Orphans(this.metadata)
    const cordoned = values.get(cordonOptions.cordonedLogDirs).length > 0
    this.membership = new Membership(
      this.metadata,
      { nodeId, rack, host, cordoned, folder, incarnation: newId(random), sessionTimeoutMs, clock, logger },
      {
        registered: lease => {
          this.standing = this.controller.stand(lease, true)
        },
        replaced: () => void this.controller.close()
      }
    )
    this.controller = new Controller(this.metadata, nodeId, {
      clock,
      logger,
      elections,
      orphans: this.orphans,
      sessionTimeoutMs,
      inDoubt: () => this.membership.inDoubt,
      policyOf: this.policyOf,
      rebalanceIntervalMs: rebalanceIntervalMs(values)
    })
    follower.onChange(change => {
      if (change.brokers) this.membership.imageChanged()
      this.controller.imageChanged(change)
    })
  }

  get brokerEpoch(): number | undefined {
    return this.membership.epoch
  }

  get inDoubt(): boolean {
    return this.membership.inDoubt
  }

  async start(vouches: ControlOptions['vouches']): Promise<void> {
    if (vouches) await this.departures.standBack(this.nodeId, vouches)
    await this.membership.join()
    await this.orphans.sweep()
    await this.standing
  }

  async createTopic(topic: {
    name: string
    assignments: readonly (readonly number[])[]
    configs: Configs
  }): Promise<TopicImage> {
    const { name, assignments, configs } = topic
    if (this.known.topic(name)) throw alreadyExists(name)
    const topicId = newId(this.random)
    const value: TopicValue = { name, partitions: assignments.length, configs }
    const puts = this.newPartitions(topicId, 0, assignments)
    const compare = [absent(keys.name(name))]
    const last: Operation[] = [
      { type: 'put', key: keys.topic(topicId), value: format(value) },
      { type: 'put', key: keys.name(name), value: topicId }
    ]
    const creating = keys.creating(topicId)
    const end: Operation = { type: 'delete', key: creating }
    if (puts.length + last.length > transactionOperationsMax) {
      // Nobody may take what is written in parts for the leftovers of a crash.
      const value = this.membership.signature
      await this.metadata.txn([], [{ type: 'put', key: creating, value, lease: this.membership.leaseId }])
      compare.push(present(creating))
      last.push(end)
    }
    if (!(await this.txnInParts(puts, compare, last))) {
      await this.orphans.remove(topicId)
      await this.metadata.txn([], [end])
      if (this.known.topic(name)) throw alreadyExists(name)
      throw new NaruError(
        'KAFKA_STORAGE_ERROR',
        `Topic '${name}' could not be made: this broker's lease ended meanwhile.`
      )
    }
    const image = this.known.topicById(topicId)
    // Somebody may have deleted it again in the meantime.
    return image ?? { name, topicId, configs, partitions: assignments.map(on => newPartition(this.image, on)) }
  }

  async deleteTopic(topicId: TopicId): Promise<void> {
    for (;;) {
      const { name } = this.existing(topicId)
      const deleted = await this.metadata.complete(
        [this.metadata.unchanged(keys.topic(topicId))],
        [
          { type: 'delete', key: keys.topic(topicId) },
          { type: 'delete', key: keys.name(name) }
        ]
      )
      if (deleted) break
    }
    await this.orphans.remove(topicId)
  }

  async addPartitions(topicId: TopicId, expected: number, assignments: readonly (readonly number[])[]): Promise<void> {
    for (;;) {
      const { name, configs, partitions } = this.existing(topicId)
      if (partitions.length !== expected)
        throw new NaruError('INVALID_PARTITIONS', `Topic ${name} has ${partitions.length} partitions, not ${expected}.`)
      const more = expected + assignments.length
      const value: TopicValue = { ...this.known.topicValue(topicId), name, partitions: more, configs }
      const added = await this.txnInParts(
        this.newPartitions(topicId, expected, assignments),
        [this.metadata.unchanged(keys.topic(topicId))],
        [{ type: 'put', key: keys.topic(topicId), value: format(value) }]
      )
      if (added) return
    }
  }

  async updateTopicConfigs(topicId: TopicId, change: (configs: Configs) => Configs): Promise<void> {
    const key = keys.topic(topicId)
    for (;;) {
      const { name, partitions, configs } = this.existing(topicId)
      const known = this.known.topicValue(topicId)
      const value: TopicValue = { ...known, name, partitions: partitions.length, configs: change(configs) }
      if (await this.metadata.complete([this.metadata.unchanged(key)], [{ type: 'put', key, value: format(value) }]))
        return
    }
  }

  async updateBrokerConfigs(nodeId: number | undefined, change: (configs: Configs) => Configs): Promise<void> {
    const key = keys.brokerConfigs(nodeId)
    for (;;) {
      const value = format({ ...change(this.known.brokerConfigs(nodeId)) })
      if (await this.metadata.complete([this.metadata.unchanged(key)], [{ type: 'put', key, value }])) return
    }
  }

  async allocateProducerIds(): Promise<{ readonly first: number; readonly count: number }> {
    const key = keys.producerIds
    for (;;) {
      const { item } = await guard(this.metastore.get(key))
      const first = Number(item?.value ?? 0)
      const taken = await this.metadata.txn(
        [{ key, target: 'modRevision', is: '=', to: item?.modRevision ?? 0 }],
        [{ type: 'put', key, value: format(first + producerIdBlock) }]
      )
      if (taken) return { first, count: producerIdBlock }
    }
  }

  changeIsr(topicId: TopicId, index: number, expected: PartitionImage, change: IsrChange): Promise<boolean> {
    return this.roles.changeIsr(topicId, index, expected, change)
  }

  updatePartitions(updates: readonly PartitionUpdate[]): Promise<void> {
    return updatePartitions(this.metadata, updates)
  }

  async partitionNow(topicId: TopicId, index: number): Promise<PartitionImage | undefined> {
    const { item } = await guard(this.metastore.get(keys.partition(topicId, index)))
    return item && parse(item.value)
  }

  elect(topicId: TopicId, index: number, type: ElectionType): Promise<Election> {
    return this.roles.elect(topicId, index, type)
  }

  giveAway(topicId: TopicId, index: number): Promise<void> {
    return this.roles.giveAway(topicId, index, this.nodeId)
  }

  reportGone(nodeId: number, epoch: number): Promise<void> {
    return this.departures.reportGone(nodeId, epoch)
  }

  unregister(nodeId: number): Promise<boolean> {
    return this.departures.unregister(nodeId)
  }

  async advertise(endpoint: { host: string; port: number }): Promise<void> {
    await this.membership.update({ endpoint })
  }

  async reportFull(full: boolean): Promise<void> {
    await this.membership.update({ full })
  }

  async drain(timeoutMs: number): Promise<void> {
    await this.membership.update({ draining: true })
    // What the controller would do with a partition is what there is to wait for.
    const waits = () => {
      for (const topic of this.known.topics())
        for (const partition of topic.partitions)
          if (partition.leader === this.nodeId && repaired(this.image, partition, this.policyOf(topic))) return true
      return false
    }
    if (!waits()) return
    await new Promise<void>(resolve => {
      const done = () => {
        stop()
        timer.cancel()
        resolve()
      }
      const stop = this.follower.onChange(() => {
        if (!waits()) done()
      })
      const timer = this.clock.after(timeoutMs, done)
    })
  }

  onChange(listener: (change: ImageChange) => void | Promise<void>): () => void {
    return this.follower.onChange(listener)
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.controller.close()
    await this.membership
      .leave()
      .catch(error => this.logger.warn({ err: error }, 'the broker could not be signed off; its lease runs out'))
    await this.follower.close()
  }

  async abandon(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.membership.abandon()
    await this.controller.close()
    await this.follower.close()
  }

  /**
   * A change that may be too large for one transaction: `first` in parts that nobody sees, then `last`, which shows all of
   * it, with as much of `first` as fits. Each part holds only if `compare` does. False when it did not.
   */
  private async txnInParts(
    first: readonly Operation[],
    compare: readonly Compare[],
    last: readonly Operation[]
  ): Promise<boolean> {
    const fits = transactionOperationsMax - last.length
    let at = 0
    const parts: Promise<boolean>[] = []
    for (; first.length - at > fits; at += transactionOperationsMax)
      parts.push(this.metadata.txn(compare, first.slice(at, at + transactionOperationsMax)))
    if ((await Promise.all(parts)).includes(false)) return false
    return this.metadata.complete(compare, [...first.slice(at), ...last])
  }

  private newPartitions(topicId: TopicId, from: number, assignments: readonly (readonly number[])[]): Operation[] {
    return assignments.map((replicas, index) => {
      assert(replicas.length > 0, 'a partition has replicas')
      const value = format(newPartition(this.image, replicas))
      return { type: 'put', key: keys.partition(topicId, from + index), value }
    })
  }

  private existing(topicId: TopicId): TopicImage {
    const topic = this.known.topicById(topicId)
    if (!topic) throw new NaruError('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
    return topic
  }
}

function alreadyExists(name: string): NaruError {
  return new NaruError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
}

function rebalanceIntervalMs(values: OptionValues): number | undefined {
  const { autoRebalance, rebalanceIntervalSeconds } = controlOptions
  return values.get(autoRebalance) ? Number(values.get(rebalanceIntervalSeconds)) * 1000 : undefined
}
