import { type Control, leaderOf, type PartitionPlace, type TopicImage } from '../control/types.ts'
import { notLeader } from '../partition/errors.ts'
import { checkFetched } from '../partition/follower.ts'
import { partitionBrokerOptions } from '../partition/options.ts'
import { Partition } from '../partition/partition.ts'
import type { PartitionIdentity } from '../partition/types.ts'
import type { Clock } from '../std/clock.ts'
import type { Logger } from '../std/log.ts'
import type { OptionValues } from '../std/option.ts'
import type { Log, LogId, LogStore } from '../storage/types.ts'
import type { Cleaner } from './cleaner.ts'
import type { Partitions } from './partitions.ts'
import { isRackAware } from './read-replica.ts'
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
  readonly check?: Partition['check']
}

/** The logs of the replicas that this broker has, as the image says: opened, reconfigured, removed. */
export class Hosting {
  private readonly parts: HostingParts
  private readonly roles: Roles
  private readonly cleaner: Cleaner
  /** Replicas whose log could not be opened, by topic and index. */
  private readonly unopened = new Map<string, PartitionPlace>()

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

  /** Tells again, when others may have come, that replicas here can't be served: the last one in sync must have been kept. */
  forsakeUnopened(): void {
    // It may have gone and come back since.
    for (const { topicId, index } of this.unopened.values())
      if (this.parts.partitions.isOffline(topicId, index)) this.roles.forsake({ topicId, index })
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

  /** `topic`: its name, or its id where nobody knows the name any more. */
  private async removeLog(topic: string, id: LogId): Promise<void> {
    const { store, logger } = this.parts
    try {
      await store.remove(id)
    } catch (error) {
      // What stays behind on a failing disk goes with the next start.
      logger.error({ topic, partition: id.partition, err: error }, 'a log that belongs here no more was not removed')
    }
  }

  /**
   * Replaces a replica with an empty log, of which nothing is lost, by one that begins at `offset` with `batches`, which its
   * leader sent. What dies in between begins at 0, and hears from its leader where to go on; so it must not be in sync then.
   * Rejects with NOT_LEADER_OR_FOLLOWER where it can't stand back.
   */
  async renew(partition: Partition, offset: number, batches: Buffer): Promise<void> {
    const { partitions, store, control, logger } = this.parts
    const { topic, topicId, index } = partition
    if (partitions.ofTopic(topicId)[index] !== partition) return
    if (!(await this.standsBack(partition))) throw notLeader(partition)
    const image = control.image.topicById(topicId)
    if (!image) return
    logger.info({ topic, partition: index, offset }, 'a replica begins anew, where its leader does')
    this.roles.drop(partition)
    partition.close(notLeader(partition))
    await store.remove({ topicId, partition: index })
    const fresh = await this.openOne({ topic, topicId, index }, this.configOf(image), async log => {
      await log.advanceStart(offset, true)
      const fit = checkFetched(batches, log, Number.MAX_SAFE_INTEGER)
      if (fit.length > 0) log.append(fit)
    })
    if (fresh) this.roles.assign(fresh)
  }

  reconfigure(topic: TopicImage): void {
    const config = this.configOf(topic)
    for (const partition of this.parts.partitions.ofTopic(topic.topicId)) {
      if (!partition) continue
      partition.config = config.partition
      partition.log.reconfigure(config.log)
      this.roles.reconfigured(partition)
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
      await this.removeLog(id.topicId, id)
    }
  }

  private async openOne(
    identity: PartitionIdentity,
    config: TopicConfig,
    begin: (log: Log) => Promise<void> = async () => {}
  ): Promise<Partition | undefined> {
    const { store, partitions, clock, logger, values } = this.parts
    const producersMax = values.get(partitionBrokerOptions.producersMax)
    const { topicId, index } = identity
    try {
      const id = { topicId, partition: index }
      const openPartition = async () => {
        const log = await store.open(id, config.log)
        await begin(log)
        return Partition.open(log, identity, config.partition, clock, producersMax)
      }
      let partition = await openPartition()
      // Found in recovery, or just now, by what its producers were read from.
      if (partition.log.damage.isKnown && (await this.standsBack(identity))) {
        logger.warn({ topic: identity.topic, partition: index }, 'a damaged replica is thrown away and fetched again')
        partition.close(notLeader(partition))
        await store.remove(id)
        partition = await openPartition()
      }
      partition.check = this.parts.check
      partition.onFailure = failed => this.roles.failed(failed)
      partition.log.damage.onFound = () => this.roles.damaged(partition)
      partition.watchers.tellsReplicas = isRackAware(values)
      partitions.add(partition)
      this.cleaner.watch(partition)
      return partition
    } catch (error) {
      // What is broken stays offline by itself; the others are served.
      logger.error({ topic: identity.topic, partition: index, err: error }, 'a log could not be opened')
      partitions.addOffline(identity, error)
      this.unopened.set(`${topicId}:${index}`, { topicId, index })
      this.roles.forsake({ topicId, index })
      return undefined
    }
  }

  /**
   * Whether nobody counts on a replica: another broker leads, and this one is not in sync, or has just left the in-sync set.
   * One that has something is to be asked before its first fetch in this life: later its leader might take it in by what it
   * said before.
   */
  private async standsBack({ topicId, index }: PartitionPlace): Promise<boolean> {
    const { control } = this.parts
    const imageNow = () => control.image.topicById(topicId)?.partitions[index]
    const isFollower = () => {
      const image = imageNow()
      const leader = image && leaderOf(control.image, image)
      return leader !== undefined && leader.nodeId !== control.nodeId
    }
    if (!isFollower()) return false
    await control.giveAway(topicId, index)
    return isFollower() && !imageNow()?.isr.includes(control.nodeId)
  }

  private configOf(topic: TopicImage): TopicConfig {
    const { control, values } = this.parts
    return topicConfig(topic.configs, control.image, control.nodeId, values)
  }
}
