import { checkAssignment } from '../control/placement.ts'
import type { Control, ElectionType, PartitionImage } from '../control/types.ts'
import { NaruError } from '../std/errors.ts'
import type { TopicId } from '../storage/types.ts'
import type { Partitions } from './partitions.ts'
import type { Refusal } from './refusal.ts'

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

  /**
   * Gives a partition these replicas; null cancels a reassignment. Throws NO_REASSIGNMENT_IN_PROGRESS,
   * INVALID_REPLICA_ASSIGNMENT, INVALID_REPLICATION_FACTOR (their number may not change) and UNKNOWN_TOPIC_OR_PARTITION.
   */
  reassign(name: string, index: number, replicas: readonly number[] | null, mayResize: boolean): void {
    const partition = this.find(name, index)
    if (replicas === null)
      throw new NaruError('NO_REASSIGNMENT_IN_PROGRESS', 'No partition reassignment is in progress.')
    const brokers = this.control.image.brokers().map(({ nodeId }) => nodeId)
    checkAssignment(replicas, brokers, undefined)
    if (!mayResize && replicas.length !== partition.replicas.length)
      throw new NaruError(
        'INVALID_REPLICATION_FACTOR',
        `The replication factor is changed from ${partition.replicas.length} to ${replicas.length}`
      )
    if (replicas.join() !== partition.replicas.join())
      throw new NaruError(
        'INVALID_REPLICA_ASSIGNMENT',
        `Replicas are not moved between brokers: ${name}-${index} stays on ${partition.replicas.join(', ')}.`
      )
  }

  private find(name: string, index: number): PartitionImage {
    const topic = this.control.image.topic(name)
    if (!topic) throw unknown(`Unable to find a topic named ${name}.`)
    const partition = topic.partitions[index]
    if (!partition) throw unknown(`Unable to find partition ${name}:${index}.`)
    return partition
  }

  private isOffline(topicId: TopicId, index: number): boolean {
    return this.partitions.isOffline(topicId, index)
  }
}

function unknown(message: string): NaruError {
  return new NaruError('UNKNOWN_TOPIC_OR_PARTITION', message)
}
