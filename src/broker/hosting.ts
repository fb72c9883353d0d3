import type { Control, PartitionPlace, TopicImage } from '../control/types.ts'
import { partitionBrokerOptions } from '../partition/options.ts'
import { Partition } from '../partition/partition.ts'
import type { PartitionIdentity } from '../partition/types.ts'
import type { Clock } from '../std/clock.ts'
import type { Logger } from '../std/log.ts'
import type { OptionValues } from '../std/option.ts'
import type { LogId, LogStore } from '../storage/types.ts'
import type { Cleaner } from './cleaner.ts'
import type { Partitions } from './partitions.ts'
import type { Roles } from './roles.ts'
import { type TopicConfig, topicConfig } from './topic-options.ts'

/** How many logs are opened at a time: each may read its newest batches, into a buffer of its own. */
const openedTogether = 16
/** After so many others have their turn. */
const adjustedPerTurn = 64

export interface HostingParts {
  readonly store: LogStore
  readonly control: Control
  readonly partitions: Partitions
  readonly values: OptionValues
  readonly clock: Clock
  readonly logger: Logger
}

/** The logs of the replicas that this broker has, as the image says: opened, reconfigured, removed. */
export class Hosting {
  private readonly parts: HostingParts
  private readonly roles: Roles
  private readonly cleaner: Cleaner

  constructor(parts: HostingParts, roles: Roles, cleaner: Cleaner) {
    this.parts = parts
    this.roles = roles
    this.cleaner = cleaner
  }

  /** Gives open replicas the roles that they have now; at once. */
  assign(places: readonly PartitionPlace[]): void {
    for (const { topicId, index } of places) {
      const partition = this.parts.partitions.ofTopic(topicId)[index]
      if (partition) this.roles.assign(partition)
    }
  }

  /** Opens the replicas of a topic that belong here and aren't open yet. */
  open({ topicId, partitions }: TopicImage): Promise<void> {
    return this.adjust(Array.from(partitions.keys(), index => ({ topicId, index })))
  }

  /** Opens the replicas that belong here and aren't open yet, and removes those that don't belong here any more: as the image is now. */
  async adjust(places: readonly PartitionPlace[]): Promise<void> {
    const { control, partitions } = this.parts
    const line = places.values()
    const configs = new Map<TopicImage, TopicConfig>()
    let count = 0
    const adjustInTurn = async () => {
      for (const { topicId, index } of line) {
        // Thousands of them must not keep clients, or the lease, waiting.
        if (++count % adjustedPerTurn === 0) await new Promise<void>(resolve => setImmediate(resolve))
        const topic = control.image.topicById(topicId)
        const image = topic?.partitions[index]
        if (!topic || !image) continue
        if (!image.replicas.includes(control.nodeId)) await this.remove(topic, index)
        else if (!partitions.ofTopic(topicId)[index]) {
          const config = configs.get(topic) ?? this.configOf(topic)
          configs.set(topic, config)
          const partition = await this.openOne({ topic: topic.name, topicId, index }, config)
          if (partition) this.roles.assign(partition)
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(openedTogether, places.length) }, adjustInTurn))
  }

  /** Removes a replica that was moved elsewhere: the metastore says so, which no restart takes back. */
  private async remove({ topicId, name }: TopicImage, index: number): Promise<void> {
    const { partitions } = this.parts
    const partition = partitions.ofTopic(topicId)[index]
    if (partition) this.roles.drop(partition)
    if (!partitions.remove(topicId, index)) return
    await this.removeLog(name, { topicId, partition: index })
  }

  /** Removes the replicas of a topic that is no more; gives their indexes. */
  async drop(topic: TopicImage): Promise<void> {
    const { partitions } = this.parts
    for (const partition of partitions.ofTopic(topic.topicId)) if (partition) this.roles.drop(partition)
    for (const index of partitions.removeTopic(topic.topicId))
      await this.removeLog(topic.name, { topicId: topic.topicId, partition: index })
  }

  private async removeLog(topic: string, id: LogId): Promise<void> {
    const { store, logger } = this.parts
    try {
      await store.remove(id)
    } catch (error) {
      // What stays behind on a failing disk goes with the next start.
      logger.error({ topic, partition: id.partition, err: error }, 'a log that belongs here no more was not removed')
    }
  }

  reconfigure(topic: TopicImage): void {
    const config = this.configOf(topic)
    for (const partition of this.parts.partitions.ofTopic(topic.topicId)) {
      if (!partition) continue
      partition.config = config.partition
      partition.log.reconfigure(config.log)
      partition.commit()
      this.cleaner.note(partition)
    }
  }

  /** Logs of topics that were deleted, and of replicas that were moved elsewhere, while this broker was away or before it had removed them. */
  async removeStrays(): Promise<void> {
    const { store, control, logger } = this.parts
    for (const id of store.ids()) {
      const image = control.image.topicById(id.topicId)?.partitions[id.partition]
      if (image?.replicas.includes(control.nodeId)) continue
      logger.warn({ ...id }, 'removing the log of a partition that was deleted, or moved to other brokers')
      await store.remove(id)
    }
  }

  private async openOne(identity: PartitionIdentity, config: TopicConfig): Promise<Partition | undefined> {
    const { store, partitions, clock, logger, control, values } = this.parts
    const producersMax = values.get(partitionBrokerOptions.producersMax)
    const { topicId, index } = identity
    try {
      const log = await store.open({ topicId, partition: index }, config.log)
      const partition = await Partition.open(log, identity, config.partition, clock, producersMax)
      partition.onFailure = failed => this.roles.failed(failed)
      partitions.add(partition)
      this.cleaner.watch(partition)
      return partition
    } catch (error) {
      // What is broken stays offline by itself; the others are served.
      logger.error({ topic: identity.topic, partition: index, err: error }, 'a log could not be opened')
      partitions.addOffline(identity, error)
      control
        .giveAway(topicId, index)
        .catch(cause => logger.warn({ err: cause }, 'an offline partition was not given away'))
      return undefined
    }
  }

  private configOf(topic: TopicImage): TopicConfig {
    const { control, values } = this.parts
    return topicConfig(topic.configs, control.image, control.nodeId, values)
  }
}
