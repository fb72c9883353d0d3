import type { Partition } from '../partition/partition.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { TopicId } from '../storage/types.ts'

/** How requests name a partition: by topic name, or by topic id where their version has no names. */
export interface PartitionRef {
  readonly topic?: string
  readonly topicId?: TopicId
  readonly index: number
}

interface Served {
  readonly topic: string
  readonly topicId: TopicId
  /** By partition index; holes where this broker has no replica. */
  readonly partitions: (Partition | undefined)[]
}

/** The partitions that this broker serves, found by name or id. */
export class Partitions {
  private readonly byName = new Map<string, Served>()
  private readonly byId = new Map<TopicId, Served>()
  private readonly logger: Logger

  constructor(logger: Logger) {
    this.logger = logger
  }

  /** The partition, or UNKNOWN_TOPIC_OR_PARTITION (UNKNOWN_TOPIC_ID when it was asked by id). */
  find(ref: PartitionRef): Partition {
    const served = ref.topic ? this.byName.get(ref.topic) : ref.topicId ? this.byId.get(ref.topicId) : undefined
    const partition = served?.partitions[ref.index]
    if (partition) return partition
    if (!ref.topic && !served) throw new NaruError('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
    throw new NaruError('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
  }

  add(partition: Partition): void {
    let served = this.byId.get(partition.topicId)
    if (!served) {
      served = { topic: partition.topic, topicId: partition.topicId, partitions: [] }
      this.byId.set(partition.topicId, served)
      this.byName.set(partition.topic, served)
    }
    served.partitions[partition.index] = partition
  }

  /** Takes a topic out of service; who waits on it hears UNKNOWN_TOPIC_OR_PARTITION. Gives what was served. */
  removeTopic(topicId: TopicId): Partition[] {
    const served = this.byId.get(topicId)
    if (!served) return []
    this.byId.delete(topicId)
    if (this.byName.get(served.topic) === served) this.byName.delete(served.topic)
    const gone = served.partitions.filter(partition => partition !== undefined)
    for (const partition of gone)
      partition.close(new NaruError('UNKNOWN_TOPIC_OR_PARTITION', `Topic ${served.topic} was deleted.`))
    return gone
  }

  ofTopic(topicId: TopicId): readonly (Partition | undefined)[] {
    return this.byId.get(topicId)?.partitions ?? []
  }

  *all(): IterableIterator<Partition> {
    for (const served of this.byId.values()) for (const partition of served.partitions) if (partition) yield partition
  }

  /** An error without a code is a bug of ours: it is answered as UNKNOWN_SERVER_ERROR and must not go unseen. */
  reportBug(error: unknown, where: string): void {
    this.logger.error({ err: error, where }, 'unexpected error while serving a request')
  }
}
