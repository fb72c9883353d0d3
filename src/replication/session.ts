import type { RequestInputOf } from '../schema/message.ts'
import type { Fetch } from '../wire/kafka/messages/fetch.ts'
import type { Following } from './following.ts'

type Topics = RequestInputOf<typeof Fetch>['topics']

/**
 * A follower's side of an incremental fetch session (KIP-227): what of its partitions the next request must name. Cost
 * follows change: a partition is named when its position moved, when it came, and when it goes.
 */
export class FollowerSession {
  private readonly members = new Map<string, Following>()
  private readonly changed = new Set<Following>()
  /** In the leader's session, but not of this follower any more. */
  private readonly forgotten = new Map<string, { topicId: string; index: number }>()
  /** What the leader's session holds. */
  private readonly known = new Set<string>()
  private id = 0
  private epoch = 0

  get size(): number {
    return this.members.size
  }

  /** The leader has told the session's id: requests may follow one another without waiting for answers. */
  get isOpen(): boolean {
    return this.id !== 0
  }

  get hasNews(): boolean {
    return this.changed.size > 0 || this.forgotten.size > 0
  }

  get(key: string): Following | undefined {
    return this.members.get(key)
  }

  /** Takes a partition in, or says that its position has moved. */
  put(following: Following): void {
    this.members.set(following.key, following)
    this.changed.add(following)
    this.forgotten.delete(following.key)
  }

  remove(following: Following): void {
    const { key, partition } = following
    if (this.members.get(key) !== following) return
    this.members.delete(key)
    this.changed.delete(following)
    if (this.known.has(key)) this.forgotten.set(key, { topicId: partition.topicId, index: partition.index })
  }

  /** Begins anew: the leader knows nothing of it. */
  reset(): void {
    this.id = 0
    this.epoch = 0
    this.known.clear()
    this.forgotten.clear()
    for (const following of this.members.values()) this.changed.add(following)
  }

  /** What the next request, the `number`th, says. */
  next(
    number: number,
    partitionMaxBytes: number
  ): {
    sessionId: number
    sessionEpoch: number
    topics: Topics
    forgottenTopicsData: { topicId: string; partitions: number[] }[]
  } {
    const topics: { topicId: string; partitions: Topics[number]['partitions'][number][] }[] = []
    for (const following of this.changed) {
      const { partition, role, key } = following
      following.since ??= number
      const { offset, lastEpoch } = role.position()
      following.askedFrom = offset
      if (topics[topics.length - 1]?.topicId !== partition.topicId)
        topics.push({ topicId: partition.topicId, partitions: [] })
      topics[topics.length - 1].partitions.push({
        partition: partition.index,
        currentLeaderEpoch: role.epoch,
        fetchOffset: offset,
        lastFetchedEpoch: lastEpoch,
        logStartOffset: partition.startOffset,
        partitionMaxBytes
      })
      this.known.add(key)
    }
    const forgottenTopicsData = [...this.forgotten.values()].map(({ topicId, index }) => ({
      topicId,
      partitions: [index]
    }))
    for (const key of this.forgotten.keys()) this.known.delete(key)
    this.changed.clear()
    this.forgotten.clear()
    const said = { sessionId: this.id, sessionEpoch: this.epoch, topics, forgottenTopicsData }
    if (this.id !== 0) this.epoch = this.epoch === 0x7fff_ffff ? 1 : this.epoch + 1
    return said
  }

  /** The leader has answered in this session; 0 when it keeps none. */
  answered(sessionId: number): void {
    if (sessionId === 0) this.reset()
    else if (this.id === 0) {
      this.id = sessionId
      this.epoch = 1
    }
  }
}
