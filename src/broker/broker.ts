import type { Connect } from '../client/options.ts'
import { type Control, type ImageChange, leaderOf } from '../control/types.ts'
import { type CoordinatorNode, GroupCoordinator } from '../groups/coordinator.ts'
import { groupOptions } from '../groups/options.ts'
import { partitionBrokerOptions } from '../partition/options.ts'
import type { Partition } from '../partition/partition.ts'
import type { PartitionIdentity } from '../partition/types.ts'
import { replicationOptions } from '../replication/options.ts'
import { ReplicationThrottle, throttleOptions } from '../replication/throttle.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { Metrics } from '../std/metrics.ts'
import type { Option, OptionValues } from '../std/option.ts'
import type { Random } from '../std/random.ts'
import { TimerWheel } from '../std/timer-wheel.ts'
import { cleanerOptions } from '../storage/compaction/options.ts'
import type { LogStore, Pressure } from '../storage/types.ts'
import { Cleaner } from './cleaner.ts'
import { Cluster } from './cluster.ts'
import { clusterMetrics } from './cluster-metrics.ts'
import { Configs } from './configs.ts'
import { CurrentOptions } from './current-options.ts'
import { type Deleted, deleteRecords } from './delete-records.ts'
import { Fetcher, fetchOptions } from './fetch.ts'
import { FullDisk } from './full-disk.ts'
import { Hosting } from './hosting.ts'
import { LeadershipCheck } from './leadership-check.ts'
import { type LogDir, LogDirs } from './log-dirs.ts'
import { LostLeaders } from './lost-leaders.ts'
import { Maintenance, maintenanceOptions } from './maintenance.ts'
import { type PartitionRef, Partitions } from './partitions.ts'
import { type ProduceItem, type ProduceOutcome, produce } from './produce.ts'
import { ProducerIds } from './producer-ids.ts'
import { isRackAware, rackAwareReadReplica } from './read-replica.ts'
import { Replicas } from './replicas.ts'
import { Roles } from './roles.ts'
import { Topics } from './topics.ts'
import { withinTimeout } from './within-timeout.ts'

/** The internal topic that keeps committed offsets and groups. */
export const offsetsTopic = '__consumer_offsets'

/** How many partitions are closed at a time; some write a snapshot. */
const closedTogether = 8
/** How long a closing broker waits for its followers. */
const closeWaitMs = 1000

/** What a broker stands on; all of it is the caller's to close, after the broker. */
export interface BrokerParts {
  readonly store: LogStore
  /** Where the store keeps its logs. */
  readonly logDir: LogDir
  readonly control: Control
  /** All broker options, and their values. */
  readonly options: readonly Option[]
  readonly values: OptionValues
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  /** How other brokers are reached; a broker that is to be alone needs none. */
  readonly connect?: Connect
  /** Of the program, for whoever looks after the cluster. */
  readonly version?: string
}

const alone: Connect = () => Promise.reject(new Error('this broker connects to no others'))

/** A broker without sockets: everything that doors translate to. */
export class Broker {
  readonly control: Control
  readonly partitions: Partitions
  readonly fetcher: Fetcher
  readonly groups: GroupCoordinator
  readonly cluster: Cluster
  readonly configs: Configs
  /** Broker options as they are now. */
  readonly options: CurrentOptions
  readonly topics: Topics
  readonly producerIds: ProducerIds
  readonly replicas: Replicas
  readonly logDirs: LogDirs
  /** Storage against its bound: while it is over, doors don't read produce requests. */
  readonly pressure: Pressure
  private readonly parts: BrokerParts
  private readonly timers: TimerWheel
  private readonly maintenance: Maintenance
  private readonly cleaner: Cleaner
  private stopListening: (() => void) | undefined
  private fullDisk: FullDisk | undefined
  private changes: Promise<void> = Promise.resolve()
  /** Who asks for leaders waits for it. */
  readonly lostLeaders: LostLeaders
  private readonly roles: Roles
  private readonly hosting: Hosting
  private readonly leadership: LeadershipCheck
  /** Group shards that load, until the broker has started. */
  private loading: Promise<void>[] | undefined = []

  private constructor(parts: BrokerParts) {
    const { control, values, clock, random, logger, store, connect = alone } = parts
    this.parts = parts
    this.control = control
    this.pressure = store.pressure
    this.timers = new TimerWheel(clock)
    this.partitions = new Partitions(logger, ref => {
      const topic = ref.topic ? control.image.topic(ref.topic) : control.image.topicById(ref.topicId ?? '')
      return Boolean(topic?.partitions[ref.index])
    })
    this.options = new CurrentOptions(parts)
    clusterMetrics({ metrics: parts.metrics, control, partitions: this.partitions })
    const throttles = this.options.view(throttleOptions)
    const throttleOf = (side: keyof typeof throttles) => new ReplicationThrottle(clock, () => throttles[side])
    const limits = values.of(fetchOptions)
    // Long polls and time-outs of requests come by the ten thousand: they share the wheel's one timer.
    const timed: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, fire) => this.timers.after(delayMs, fire)
    }
    const { fetchMaxBytes: maxBytes, sessionSlots, sessionPartitionsMax } = limits
    this.fetcher = new Fetcher(
      this.partitions,
      timed,
      random,
      { maxBytes, sessionSlots, sessionPartitionsMax },
      {
        throttle: throttleOf('leaderRate'),
        readReplica: isRackAware(values) ? rackAwareReadReplica(control) : undefined
      }
    )
    this.groups = new GroupCoordinator({
      clock,
      random,
      logger,
      config: values.of(groupOptions),
      topics: {
        idOf: topic => control.image.topic(topic)?.topicId,
        nameOf: topicId => control.image.topicById(topicId)?.name,
        partitionCount: topic => control.image.topic(topic)?.partitions.length
      },
      leaderOf: partition => this.leaderOf(offsetsTopic, partition)
    })
    this.lostLeaders = new LostLeaders(control.image, clock)
    this.roles = new Roles(
      {
        control,
        logger,
        lostLeaders: this.lostLeaders,
        metrics: parts.metrics,
        lanes: {
          nodeId: control.nodeId,
          clock,
          logger,
          connect,
          config: values.of(replicationOptions),
          throttle: throttleOf('followerRate'),
          renew: (partition, offset, batches) => this.inTurn(() => this.hosting.renew(partition, offset, batches))
        }
      },
      {
        led: partition => {
          if (partition.topic !== offsetsTopic) return
          const loaded = this.groups.becomeLeader(partition.index, partition)
          this.loading?.push(loaded)
        },
        resigned: partition => {
          if (partition.topic === offsetsTopic) this.groups.resign(partition.index)
        }
      }
    )
    this.leadership = new LeadershipCheck({
      control,
      clock,
      logger,
      connect,
      overtaken: (partition, epoch) => this.roles.overtaken(partition, epoch)
    })
    this.topics = new Topics(parts)
    this.cluster = new Cluster({ control, partitions: this.partitions, topics: this.topics, values, clock })
    this.configs = new Configs(parts)
    this.cleaner = new Cleaner(parts, this.options.view(cleanerOptions))
    const { partitions, leadership: check } = this
    this.hosting = new Hosting({ ...parts, partitions, check }, this.roles, this.cleaner)
    this.producerIds = new ProducerIds(control)
    this.replicas = new Replicas({ control, partitions: this.partitions })
    this.logDirs = new LogDirs({ logDir: parts.logDir, partitions: this.partitions, control, logger })
    this.maintenance = new Maintenance(this.partitions, parts, {
      intervalMs: Number(values.get(maintenanceOptions.retentionCheckIntervalMs)),
      producerExpirationMs: () => this.options.get(partitionBrokerOptions.producerIdExpirationMs)
    })
  }

  /** Opens every partition that this broker leads and loads the groups; afterwards everything can be asked. */
  static async open(parts: BrokerParts): Promise<Broker> {
    const broker = new Broker(parts)
    await broker.start()
    return broker
  }

  /** See `produce`: appends in this turn, answers when it is as safe as `acks` asks. */
  produce(
    acks: number,
    timeoutMs: number,
    items: readonly ProduceItem[]
  ): ProduceOutcome[] | Promise<ProduceOutcome[]> {
    return produce(this.partitions, this.timers, acks, timeoutMs, items)
  }

  /** Memory that storage keeps until fetch results are released. */
  get lentBytes(): number {
    return this.parts.store.lent.bytes
  }

  /** See `withinTimeout`. */
  withinTimeout<T>(timeoutMs: number, work: () => Promise<T>): Promise<T> {
    return withinTimeout(this.timers, timeoutMs, work)
  }

  /** See `deleteRecords`; rejects as `Partitions.find`, too. */
  async deleteRecords(ref: PartitionRef, offset: number, timeoutMs: number): Promise<Deleted> {
    return deleteRecords(this.partitions.find(ref), offset, timeoutMs, this.timers)
  }

  /** Where clients find the leader of a partition; undefined while there is none. */
  leaderOf(name: string, index: number): CoordinatorNode | undefined {
    const topic = this.control.image.topic(name)
    const partition = topic?.partitions[index]
    const broker = partition && leaderOf(this.control.image, partition)
    if (broker?.nodeId === this.control.nodeId && !this.partitions.isLedHere(topic!.topicId, index)) return undefined
    return broker?.endpoint && { nodeId: broker.nodeId, ...broker.endpoint }
  }

  /** The broker that coordinates a group. Throws COORDINATOR_NOT_AVAILABLE, also while the topic for it is being made. */
  coordinatorOf(groupId: string): CoordinatorNode {
    if (!this.control.image.topic(offsetsTopic))
      this.topics.ensureInternalTopics().catch(error => this.warn(error, 'the topic of groups could not be made'))
    return this.groups.find(groupId)
  }

  /** Lets what was appended become safe, then stops serving: who waits is told to look for another leader. */
  async close(): Promise<void> {
    this.stopListening?.()
    this.fullDisk?.close()
    this.lostLeaders.close()
    this.leadership.close()
    await this.changes
    await this.maintenance.stop()
    await this.cleaner.stop()
    const partitions = [...this.partitions.all()]
    await this.committed(partitions)
    await this.roles.close()
    this.groups.close()
    const line = partitions.values()
    const closeInTurn = async () => {
      for (const partition of line) {
        await partition.prepareClose().catch(error => this.warn(error, 'a snapshot was not saved', partition))
        partition.close(stopping())
      }
    }
    await Promise.all(Array.from({ length: closedTogether }, closeInTurn))
    this.timers.close()
  }

  /** Ends as a process that dies does: nothing is finished, nobody is told. */
  async abandon(): Promise<void> {
    this.stopListening?.()
    this.fullDisk?.close()
    this.lostLeaders.close()
    this.leadership.close()
    for (const partition of this.partitions.all()) partition.close(stopping())
    this.groups.close()
    this.timers.close()
    await this.roles.close()
    await this.maintenance.stop()
    await this.cleaner.stop()
    await this.changes
  }

  private async start(): Promise<void> {
    const { control, hosting } = this
    this.stopListening = control.onChange(change => this.follow(change))
    // What changes meanwhile comes behind it: a log that two open at once is two replicas, one of which nobody fetches from.
    await this.inTurn(async () => {
      await hosting.removeStrays()
      for (const topic of control.image.topics()) await hosting.open(topic)
    })
    await this.topics.ensureInternalTopics()
    await Promise.all(this.loading ?? [])
    this.loading = undefined
    this.maintenance.start()
    this.cleaner.start()
    this.fullDisk = new FullDisk(this.parts)
    void this.producerIds.prepare()
  }

  /** Who leads what changes at once; logs are opened and removed one change after the other. */
  private follow(change: ImageChange): Promise<void> {
    this.lostLeaders.imageChanged(change)
    if (change.brokers) {
      for (const partition of this.partitions.all()) this.roles.assign(partition)
      this.roles.brokersChanged()
      this.fullDisk?.brokersChanged()
      this.hosting.forsakeUnopened()
    } else this.hosting.assign(change.partitions)
    return this.inTurn(() => this.apply(change))
  }

  /** Logs are opened and removed one change after the other, whatever becomes of each. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.changes.then(work)
    this.changes = done.catch(() => {})
    return done
  }

  private async apply(change: ImageChange): Promise<void> {
    for (const topic of change.deleted) {
      // Not waited for: what commits it may wait for changes that come behind this one.
      if (topic.name !== offsetsTopic) void this.groups.topicDeleted(topic.name, topic.topicId)
      else for (const index of topic.partitions.keys()) this.groups.resign(index)
      await this.hosting.drop(topic)
    }
    for (const topic of change.created) await this.hosting.open(topic)
    await this.hosting.adjust(change.partitions)
    const reconfigured = change.brokerConfigs ? this.control.image.topics() : change.reconfigured
    for (const topic of reconfigured) this.hosting.reconfigure(topic)
  }

  /** Waits until what leaders here have appended is committed; where others must come for that, not for long. */
  private async committed(partitions: readonly Partition[]): Promise<void> {
    const waiting = partitions
      .filter(({ leader }) => leader)
      .map(partition => partition.whenCommitted(partition.endOffset - 1))
    const all = Promise.allSettled(waiting)
    if (partitions.every(({ leader }) => !leader || leader.replicas.length === 1)) return void (await all)
    let timer: Timer | undefined
    const timeout = new Promise<void>(resolve => {
      timer = this.parts.clock.after(closeWaitMs, resolve)
    })
    await Promise.race([all, timeout])
    timer?.cancel()
  }

  private warn(error: unknown, message: string, partition?: PartitionIdentity): void {
    const where = partition ? { topic: partition.topic, partition: partition.index } : {}
    this.parts.logger.error({ ...where, err: error }, message)
  }
}

function stopping(): NaruError {
  return new NaruError('NOT_LEADER_OR_FOLLOWER', 'The broker is stopping.')
}
