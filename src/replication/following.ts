import type { FollowerRole } from '../partition/follower.ts'
import type { Partition } from '../partition/partition.ts'

/** A partition that this broker follows, as the lane that fetches it sees it. */
export class Following {
  readonly partition: Partition
  readonly role: FollowerRole
  readonly key: string
  /** The first request that named it, since it was last taken in: what answers to earlier ones is not meant for it. */
  since: number | undefined
  /** Where the last request that named it fetches from. */
  askedFrom = 0
  /** The error that was reported last and is not over. */
  trouble: string | undefined

  constructor(partition: Partition, role: FollowerRole) {
    this.partition = partition
    this.role = role
    this.key = followingKey(partition)
  }
}

export const followingKey = ({ topicId, index }: { topicId: string; index: number }): string => `${topicId}:${index}`
