import { Anomalies } from '../anomaly.ts'
import type { PartitionWatch } from '../partition-watch.ts'
import type { TopicPlan } from '../plan.ts'

/** What a producer was told of a record: nothing (or nothing for sure), its place, or that it was not taken. */
export type Fate = 'unknown' | 'refused' | { readonly offset: number }

export interface ProducerHistory {
  readonly name: string
  readonly acks: number
  /** Its records must be there once each, in order, however often it sent them. */
  readonly idempotent: boolean
  /** By value, in the order of sending. */
  readonly records: Map<string, { fate: Fate; readonly key: string }>
  /** How many records were acknowledged. */
  acknowledged: number
}

/** What clients have seen of one partition. */
export class PartitionHistory {
  readonly topic: TopicPlan
  readonly index: number
  readonly producers: ProducerHistory[] = []
  /** By offset, as consumers have read them. */
  readonly read = new Map<number, string>()
  /** What must never have happened. */
  readonly anomalies = new Anomalies()
  /** Records below were, or may have been, deleted on purpose. */
  deletedBelow = 0

  private readonly watch: Pick<PartitionWatch, 'mayLose' | 'mayLoseAt' | 'mayBeTwice'>

  constructor(topic: TopicPlan, index: number, watch: Pick<PartitionWatch, 'mayLose' | 'mayLoseAt' | 'mayBeTwice'>) {
    this.topic = topic
    this.index = index
    this.watch = watch
  }

  /** Something that was acknowledged may be gone, and other records be in its place. */
  get mayLose(): boolean {
    return this.watch.mayLose(this.topic.name, this.index)
  }

  /** What was acknowledged at this offset may be gone. */
  mayLoseAt(offset: number): boolean {
    return this.watch.mayLoseAt(this.topic.name, this.index, offset)
  }

  /** The record at `offset` may be the one at `before`, of which its leader could not know. */
  mayBeTwice(offset: number, before: number): boolean {
    return this.watch.mayBeTwice(this.topic.name, this.index, offset, before)
  }

  get name(): string {
    return `${this.topic.name}-${this.index}`
  }

  /** A consumer has read a record. */
  saw(offset: number, value: string): void {
    const before = this.read.get(offset)
    if (before !== undefined && before !== value && !this.mayLose)
      this.anomalies.add('changed', `offset ${offset} was read as ${before} and as ${value}`)
    this.read.set(offset, value)
  }

  get acknowledgedCount(): number {
    return this.producers.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
  }
}

/** What a group was told of its offsets in one partition. */
export class CommitHistory {
  /** What every answer from now on must have reached. */
  floor = -1
  /** The most that was ever asked to be committed. */
  asked = -1
}
