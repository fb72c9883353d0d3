import type { Compare } from '../metastore/metastore.ts'
import { assert } from '../std/assert.ts'
import type { TopicId } from '../storage/types.ts'
import { electedBy, withIsr, without } from './election.ts'
import type { ElectionCounters } from './election-counters.ts'
import { format, keys } from './keys.ts'
import { type Metadata, registeredAs } from './metadata.ts'
import type { PartitionChanges } from './partition-changes.ts'
import type { TopicPolicy } from './topic-policy.ts'
import type { Election, ElectionType, IsrChange, PartitionImage, TopicImage } from './types.ts'

/** Who leads a partition and who is in sync, changed by compare-and-set on what the image says. */
export class RoleChanges {
  private readonly metadata: Metadata
  private readonly changes: PartitionChanges
  private readonly policyOf: (topic: TopicImage) => TopicPolicy
  private readonly elections: ElectionCounters

  constructor(
    metadata: Metadata,
    changes: PartitionChanges,
    policyOf: (topic: TopicImage) => TopicPolicy,
    elections: ElectionCounters
  ) {
    this.metadata = metadata
    this.changes = changes
    this.policyOf = policyOf
    this.elections = elections
  }

  /** See `Control.changeIsr`. */
  async changeIsr(topicId: TopicId, index: number, expected: PartitionImage, change: IsrChange): Promise<boolean> {
    const { isr, joining, minIsr } = change
    assert(isr.includes(expected.leader), 'a leader is in its ISR')
    if (this.metadata.image.topicById(topicId)?.partitions[index] !== expected) return false
    return this.put(
      topicId,
      index,
      withIsr(expected, isr, minIsr),
      joining.map(({ nodeId, epoch }) => registeredAs(nodeId, epoch))
    )
  }

  async elect(topicId: TopicId, index: number, type: ElectionType): Promise<Election> {
    const { image } = this.metadata
    for (;;) {
      const topic = image.topicById(topicId)
      const partition = topic?.partitions[index]
      if (!partition) return 'unknown partition'
      const elected = electedBy(type, image, partition, this.policyOf(topic))
      if (typeof elected === 'string') return elected
      if (await this.putElected(topicId, index, elected)) return 'elected'
    }
  }

  /** A node's replica is neither in sync nor eligible any more, and doesn't lead, if that may be: see `without`. */
  async giveAway(topicId: TopicId, index: number, nodeId: number): Promise<void> {
    const { image } = this.metadata
    for (;;) {
      const topic = image.topicById(topicId)
      const partition = topic?.partitions[index]
      const left = partition && without(image, partition, nodeId, this.policyOf(topic))
      if (!left) return
      const isElected = left.leaderEpoch > partition.leaderEpoch
      if (await (isElected ? this.putElected(topicId, index, left) : this.put(topicId, index, left, []))) return
    }
  }

  private async putElected(topicId: TopicId, index: number, elected: PartitionImage): Promise<boolean> {
    const before = this.metadata.image.topicById(topicId)?.partitions[index]
    const done = await this.put(topicId, index, elected, [registeredAs(elected.leader, elected.leaderBrokerEpoch)])
    if (done) this.elections.count(before, elected)
    return done
  }

  private put(topicId: TopicId, index: number, value: PartitionImage, compares: readonly Compare[]): Promise<boolean> {
    return this.changes.put({ key: keys.partition(topicId, index), value: format(value), compares })
  }
}
