import type { CommittedOffset } from './records.ts'

/** The committed offsets of one group, by topic and partition. */
export class GroupOffsets {
  private readonly topics = new Map<string, Map<number, CommittedOffset>>()

  get isEmpty(): boolean {
    return this.topics.size === 0
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.topics.get(topic)?.get(partition)
  }

  ofTopic(topic: string): ReadonlyMap<number, CommittedOffset> | undefined {
    return this.topics.get(topic)
  }

  /** Every topic that has offsets, with its partitions. */
  byTopic(): IterableIterator<[string, ReadonlyMap<number, CommittedOffset>]> {
    return this.topics.entries()
  }

  /** Gives whether it is a new one. */
  set(topic: string, partition: number, offset: CommittedOffset): boolean {
    let partitions = this.topics.get(topic)
    if (!partitions) {
      partitions = new Map()
      this.topics.set(topic, partitions)
    }
    const before = partitions.size
    partitions.set(partition, offset)
    return partitions.size > before
  }

  /** Gives whether it was there. */
  delete(topic: string, partition: number): boolean {
    const partitions = this.topics.get(topic)
    if (!partitions?.delete(partition)) return false
    if (partitions.size === 0) this.topics.delete(topic)
    return true
  }
}
