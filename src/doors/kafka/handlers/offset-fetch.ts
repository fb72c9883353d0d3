import type { FetchItem, OffsetsOfTopic } from '../../../groups/coordinator.ts'
import type { RequestOf, ResponseOf } from '../../../schema/message.ts'
import { codeOf, type ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { OffsetFetch } from '../../../wire/kafka/messages/offset-fetch.ts'
import { handler, type RequestContext } from '../handler.ts'

type Request = RequestOf<typeof OffsetFetch>
type Response = ResponseOf<typeof OffsetFetch>

/**
 * OffsetFetch. All topics (null) and an error for the whole group since version 2, leader epochs since 5 (KIP-320),
 * stable offsets since 7 (KIP-447), several groups since 8 (KIP-709), topic ids since 10.
 */
export const offsetFetch = handler(
  OffsetFetch,
  {
    versions: [1, 10],
    refuse: (request, code, _message, version) =>
      version < 8
        ? refusedSingle(request, code, version)
        : { groups: request.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode: errorNumber(code) })) }
  },
  async (request, context) => {
    if (context.apiVersion < 8) {
      const { topics, error } = await fetchOne(context, request.groupId, request.topics)
      return error ? refusedSingle(request, error, context.apiVersion) : { topics: layOut(topics) }
    }
    return {
      groups: await Promise.all(
        request.groups.map(async ({ groupId, topics: asked }) => {
          const { topics, error } = await fetchOne(context, groupId, asked)
          return { groupId, topics: layOut(topics), errorCode: errorNumber(error) }
        })
      )
    }
  }
)

async function fetchOne(
  context: RequestContext,
  groupId: string,
  asked: readonly { name: string; topicId?: string; partitionIndexes: readonly number[] }[] | null
): Promise<{ topics: OffsetsOfTopic[]; error?: ErrorCode }> {
  const items =
    asked?.map(({ name, topicId, partitionIndexes }): FetchItem => {
      return { name, topicId: topicId ?? '', partitions: partitionIndexes }
    }) ?? null
  try {
    return { topics: await context.broker.groups.fetchOffsets(groupId, items, context.apiVersion >= 10) }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'UNKNOWN_SERVER_ERROR') throw error
    // Consumers before Kafka 3.9 give up on COORDINATOR_NOT_AVAILABLE here; this one sends them looking again.
    return { topics: [], error: code === 'COORDINATOR_NOT_AVAILABLE' ? 'NOT_COORDINATOR' : code }
  }
}

function layOut(topics: readonly OffsetsOfTopic[]) {
  return topics.map(({ name, topicId, partitions, error }) => ({
    name,
    topicId,
    partitions: partitions.map(({ partition, offset, leaderEpoch, metadata }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode: errorNumber(error)
    }))
  }))
}

/** Version 1 has no place for a group's error but its partitions. */
function refusedSingle(request: Request, code: ErrorCode, version: number): Response {
  const errorCode = errorNumber(code)
  if (version >= 2) return { topics: [], errorCode }
  return {
    topics: (request.topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map(partitionIndex => {
        return { partitionIndex, committedOffset: -1, metadata: '', errorCode }
      })
    }))
  }
}
