import type { RequestOf, ResponseOf } from '../../../schema/message.ts'
import type { ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { OffsetCommit } from '../../../wire/kafka/messages/offset-commit.ts'
import { handler } from '../handler.ts'

type Request = RequestOf<typeof OffsetCommit>

/**
 * OffsetCommit. Retention of its own until version 4, leader epochs since 6 (KIP-320), static members since 7
 * (KIP-345), GROUP_ID_NOT_FOUND since 9 (KIP-848), topic ids since 10.
 */
export const offsetCommit = handler(
  OffsetCommit,
  { versions: [2, 10], pipelined: true, refuse: (request, code) => layOut(request, () => code) },
  async (asked, context) => {
    const request = context.apiVersion >= 10 ? { ...asked, topics: merged(asked.topics) } : asked
    const items = request.topics.flatMap(({ name, topicId, partitions }) =>
      partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => ({
        name,
        topicId,
        partition: partitionIndex,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch,
        metadata: committedMetadata
      }))
    )
    const { groupId, memberId, groupInstanceId, retentionTimeMs } = request
    const generationId = request.generationIdOrMemberEpoch
    const knowsGroupNotFound = context.apiVersion >= 9
    const results = await context.broker.groups.commitOffsets(
      { groupId, generationId, memberId, groupInstanceId, retentionTimeMs, knowsGroupNotFound, items },
      context.apiVersion >= 10
    )
    let next = 0
    return layOut(request, () => results[next++])
  }
)

/** As Kafka answers: a topic that is named by its id more than once is one topic. */
function merged(topics: Request['topics']): Request['topics'] {
  const byId = new Map<string, Request['topics'][number]>()
  for (const topic of topics) {
    const known = byId.get(topic.topicId)
    byId.set(topic.topicId, known ? { ...known, partitions: [...known.partitions, ...topic.partitions] } : topic)
  }
  return [...byId.values()]
}

/** Lays results out as the request lay: `result` is called once per partition, in order. */
function layOut(request: Request, result: () => ErrorCode | undefined): ResponseOf<typeof OffsetCommit> {
  return {
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: errorNumber(result()) }))
    }))
  }
}
