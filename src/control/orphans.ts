import type { Operation } from '../metastore/metastore.ts'
import type { TopicId } from '../storage/types.ts'
import { keys, parse, type Signature } from './keys.ts'
import { absent, guard, type Metadata, madeBy } from './metadata.ts'

/** Keys of partitions without a topic: of one that is being made, or what is left of a creation or deletion that came to no end. */
export class Orphans {
  private readonly metadata: Metadata

  constructor(metadata: Metadata) {
    this.metadata = metadata
  }

  get any(): boolean {
    return this.metadata.image.orphans().length > 0
  }

  /** Removes what nobody is about to need. */
  async sweep(): Promise<void> {
    const { image, metastore } = this.metadata
    for (const topicId of image.orphans()) {
      const key = keys.creating(topicId)
      const { item } = await guard(metastore.get(key))
      const maker = item && parse<Signature>(item.value)
      // Still being made.
      if (maker && image.incarnationOf(maker.nodeId) === maker.incarnation) continue
      if (item) await this.metadata.txn([madeBy(key, item.createRevision)], [{ type: 'delete', key }])
      // It may have been made by now, which the image doesn't know yet.
      await this.metadata.each([absent(key), absent(keys.topic(topicId))], this.deletions(topicId))
    }
  }

  /** Removes what is left of a topic that is no more, or comes no more. */
  async remove(topicId: TopicId): Promise<void> {
    await this.metadata.each([], this.deletions(topicId))
  }

  private deletions(topicId: TopicId): Operation[] {
    return this.metadata.image
      .partitionIndexes(topicId)
      .map(index => ({ type: 'delete', key: keys.partition(topicId, index) }))
  }
}
