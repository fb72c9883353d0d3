import { checkLeaderEpoch } from '../partition/epochs.ts'
import { notLeader, storageError } from '../partition/errors.ts'
import type { Partition } from '../partition/partition.ts'
import type { PartitionIdentity } from '../partition/types.ts'
import { codeOf, type ErrorCode, NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { TopicId } from '../storage/types.ts'

/** How requests name a partition: by topic name, or by topic id where their version has no names. */
export interface PartitionRef {
  readonly topic?: string
  readonly topicId?: TopicId
  readonly index: number
  /** The leader epoch that the client believes in (KIP-320); -1, and none, asks for no check. */
  readonly currentLeaderEpoch?: number
}

interface Served {
  readonly topic: string
  readonly topicId: TopicId
  /** By partition index; holes where this broker has no replica. */
  readonly partitions: (Partition | undefined)[]
  /** By partition index: why a partition that should be served is not. */
  readonly offline: (NaruError | undefined)[]
}

/** The partitions that this broker serves, found by name or id. */
export class Partitions {
  private readonly byName = new Map<string, Served>()
  private readonly byId = new Map<TopicId, Served>()
  private readonly logger: Logger
  private readonly exists: (ref: PartitionRef) => boolean

  /** `exists`: whether the cluster has a partition, here or elsewhere. */
  constructor(logger: Logger, exists: (ref: PartitionRef) => boolean = () => false) {
    this.logger = logger
    this.exists = exists
  }

  /**
   * The partition, which this broker leads; or NOT_LEADER_OR_FOLLOWER when another does, UNKNOWN_TOPIC_OR_PARTITION
   * (UNKNOWN_TOPIC_ID when it was asked by id), or KAFKA_STORAGE_ERROR when its log could not be opened. Epochs come first,
   * as in Kafka: FENCED_LEADER_EPOCH and UNKNOWN_LEADER_EPOCH are said by followers too.
   */
  find(ref: PartitionRef): Partition {
    const partition = this.hosted(ref)
    if (partition.failure) return partition
    checkLeaderEpoch(ref.currentLeaderEpoch ?? -1, partition.leaderEpoch)
    if (partition.leader) return partition
    throw notLeader(partition)
  }

  /** The same for consumers that may read from a follower, too (KIP-392). */
  readable(ref: PartitionRef): Partition {
    const partition = this.hosted(ref)
    if (partition.failure) return partition
    checkLeaderEpoch(ref.currentLeaderEpoch ?? -1, partition.leaderEpoch)
    if (partition.leader || partition.follower) return partition
    throw notLeader(partition)
  }

  /** The same for any replica that this broker has. */
  hosted(ref: PartitionRef): Partition {
    const served = ref.topic ? this.byName.get(ref.topic) : ref.topicId ? this.byId.get(ref.topicId) : undefined
    const partition = served?.partitions[ref.index]
    if (partition) return partition
    const offline = served?.offline[ref.index]
    if (offline) throw offline
    if (this.exists(ref)) throw new NaruError('NOT_LEADER_OR_FOLLOWER', 'This server has no replica of it.')
    if (!ref.topic && !served) throw new NaruError('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
    throw new NaruError('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
  }

  /** `find`, with the error's code instead of the error: where not to find one is nothing unusual. */
  lookUp(ref: PartitionRef): Partition | ErrorCode {
    return this.orCode(() => this.find(ref))
  }

  /** `hosted` in the same way. */
  lookUpHosted(ref: PartitionRef): Partition | ErrorCode {
    return this.orCode(() => this.hosted(ref))
  }

  private orCode(find: () => Partition): Partition | ErrorCode {
    try {
      return find()
    } catch (error) {
      return codeOf(error)
    }
  }

  add(partition: Partition): void {
    const { partitions, offline } = this.served(partition)
    partitions[partition.index] = partition
    delete offline[partition.index]
  }

  /** A partition that can't be served because its log could not be opened: whoever asks for it is told. */
  addOffline(partition: PartitionIdentity, cause: unknown): void {
    this.served(partition).offline[partition.index] = storageError(partition, cause)
  }

  /** Whether this broker has a replica of the partition that it can't serve. */
  isOffline(topicId: TopicId, index: number): boolean {
    const served = this.byId.get(topicId)
    return served !== undefined && Boolean(served.offline[index] ?? served.partitions[index]?.failure)
  }

  /** Whether this broker can serve what the image says that it leads. */
  isLedHere(topicId: TopicId, index: number): boolean {
    return !this.isOffline(topicId, index) && !this.byId.get(topicId)?.partitions[index]?.isOvertaken
  }

  /** Takes a topic out of service; who waits on it hears UNKNOWN_TOPIC_OR_PARTITION. Gives the indexes that were here. */
  removeTopic(topicId: TopicId): number[] {
    const served = this.byId.get(topicId)
    if (!served) return []
    this.byId.delete(topicId)
    if (this.byName.get(served.topic) === served) this.byName.delete(served.topic)
    for (const partition of served.partitions)
      partition?.close(new NaruError('UNKNOWN_TOPIC_OR_PARTITION', `Topic ${served.topic} was deleted.`))
    return Object.keys({ ...served.partitions, ...served.offline }).map(Number)
  }

  /** Takes one replica out of service; who waits on it is told to look elsewhere. False when there is none here. */
  remove(topicId: TopicId, index: number): boolean {
    const served = this.byId.get(topicId)
    const partition = served?.partitions[index]
    if (!served || !(partition || served.offline[index])) return false
    delete served.partitions[index]
    delete served.offline[index]
    partition?.close(notLeader(partition))
    return true
  }

  ofTopic(topicId: TopicId): readonly (Partition | undefined)[] {
    return this.byId.get(topicId)?.partitions ?? []
  }

  *all(): IterableIterator<Partition> {
    for (const served of this.byId.values()) for (const partition of served.partitions) if (partition) yield partition
  }

  private served({ topic, topicId }: { topic: string; topicId: TopicId }): Served {
    let served = this.byId.get(topicId)
    if (!served) {
      served = { topic, topicId, partitions: [], offline: [] }
      this.byId.set(topicId, served)
      this.byName.set(topic, served)
    }
    return served
  }

  /** An error without a code is a bug of ours: it is answered as UNKNOWN_SERVER_ERROR and must not go unseen. */
  reportBug(error: unknown, where: string): void {
    this.logger.error({ err: error, where }, 'unexpected error while serving a request')
  }
}
