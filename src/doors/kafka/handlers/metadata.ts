import type { Cluster, TopicMetadata } from '../../../broker/cluster.ts'
import type { RequestOf, ResponseOf } from '../../../schema/message.ts'
import { zeroUuid } from '../../../schema/reader.ts'
import { type ErrorCode, NaruError } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { Metadata } from '../../../wire/kafka/messages/metadata.ts'
import { operationsFor } from '../authorized-operations.ts'
import { handler } from '../handler.ts'
import { layPartition, layReachable } from '../partition-metadata.ts'

type Request = RequestOf<typeof Metadata>
type Response = ResponseOf<typeof Metadata>

/**
 * Metadata. An empty list of topics means all of them in version 0, none later, where null means all; automatic
 * creation is the client's choice since 4, topics are named by id since 12 (KIP-516; versions 10 and 11 carry ids in
 * vain), and the whole answer has an error code since 13. Authorized operations since 8 (KIP-430), those of the cluster
 * until 10.
 */
export const metadata = handler(
  Metadata,
  {
    versions: [0, 13],
    // A topic without a name is what is refused below version 12, where the answer must name one.
    refuse: (request, code, _message, version) => ({
      brokers: [],
      topics: (request.topics ?? []).map(({ name, topicId }) =>
        lay({ ...nothing, name: name ?? (version < 12 ? '' : undefined), topicId, error: code }, false, version)
      ),
      errorCode: errorNumber(code)
    })
  },
  (request, { broker: { cluster, lostLeaders }, apiVersion }): Response | Promise<Response> => {
    checkRefs(request, apiVersion)
    const settled = lostLeaders.settled()
    return settled ? settled.then(() => answer(request, apiVersion, cluster)) : answer(request, apiVersion, cluster)
  }
)

function answer(request: Request, apiVersion: number, cluster: Cluster): Response | Promise<Response> {
  const { topics } = request
  // At once, so that the time it takes is counted as this client's.
  if (topics === null || (apiVersion === 0 && topics.length === 0))
    return respond(request, apiVersion, cluster, cluster.allTopics())
  return cluster
    .findTopics(
      topics.map(({ name, topicId }) => (topicId === zeroUuid ? { name: name ?? '' } : { topicId })),
      request.allowAutoTopicCreation
    )
    .then(found => respond(request, apiVersion, cluster, found))
}

function respond(request: Request, version: number, cluster: Cluster, found: readonly TopicMetadata[]): Response {
  const { clusterId, controllerId, brokers } = cluster.describe()
  return {
    brokers: brokers.map(({ nodeId, host, port, rack }) => ({ nodeId, host, port, rack: rack ?? null })),
    clusterId,
    controllerId,
    topics: found.map(topic => lay(topic, request.includeTopicAuthorizedOperations, version)),
    clusterAuthorizedOperations: operationsFor('cluster', request.includeClusterAuthorizedOperations)
  }
}

const nothing = { topicId: undefined, internal: false, partitions: [] }

function checkRefs({ topics }: Request, version: number): void {
  if (version >= 12) return
  for (const { name, topicId } of topics ?? []) {
    if (name === null) throw new NaruError('INVALID_REQUEST', `Topic name can not be null for version ${version}`)
    if (topicId !== zeroUuid)
      throw new NaruError('INVALID_REQUEST', `Topic IDs are not supported in requests for version ${version}`)
  }
}

function lay(
  topic: TopicMetadata & { readonly error?: ErrorCode },
  operationsAsked: boolean,
  version: number
): Response['topics'][number] {
  return {
    errorCode: errorNumber(topic.error),
    name: topic.name ?? null,
    topicId: topic.topicId ?? zeroUuid,
    isInternal: topic.internal,
    partitions: topic.partitions.map(version === 0 ? layReachable : layPartition),
    topicAuthorizedOperations: operationsFor('topic', operationsAsked)
  }
}
