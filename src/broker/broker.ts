import { type Control, type ImageChange, leaderOf, type PartitionImage, type TopicImage } from '../control/types.ts'
import { type CoordinatorNode, GroupCoordinator } from '../groups/coordinator.ts'
import { groupOptions } from '../groups/options.ts'
import { partitionBrokerOptions } from '../partition/options.ts'
import { Partition, type PartitionIdentity } from '../partition/partition.ts'
import type { Clock } from '../std/clock.ts'
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
import { Configs } from './configs.ts'
import { CurrentOptions } from './current-options.ts'
import { Fetcher, fetchOptions } from './fetch.ts'
import { type LogDir, LogDirs } from './log-dirs.ts'
import { Maintenance, maintenanceOptions } from './maintenance.ts'
import { Partitions } from './partitions.ts'
import { type ProduceItem, type ProduceOutcome, produce } from './produce.ts'
import { ProducerIds } from './producer-ids.ts'
import { Replicas } from './replicas.ts'
import { type TopicConfig, topicConfig } from './topic-options.ts'
import { Topics } from './topics.ts'
import { withinTimeout } from './within-timeout.ts'

/** The internal topic that keeps committed offsets and groups. */
export const offsetsTopic = '__consumer_offsets'

/** How many partitions are closed at a time; some write a snapshot. */
const closedTogether = 8
/** How many are opened at a time: each may read its newest batches, into a buffer of its own. */
const openedTogether = 16

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
}

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
  private changes: Promise<void> = Promise.resolve()
  /** Group shards that load. */
  private readonly loading: Promise<void>[] = []

  private constructor(parts: BrokerParts) {
    const { control, values, clock, random, logger, store } = parts
    this.parts = parts
    this.control = control
    this.pressure = store.pressure
    this.timers = new TimerWheel(clock)
    this.partitions = new Partitions(logger)
    const limits = values.of(fetchOptions)
    // Long polls and time-outs of requests come by the ten thousand: they share the wheel's one timer.
    const timed: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, fire) => this.timers.after(delayMs, fire)
    }
    this.fetcher = new Fetcher(this.partitions, timed, random, {
      maxBytes: limits.fetchMaxBytes,
      sessionSlots: limits.sessionSlots,
      sessionPartitionsMax: limits.sessionPartitionsMax
    })
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
    this.topics = new Topics(parts)
    this.cluster = new Cluster({ control, partitions: this.partitions, topics: this.topics, values, clock })
    this.configs = new Configs(parts)
    this.options = new CurrentOptions(parts)
    this.cleaner = new Cleaner(parts, this.options.view(cleanerOptions))
    this.producerIds = new ProducerIds(control)
    this.replicas = new Replicas({ control, partitions: this.partitions })
    this.logDirs = new LogDirs({ logDir: parts.logDir, partitions: this.partitions, logger })
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

  /** Where clients find the leader of a partition; undefined while there is none. */
  leaderOf(name: string, index: number): CoordinatorNode | undefined {
    const topic = this.control.image.topic(name)
    const partition = topic?.partitions[index]
    const broker = partition && leaderOf(this.control.image, partition)
    if (broker?.nodeId === this.control.nodeId && this.partitions.isOffline(topic!.topicId, index)) return undefined
    return broker?.endpoint && { nodeId: broker.nodeId, ...broker.endpoint }
  }

  /** Lets what was appended become safe, then stops serving: who waits is told to look for another leader. */
  async close(): Promise<void> {
    this.stopListening?.()
    await this.changes
    await this.maintenance.stop()
    await this.cleaner.stop()
    const partitions = [...this.partitions.all()]
    await Promise.allSettled(partitions.map(partition => partition.whenCommitted(partition.endOffset - 1)))
    this.groups.close()
    const line = partitions.values()
    const closeInTurn = async () => {
      for (const partition of line) {
        await partition.prepareClose().catch(error => this.warn(error, partition))
        partition.close(new NaruError('NOT_LEADER_OR_FOLLOWER', 'The broker is stopping.'))
      }
    }
    await Promise.all(Array.from({ length: closedTogether }, closeInTurn))
    this.timers.close()
  }

  private async start(): Promise<void> {
    const { control } = this
    await this.removeStrays()
    this.stopListening = control.onChange(change => {
      // One change after the other: a topic may be deleted while its logs are still being opened.
      this.changes = this.changes.then(() => this.apply(change)).catch(error => this.warn(error))
      return this.changes
    })
    for (const topic of control.image.topics()) await this.serveTopic(topic)
    await this.topics.ensureInternalTopics()
    await this.groupsLoaded()
    this.maintenance.start()
    this.cleaner.start()
  }

  private async apply(change: ImageChange): Promise<void> {
    for (const topic of change.deleted) await this.dropTopic(topic)
    for (const topic of change.created) await this.serveTopic(topic)
    for (const topic of change.repartitioned) await this.serveTopic(topic)
    const reconfigured = change.brokerConfigs ? this.control.image.topics() : change.reconfigured
    for (const topic of reconfigured) this.reconfigure(topic)
  }

  /** Opens the partitions of a topic that this broker leads and doesn't serve yet. */
  private async serveTopic(topic: TopicImage): Promise<void> {
    const { store, clock, values } = this.parts
    const config = this.configOf(topic)
    const producersMax = values.get(partitionBrokerOptions.producersMax)
    const served = this.partitions.ofTopic(topic.topicId)
    const line = topic.partitions.entries()
    const open = async ({ leader, leaderEpoch }: PartitionImage, index: number) => {
      if (leader !== this.control.nodeId || served[index]) return
      const identity = { topic: topic.name, topicId: topic.topicId, index }
      let partition: Partition
      try {
        const log = await store.open({ topicId: topic.topicId, partition: index }, config.log)
        partition = await Partition.open(log, identity, leaderEpoch, config.partition, clock, producersMax)
      } catch (error) {
        // What is broken stays offline by itself; the others are served.
        this.warn(error, identity)
        this.partitions.addOffline(identity, error)
        return
      }
      this.partitions.add(partition)
      this.cleaner.watch(partition)
      if (topic.name === offsetsTopic) this.loading.push(this.groups.becomeLeader(index, partition))
    }
    const openInTurn = async () => {
      for (const [index, partition] of line) await open(partition, index)
    }
    await Promise.all(Array.from({ length: openedTogether }, openInTurn))
  }

  private async dropTopic(topic: TopicImage): Promise<void> {
    const gone = this.partitions.removeTopic(topic.topicId)
    if (topic.name === offsetsTopic) for (const index of gone) this.groups.resign(index)
    else await this.groups.topicDeleted(topic.name)
    for (const index of gone) {
      const removed = this.parts.store.remove({ topicId: topic.topicId, partition: index })
      // What stays behind on a failing disk goes with the next start.
      await removed.catch(error => this.warn(error, { topic: topic.name, topicId: topic.topicId, index }))
    }
  }

  private reconfigure(topic: TopicImage): void {
    const config = this.configOf(topic)
    for (const partition of this.partitions.ofTopic(topic.topicId)) {
      if (!partition) continue
      partition.config = config.partition
      partition.log.reconfigure(config.log)
      this.cleaner.note(partition)
    }
  }

  private configOf(topic: TopicImage): TopicConfig {
    return topicConfig(topic.configs, this.control.image, this.control.nodeId, this.parts.values)
  }

  /** Logs of topics that are no more: the process died between the end of the topic and that of its logs. */
  private async removeStrays(): Promise<void> {
    const { store, control, logger } = this.parts
    for (const id of store.ids()) {
      if (control.image.topicById(id.topicId)?.partitions[id.partition]) continue
      logger.warn({ ...id }, 'removing the log of a deleted topic')
      await store.remove(id)
    }
  }

  private async groupsLoaded(): Promise<void> {
    await Promise.all(this.loading)
    this.loading.length = 0
  }

  private warn(error: unknown, partition?: PartitionIdentity): void {
    const where = partition ? { topic: partition.topic, partition: partition.index } : {}
    this.parts.logger.error({ ...where, err: error }, 'a change could not be carried out')
  }
}
