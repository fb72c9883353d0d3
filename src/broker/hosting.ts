import type { Control, TopicImage } from '../control/types.ts'
import { partitionBrokerOptions } from '../partition/options.ts'
import { Partition } from '../partition/partition.ts'
import type { PartitionIdentity } from '../partition/types.ts'
import type { Clock } from '../std/clock.ts'
import type { Logger } from '../std/log.ts'
import type { OptionValues } from '../std/option.ts'
import type { LogStore } from '../storage/types.ts'
import type { Cleaner } from './cleaner.ts'
import type { Partitions } from './partitions.ts'
import type { Roles } from './roles.ts'
import { type TopicConfig, topicConfig } from './topic-options.ts'

/** How many logs are opened at a time: each may read its newest batches, into a buffer of its own. */
const openedTogether = 16

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

  /** Gives the open replicas of a topic the roles that they have now; at once. */
  assign(topic: TopicImage): void {
    for (const partition of this.parts.partitions.ofTopic(topic.topicId)) if (partition) this.roles.assign(partition)
  }

  /** Opens the replicas of a topic that belong here and aren't open yet. */
  async open(topic: TopicImage): Promise<void> {
    const { control, partitions } = this.parts
    const config = this.configOf(topic)
    const open = partitions.ofTopic(topic.topicId)
    const line = topic.partitions.entries()
    const openInTurn = async () => {
      for (const [index, { replicas }] of line) {
        if (!replicas.includes(control.nodeId) || open[index]) continue
        const partition = await this.openOne({ topic: topic.name, topicId: topic.topicId, index }, config)
        if (partition) this.roles.assign(partition)
      }
    }
    await Promise.all(Array.from({ length: openedTogether }, openInTurn))
  }

  /** Removes the replicas of a topic that is no more; gives their indexes. */
  async drop(topic: TopicImage): Promise<void> {
    const { partitions, store, logger } = this.parts
    for (const partition of partitions.ofTopic(topic.topicId)) if (partition) this.roles.drop(partition)
    for (const index of partitions.removeTopic(topic.topicId))
      try {
        await store.remove({ topicId: topic.topicId, partition: index })
      } catch (error) {
        // What stays behind on a failing disk goes with the next start.
        logger.error({ topic: topic.name, partition: index, err: error }, 'the log of a deleted topic was not removed')
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

  /** Logs of topics that are no more: the process died between the end of the topic and that of its logs. */
  async removeStrays(): Promise<void> {
    const { store, control, logger } = this.parts
    for (const id of store.ids()) {
      if (control.image.topicById(id.topicId)?.partitions[id.partition]) continue
      logger.warn({ ...id }, 'removing the log of a deleted topic')
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
