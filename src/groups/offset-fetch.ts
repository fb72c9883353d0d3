import type { TopicId } from '../storage/types.ts'
import type { CommittedOffset } from './records.ts'
import type { GroupsState } from './state.ts'

export interface FetchedOffset {
  readonly partition: number
  /** -1 when nothing is committed. */
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface FetchedTopic {
  readonly topic: string
  readonly partitions: readonly FetchedOffset[]
}

/** The id that a topic name stands for now. */
export type IdOfTopic = (topic: string) => TopicId | undefined

/** OffsetFetch of the partitions asked for; -1 stands for none, as for an unknown group. */
export function fetchOffsets(
  state: GroupsState,
  groupId: string,
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
  idOf: IdOfTopic
): FetchedTopic[] {
  const group = state.groups.get(groupId)
  return topics.map(({ topic, partitions }) => {
    const offsets = group?.offsets.ofTopic(topic)
    const topicId = idOf(topic)
    return {
      topic,
      partitions: partitions.map(partition => {
        const found = offsets?.get(partition)
        return fetched(partition, found && !isOfFormerTopic(found, topicId) ? found : undefined)
      })
    }
  })
}

/** OffsetFetch of everything that the group has committed. */
export function fetchAllOffsets(state: GroupsState, groupId: string, idOf: IdOfTopic): FetchedTopic[] {
  const topics: FetchedTopic[] = []
  for (const [topic, offsets] of state.groups.get(groupId)?.offsets.byTopic() ?? []) {
    const topicId = idOf(topic)
    const partitions: FetchedOffset[] = []
    for (const [partition, found] of offsets)
      if (!isOfFormerTopic(found, topicId)) partitions.push(fetched(partition, found))
    if (partitions.length > 0) topics.push({ topic, partitions })
  }
  return topics
}

/** Committed for a deleted topic of the same name, whose tombstones did not make it before a crash. */
function isOfFormerTopic(offset: CommittedOffset, topicId: TopicId | undefined): boolean {
  return offset.topicId !== undefined && topicId !== undefined && offset.topicId !== topicId
}

function fetched(partition: number, found: CommittedOffset | undefined): FetchedOffset {
  if (!found) return { partition, offset: -1, leaderEpoch: -1, metadata: '' }
  return { partition, offset: found.offset, leaderEpoch: found.leaderEpoch, metadata: found.metadata }
}
