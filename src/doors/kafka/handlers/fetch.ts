import type { FetchedPartition, FetchRequest, FetchResult } from '../../../broker/fetch-types.ts'
import type { RequestOf, ResponseOf } from '../../../schema/message.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { Fetch } from '../../../wire/kafka/messages/fetch.ts'
import { CurrentLeaders } from '../current-leaders.ts'
import { type Answer, handler, type RequestContext } from '../handler.ts'

type Response = ResponseOf<typeof Fetch>

/**
 * Fetch. Sessions since version 7 (KIP-227), leader epochs since 9 (KIP-320), topic ids instead of names since 13
 * (KIP-516), and current leaders since 16 (KIP-951). Consumers are sent to replicas near them since 11 (KIP-392).
 */
export const fetch = handler(
  Fetch,
  {
    versions: [4, 18],
    pipelined: true,
    // Before version 7 there is no place for an error of the whole request but in each partition.
    refuse: (request, code, _message, version) => ({
      errorCode: version >= 7 ? errorNumber(code) : 0,
      responses:
        version >= 7
          ? []
          : request.topics.map(topic => ({
              topic: topic.topic,
              partitions: topic.partitions.map(({ partition }) => ({
                partitionIndex: partition,
                errorCode: errorNumber(code),
                highWatermark: -1,
                abortedTransactions: null,
                records: []
              }))
            }))
    })
  },
  (request, context): Answer<Response> | Promise<Answer<Response>> => {
    const asked = toFetchRequest(request, context)
    const result = context.broker.fetcher.fetch(asked, gone => context.onClose(gone))
    if (result instanceof Promise) return result.then(settled => respond(settled, asked.readCommitted, context))
    return respond(result, asked.readCommitted, context)
  }
)

function toFetchRequest(request: RequestOf<typeof Fetch>, context: RequestContext): FetchRequest {
  const items: FetchRequest['items'][number][] = []
  for (const { topic, topicId, partitions } of request.topics)
    for (const partition of partitions)
      items.push({
        topic,
        topicId,
        index: partition.partition,
        currentLeaderEpoch: partition.currentLeaderEpoch,
        fetchOffset: partition.fetchOffset,
        lastFetchedEpoch: partition.lastFetchedEpoch,
        logStartOffset: partition.logStartOffset,
        maxBytes: partition.partitionMaxBytes
      })
  return {
    maxWaitMs: request.maxWaitMs,
    minBytes: request.minBytes,
    maxBytes: request.maxBytes,
    room: () => context.responseRoom,
    reserve: bytes => context.reserve(bytes),
    readCommitted: request.isolationLevel === 1,
    ...readerOf(request, context.apiVersion),
    sessionId: request.sessionId,
    sessionEpoch: request.sessionEpoch,
    usesTopicIds: context.apiVersion >= 13,
    items,
    forgotten: request.forgottenTopicsData.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      indexes: partitions
    }))
  }
}

/**
 * The follower that asks, since version 15, where it says of which life it is (KIP-903). Who names a replica before that is
 * no broker of this cluster, and reads as consumers do: since version 11 from followers too, if it is sent there (KIP-392).
 */
function readerOf(
  { replicaState: { replicaId, replicaEpoch }, rackId }: RequestOf<typeof Fetch>,
  version: number
): Pick<FetchRequest, 'replica' | 'rack'> {
  if (replicaId >= 0) return { replica: { nodeId: replicaId, brokerEpoch: replicaEpoch } }
  return version >= 11 ? { rack: rackId } : {}
}

function respond(result: FetchResult, readCommitted: boolean, context: RequestContext): Answer<Response> {
  const failed = result.partitions.some(({ error }) => error)
  const leaders = failed
    ? new CurrentLeaders(context, 16, ['NOT_LEADER_OR_FOLLOWER', 'FENCED_LEADER_EPOCH'])
    : undefined
  type Topic = Response['responses'][number]
  const responses: Topic[] = []
  let current: { topic: FetchedPartition; partitions: Topic['partitions'][number][] } | undefined
  for (const fetched of result.partitions) {
    if (!current || current.topic.topic !== fetched.topic || current.topic.topicId !== fetched.topicId) {
      current = { topic: fetched, partitions: [] }
      responses.push({ topic: fetched.topic, topicId: fetched.topicId, partitions: current.partitions })
    }
    current.partitions.push({
      partitionIndex: fetched.index,
      errorCode: errorNumber(fetched.error),
      highWatermark: fetched.highWatermark,
      lastStableOffset: fetched.lastStableOffset,
      logStartOffset: fetched.logStartOffset,
      abortedTransactions: readCommitted ? [] : null,
      ...(fetched.divergingEpoch && { divergingEpoch: fetched.divergingEpoch }),
      currentLeader: leaders?.of(fetched.error, fetched),
      ...(fetched.readReplica !== undefined && { preferredReadReplica: fetched.readReplica }),
      records: fetched.records
    })
  }
  return {
    errorCode: errorNumber(result.error),
    sessionId: result.sessionId,
    responses,
    nodeEndpoints: leaders?.endpoints(),
    borrowedBytes: result.bytes,
    release: () => result.release()
  }
}
