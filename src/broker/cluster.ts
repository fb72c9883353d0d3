import { type Control, leaderOf, type PartitionImage, type TopicImage } from '../control/types.ts'
import type { Clock } from '../std/clock.ts'
import { codeOf, type ErrorCode, NaruError } from '../std/errors.ts'
import type { OptionValues } from '../std/option.ts'
import type { TopicId } from '../storage/types.ts'
import type { PartitionRef, Partitions } from './partitions.ts'
import { topicAdminOptions } from './topic-admin-options.ts'
import { checkTopicName, isInternalTopic } from './topic-names.ts'
import type { Topics } from './topics.ts'

/** A broker that clients can connect to. */
export interface ReachableBroker {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | undefined
}

export interface ClusterDescription {
  readonly clusterId: string
  readonly controllerId: number
  readonly brokers: readonly ReachableBroker[]
}

/** Who keeps the cluster's metadata, and how far. */
export interface MetadataQuorum {
  readonly leader: ReachableBroker | undefined
  readonly leaderEpoch: number
  /** Revisions of the metastore stand for offsets. */
  readonly revision: number
  /** Brokers that follow the metadata. */
  readonly observers: readonly number[]
  readonly nowMs: number
}

export interface PartitionMetadata extends Omit<PartitionImage, 'leaderBrokerEpoch'> {
  readonly elr: readonly number[]
  /** The last leader, while there is none and nobody is in sync, as in Kafka. */
  readonly lastKnownElr: readonly number[]
  /** LEADER_NOT_AVAILABLE while clients can reach no leader, or its log is offline; the leader is -1 then. */
  readonly error: ErrorCode | undefined
  readonly index: number
  /** Replicas on brokers that clients can't reach, or whose log is offline. */
  readonly offline: readonly number[]
}

export interface TopicMetadata {
  readonly error?: ErrorCode
  /** Undefined where a topic was asked for by an id that is unknown. */
  readonly name: string | undefined
  readonly topicId: TopicId | undefined
  readonly internal: boolean
  readonly partitions: readonly PartitionMetadata[]
}

/** How a client names a topic: by name, or by id. */
export type TopicRef =
  | { readonly name: string; readonly topicId?: undefined }
  | { readonly name?: undefined; readonly topicId: TopicId }

/** A place between the partitions of all topics, in order of names and indexes. */
export interface PartitionCursor {
  readonly topicName: string
  readonly partitionIndex: number
}

/** What clients are told about brokers, topics and partitions. */
export class Cluster {
  private readonly control: Control
  private readonly partitions: Partitions
  private readonly topics: Topics
  private readonly describedMax: number
  private readonly clock: Clock

  constructor(parts: {
    control: Control
    partitions: Partitions
    topics: Topics
    values: OptionValues
    clock: Clock
  }) {
    this.control = parts.control
    this.partitions = parts.partitions
    this.topics = parts.topics
    this.clock = parts.clock
    this.describedMax = parts.values.get(topicAdminOptions.describedPartitionsMax)
  }

  describe(): ClusterDescription {
    const { clusterId, controllerId } = this.control.image
    return { clusterId, controllerId, brokers: this.reachable() }
  }

  /** Brokers that are away, where they last were: fenced, in Kafka's words. */
  absentees(): ReachableBroker[] {
    const nowhere = { host: '', port: -1 }
    return this.control.image.absentees().map(({ nodeId, endpoint = nowhere, rack }) => ({ nodeId, ...endpoint, rack }))
  }

  /** The controller keeps the metadata, alone; other brokers follow it. */
  quorum(): MetadataQuorum {
    const { controllerId, controllerEpoch, revision } = this.control.image
    const brokers = this.reachable()
    return {
      leader: brokers.find(({ nodeId }) => nodeId === controllerId),
      leaderEpoch: controllerEpoch,
      revision,
      observers: brokers.map(({ nodeId }) => nodeId).filter(nodeId => nodeId !== controllerId),
      nowMs: this.clock.now()
    }
  }

  /** Who leads a partition, for who asked another broker: no node while clients reach no leader; undefined for no partition. */
  leaderOf({ topic, topicId, index }: PartitionRef): { at: ReachableBroker | undefined; epoch: number } | undefined {
    const { image } = this.control
    const found = topic ? image.topic(topic) : topicId ? image.topicById(topicId) : undefined
    const partition = found?.partitions[index]
    if (!partition) return undefined
    const at = leaderOf(image, partition) && this.reachable().find(({ nodeId }) => nodeId === partition.leader)
    return { at, epoch: partition.leaderEpoch }
  }

  /** Every topic, in order of names. */
  allTopics(): TopicMetadata[] {
    const online = this.online()
    return Array.from(this.control.image.topics(), topic => this.described(topic, online))
  }

  /**
   * The topics asked for, in the order asked, each once. One that isn't there by its name is made first where `create`
   * and the broker allow it. Errors: UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, INVALID_TOPIC_EXCEPTION, and those of
   * making a topic.
   */
  async findTopics(refs: readonly TopicRef[], create: boolean): Promise<TopicMetadata[]> {
    const { image } = this.control
    const errors = new Map<string, ErrorCode | undefined>()
    const missing = new Set<string>()
    for (const { name } of refs) if (name !== undefined && !image.topic(name)) missing.add(name)
    const making = [...missing].map(async name => errors.set(name, await this.make(name, create)))
    if (making.length > 0) await Promise.all(making)
    const online = this.online()
    const found = new Map<string, TopicMetadata>()
    for (const { name, topicId } of refs) {
      if (topicId !== undefined) {
        const topic = image.topicById(topicId)
        found.set(topic?.name ?? topicId, topic ? this.described(topic, online) : unknownId(topicId))
      } else {
        const topic = image.topic(name)
        // Made elsewhere, and not in this broker's image yet: it is for the client to ask again.
        found.set(
          name,
          topic ? this.described(topic, online) : unknownName(name, errors.get(name) ?? 'LEADER_NOT_AVAILABLE')
        )
      }
    }
    return [...found.values()]
  }

  /**
   * Topics with their partitions from a place on, at most `limit` partitions; `next` is where to go on. All topics
   * for an empty list, in order of names. Throws INVALID_REQUEST for a cursor that doesn't fit.
   */
  describePartitions(
    names: readonly string[],
    cursor: PartitionCursor | null,
    limit: number
  ): { topics: TopicMetadata[]; next: PartitionCursor | undefined } {
    const { image } = this.control
    const online = this.online()
    const all = names.length === 0
    const from = cursor?.topicName ?? ''
    const wanted = all ? Array.from(image.topics(), ({ name }) => name) : [...new Set(names)].toSorted(byCodeUnits)
    if (cursor && !all && !wanted.includes(from))
      throw new NaruError(
        'INVALID_REQUEST',
        `DescribeTopicPartitionsRequest topic list should contain the cursor topic: ${from}`
      )
    if (cursor && cursor.partitionIndex < 0)
      throw new NaruError(
        'INVALID_REQUEST',
        `DescribeTopicPartitionsRequest cursor partition must be valid: ${cursor.partitionIndex}`
      )
    let left = Math.max(1, Math.min(limit, this.describedMax))
    const topics: TopicMetadata[] = []
    for (const name of wanted) {
      if (name < from) continue
      if (left === 0) return { topics, next: { topicName: name, partitionIndex: 0 } }
      const topic = image.topic(name)
      if (!topic) {
        topics.push(unknownName(name, whyUnknown(name)))
        continue
      }
      const first = name === from ? (cursor?.partitionIndex ?? 0) : 0
      const part = topic.partitions.slice(first, first + left)
      topics.push(this.described(topic, online, first, part))
      left -= part.length
      const next = first + part.length
      if (next < topic.partitions.length) return { topics, next: { topicName: name, partitionIndex: next } }
    }
    return { topics, next: undefined }
  }

  /** What keeps a topic that isn't there from being there; undefined when it was made. */
  private async make(name: string, create: boolean): Promise<ErrorCode | undefined> {
    const error = whyUnknown(name)
    if (error === 'INVALID_TOPIC_EXCEPTION' || !create || !this.topics.autoCreates) return error
    return this.topics.autoCreate(name)
  }

  private reachable(): ReachableBroker[] {
    return this.control.image
      .brokers()
      .flatMap(({ nodeId, endpoint, rack }) => (endpoint ? [{ nodeId, ...endpoint, rack }] : []))
  }

  private online(): ReadonlySet<number> {
    return new Set(this.reachable().map(({ nodeId }) => nodeId))
  }

  private described(
    topic: TopicImage,
    online: ReadonlySet<number>,
    first = 0,
    partitions: readonly PartitionImage[] = topic.partitions
  ): TopicMetadata {
    const { nodeId } = this.control
    return {
      name: topic.name,
      topicId: topic.topicId,
      internal: isInternalTopic(topic.name),
      partitions: partitions.map((partition, at) => {
        const index = first + at
        const failed = this.partitions.isOffline(topic.topicId, index)
        const isOnline = (replica: number) => online.has(replica) && !(failed && replica === nodeId)
        const isHere = partition.leader !== nodeId || this.partitions.isLedHere(topic.topicId, index)
        const led = isHere && isOnline(partition.leader) && leaderOf(this.control.image, partition) !== undefined
        return {
          error: led ? undefined : 'LEADER_NOT_AVAILABLE',
          index,
          leader: led ? partition.leader : -1,
          leaderEpoch: partition.leaderEpoch,
          replicas: partition.replicas,
          ...this.inSync(partition),
          offline: partition.replicas.filter(replica => !isOnline(replica))
        }
      })
    }
  }

  /**
   * Who is in sync and who is eligible, in Kafka's words: there nobody is in sync once all of the ISR are gone, and those who
   * were are eligible. Here the last ones keep their place.
   */
  private inSync({ leader, replicas, isr, elr = [] }: PartitionImage) {
    const { image } = this.control
    if (isr.some(nodeId => image.broker(nodeId))) return { isr, elr, lastKnownElr: [] }
    const eligible = replicas.filter(nodeId => isr.includes(nodeId) || elr.includes(nodeId))
    return { isr: [], elr: eligible, lastKnownElr: leader === -1 ? [] : [leader] }
  }
}

function unknownName(name: string, error: ErrorCode): TopicMetadata {
  return { error, name, topicId: undefined, internal: isInternalTopic(name), partitions: [] }
}

function unknownId(topicId: TopicId): TopicMetadata {
  return { error: 'UNKNOWN_TOPIC_ID', name: undefined, topicId, internal: false, partitions: [] }
}

function whyUnknown(name: string): ErrorCode {
  try {
    checkTopicName(name)
    return 'UNKNOWN_TOPIC_OR_PARTITION'
  } catch (error) {
    return codeOf(error)
  }
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
