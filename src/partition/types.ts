import type { TopicId } from '../storage/types.ts'

export interface PartitionIdentity {
  readonly topic: string
  readonly topicId: TopicId
  readonly index: number
}

/** Where a batch landed, or had landed before when it repeats one (`duplicate`). */
export interface Appended {
  readonly baseOffset: number
  readonly lastOffset: number
  /** The time that LogAppendTime wrote into the batch, else -1. */
  readonly logAppendTimeMs: number
}

/**
 * Told when the high watermark has moved (a follower's: when something was appended), or when the partition can't serve
 * any more. Called synchronously: be brief.
 */
export interface Watcher {
  readonly isReplica: boolean
  advanced(): void
  /** The high watermark has moved, which a replica is told with whatever it is told next. */
  committed(): void
}
