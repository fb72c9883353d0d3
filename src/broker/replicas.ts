import { isReassigning, reassigned, reverted, targetOf } from '../control/reassignment.ts'
import type { Control, ElectionType, PartitionImage } from '../control/types.ts'
import { NaruError } from '../std/errors.ts'
import type { TopicId } from '../storage/types.ts'
import { checkChosen } from './chosen-replicas.ts'
import type { Partitions } from './partitions.ts'
import type { Refusal } from './refusal.ts'

/** The replicas that a partition shall have; null for those that it had before. */
export interface ReassignmentTarget {
  readonly topic: string
  readonly index: number
  readonly replicas: readonly number[] | null
}

/** Partitions of a topic whose replicas are being moved. */
export interface Reassignment {
  readonly topic: string
  readonly partitions: {
    readonly index: number
    readonly replicas: readonly number[]
    readonly adding: readonly number[]
    readonly removing: readonly number[]
  }[]
}

/** Who leads partitions and which brokers have replicas. Words are Kafka's. */
export class Replicas {
  private readonly control: Control
  private readonly partitions: Partitions

  constructor(parts: { control: Control; partitions: Partitions }) {
    this.control = parts.control
    this.partitions = parts.partitions
  }

  /** Every partition, in order of topics' names. */
  *all(): IterableIterator<{ topic: string; indexes: number[] }> {
    for (const { name, partitions } of this.control.image.topics())
      yield { topic: name, indexes: [...partitions.keys()] }
  }

  /**
   * Elects a leader; undefined when that is done, else why not: ELECTION_NOT_NEEDED, UNKNOWN_TOPIC_OR_PARTITION,
   * PREFERRED_LEADER_NOT_AVAILABLE or ELIGIBLE_LEADERS_NOT_AVAILABLE.
   */
  async elect(name: string, index: number, type: ElectionType): Promise<Refusal | undefined> {
    const topic = this.control.image.topic(name)
    if (!topic) return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `No such topic as ${name}` }
    // A leader whose log is offline is none.
    const failed = topic.partitions[index]?.leader === this.control.nodeId && this.isOffline(topic.topicId, index)
    const election = failed ? 'no candidate' : await this.control.elect(topic.topicId, index, type)
    switch (election) {
      case 'elected':
        return undefined
      case 'not needed':
        return { error: 'ELECTION_NOT_NEEDED', message: 'Leader election not needed for topic partition.' }
      case 'unknown partition':
        return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `No such partition as ${name}-${index}` }
      case 'no candidate':
        return type === 'preferred'
          ? { error: 'PREFERRED_LEADER_NOT_AVAILABLE', message: 'The preferred leader was not available.' }
          : {
              error: 'ELIGIBLE_LEADERS_NOT_AVAILABLE',
              message: 'Eligible topic partition leaders are not available.'
            }
    }
  }

  /** Ends a broker for good (see `Control.unregister`). Throws BROKER_ID_NOT_REGISTERED. */
  async unregister(nodeId: number): Promise<void> {
    if (await this.control.unregister(nodeId)) return
    throw new NaruError('BROKER_ID_NOT_REGISTERED', `Broker ID ${nodeId} is not currently registered`)
  }

  /**
   * Gives partitions other replicas, each on its own; null cancels a reassignment. Resolves to what kept each from it, in their order:
   * NO_REASSIGNMENT_IN_PROGRESS, INVALID_REPLICA_ASSIGNMENT, INVALID_REPLICATION_FACTOR (unless their number may change) or
   * UNKNOWN_TOPIC_OR_PARTITION. What moves is in the metastore then; `reassigning` tells how far it is.
   */
  async reassign(targets: readonly ReassignmentTarget[], mayResize: boolean): Promise<(NaruError | undefined)[]> {
    const errors: (NaruError | undefined)[] = []
    const updates = targets.flatMap(({ topic: name, index, replicas }, at) => {
      const topic = this.control.image.topic(name)
      if (!topic) {
        errors[at] = unknown(`Unable to find a topic named ${name}.`)
        return []
      }
      // Until the change has been made once.
      errors[at] = unknown(`Unable to find partition ${name}:${index}.`)
      const change = (partition: PartitionImage) => {
        try {
          errors[at] = undefined
          return replicas === null
            ? this.cancelled(name, index, partition)
            : this.changed(partition, replicas, mayResize)
        } catch (error) {
          if (!(error instanceof NaruError)) throw error
          errors[at] = error
          return undefined
        }
      }
      return { topicId: topic.topicId, index, change }
    })
    await this.control.updatePartitions(updates)
    return targets.map((_, at) => errors[at])
  }

  /** The partitions whose replicas are being moved: of those asked for, or all. */
  reassigning(asked?: readonly { readonly topic: string; readonly indexes: readonly number[] }[]): Reassignment[] {
    const { image } = this.control
    const places = asked
      ? asked.flatMap(({ topic, indexes }) => {
          const topicId = image.topic(topic)?.topicId
          return topicId === undefined ? [] : indexes.map(index => ({ topicId, index }))
        })
      : [...image.reassigning()]
    const byTopic = new Map<TopicId, Reassignment>()
    for (const { topicId, index } of places) {
      const topic = image.topicById(topicId)
      const partition = topic?.partitions[index]
      if (!topic || !partition || !isReassigning(partition)) continue
      const { replicas, adding = [], removing = [] } = partition
      const found = byTopic.get(topicId) ?? { topic: topic.name, partitions: [] }
      byTopic.set(topicId, found)
      found.partitions.push({ index, replicas, adding, removing })
    }
    return [...byTopic.values()]
  }

  private cancelled(name: string, index: number, partition: PartitionImage): PartitionImage {
    if (!isReassigning(partition))
      throw new NaruError('NO_REASSIGNMENT_IN_PROGRESS', 'No partition reassignment is in progress.')
    const reverting = reverted(this.control.image, partition)
    if (reverting) return reverting
    throw new NaruError(
      'INVALID_REPLICA_ASSIGNMENT',
      `Unable to revert partition assignment for ${name}:${index} because it would require an unclean leader election.`
    )
  }

  private changed(
    partition: PartitionImage,
    replicas: readonly number[],
    mayResize: boolean
  ): PartitionImage | undefined {
    const { image } = this.control
    // Replicas may go to a broker that is away and stay on one that is forgotten.
    checkChosen(image, replicas, { has: partition.replicas })
    const count = targetOf(partition).length
    if (!mayResize && replicas.length !== count)
      throw new NaruError(
        'INVALID_REPLICATION_FACTOR',
        `The replication factor is changed from ${count} to ${replicas.length}`
      )
    return reassigned(image, partition, replicas)
  }

  private isOffline(topicId: TopicId, index: number): boolean {
    return this.partitions.isOffline(topicId, index)
  }
}

function unknown(message: string): NaruError {
  return new NaruError('UNKNOWN_TOPIC_OR_PARTITION', message)
}
