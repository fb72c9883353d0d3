import { OffsetCommit } from '../wire/kafka/messages/offset-commit.ts'
import { OffsetDelete } from '../wire/kafka/messages/offset-delete.ts'
import { type Cluster, ensureOk } from './cluster.ts'
import type { CommitOffset } from './group.ts'

/**
 * Commits offsets of a group that has no members, from outside; a group that isn't there yet comes to be. Rejects with
 * UNKNOWN_MEMBER_ID or REBALANCE_IN_PROGRESS when it has members.
 */
export async function commitOffsets(
  cluster: Cluster,
  groupId: string,
  offsets: readonly CommitOffset[]
): Promise<void> {
  const connection = await cluster.coordinator(groupId)
  const response = await connection.request(OffsetCommit, {
    groupId,
    memberId: '',
    topics: byTopic(offsets).map(([name, partitions]) => ({
      name,
      partitions: partitions.map(({ partition, offset }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedMetadata: ''
      }))
    }))
  })
  for (const { name, partitions } of response.topics)
    for (const { partitionIndex, errorCode } of partitions)
      ensureOk(errorCode, `Offset of ${name}-${partitionIndex} in group ${groupId}`)
}

/** Deletes committed offsets of a group. Rejects with GROUP_SUBSCRIBED_TO_TOPIC while members read the topic. */
export async function deleteOffsets(
  cluster: Cluster,
  groupId: string,
  of: readonly { readonly topic: string; readonly partition: number }[]
): Promise<void> {
  const connection = await cluster.coordinator(groupId)
  const response = await connection.request(OffsetDelete, {
    groupId,
    topics: byTopic(of).map(([name, partitions]) => ({
      name,
      partitions: partitions.map(({ partition }) => ({ partitionIndex: partition }))
    }))
  })
  ensureOk(response.errorCode, `Group ${groupId}`)
  for (const { name, partitions } of response.topics)
    for (const { partitionIndex, errorCode } of partitions)
      ensureOk(errorCode, `Offset of ${name}-${partitionIndex} in group ${groupId}`)
}

function byTopic<T extends { readonly topic: string }>(items: readonly T[]): [string, T[]][] {
  const topics = new Map<string, T[]>()
  for (const item of items) {
    const list = topics.get(item.topic)
    if (list) list.push(item)
    else topics.set(item.topic, [item])
  }
  return [...topics]
}
