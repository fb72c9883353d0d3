import type { Control, TopicImage } from '../control/types.ts'
import type { TopicId } from '../storage/types.ts'

/** How many partitions there are of all topics, those just being made included. Follows the image. */
export class PartitionTotal {
  private readonly byTopic = new Map<TopicId, number>()
  private there = 0
  private planned = 0

  constructor(control: Control) {
    for (const topic of control.image.topics()) this.set(topic)
    control.onChange(({ created, repartitioned, deleted }) => {
      for (const topic of created) this.set(topic)
      for (const topic of repartitioned) this.set(topic)
      for (const { topicId } of deleted) this.there -= this.take(topicId)
    })
  }

  get count(): number {
    return this.there + this.planned
  }

  /** Counts partitions that are being made until `made` comes back. */
  async during<T>(partitions: number, made: () => Promise<T>): Promise<T> {
    this.planned += partitions
    try {
      return await made()
    } finally {
      this.planned -= partitions
    }
  }

  private set({ topicId, partitions }: TopicImage): void {
    this.there += partitions.length - this.take(topicId)
    this.byTopic.set(topicId, partitions.length)
  }

  private take(topicId: TopicId): number {
    const count = this.byTopic.get(topicId) ?? 0
    this.byTopic.delete(topicId)
    return count
  }
}
