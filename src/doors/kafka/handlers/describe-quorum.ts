import type { MetadataQuorum } from '../../../broker/cluster.ts'
import { clusterMetadataTopic } from '../../../broker/topic-names.ts'
import { zeroUuid } from '../../../schema/reader.ts'
import { NaruError } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeQuorum } from '../../../wire/kafka/messages/describe-quorum.ts'
import { handler } from '../handler.ts'

/**
 * DescribeQuorum (KIP-595): who keeps the cluster's metadata, and how far. The controller alone does: it is shown as
 * the one voter, other brokers as observers, and revisions of the metastore stand for offsets. Times since version 1
 * (KIP-836), nodes since 2 (KIP-853).
 */
export const describeQuorum = handler(
  DescribeQuorum,
  {
    versions: [0, 2],
    refuse: (_request, code, errorMessage) => ({ errorCode: errorNumber(code), errorMessage, topics: [], nodes: [] })
  },
  ({ topics }, { broker, apiVersion }) => {
    const isMetadata = (topic: string, partition: number) => topic === clusterMetadataTopic && partition === 0
    const quorum = broker.cluster.quorum()
    if (!quorum.leader) throw new NaruError('NOT_LEADER_OR_FOLLOWER', 'There is no controller.')
    let asked = false
    const laid = topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => {
        if (!isMetadata(topicName, partitionIndex)) return unknown(partitionIndex, apiVersion)
        asked = true
        return lay(quorum)
      })
    }))
    const { nodeId, host, port } = quorum.leader
    return {
      errorCode: 0,
      errorMessage: '',
      topics: laid,
      nodes: asked && apiVersion >= 2 ? [{ nodeId, listeners: [{ name: 'PLAINTEXT', host, port }] }] : []
    }
  }
)

function lay({ leader, leaderEpoch, revision, observers, nowMs }: MetadataQuorum) {
  const leaderId = leader?.nodeId ?? -1
  const state = (replicaId: number) => ({
    replicaId,
    replicaDirectoryId: zeroUuid,
    logEndOffset: revision,
    lastFetchTimestamp: nowMs,
    lastCaughtUpTimestamp: nowMs
  })
  return {
    partitionIndex: 0,
    errorCode: 0,
    errorMessage: '',
    leaderId,
    leaderEpoch,
    highWatermark: revision,
    currentVoters: [state(leaderId)],
    observers: observers.map(state)
  }
}

function unknown(partitionIndex: number, version: number) {
  return {
    partitionIndex,
    errorCode: errorNumber('UNKNOWN_TOPIC_OR_PARTITION'),
    errorMessage: version >= 2 ? 'This server does not host this topic-partition.' : '',
    leaderId: 0,
    leaderEpoch: 0,
    highWatermark: 0,
    currentVoters: [],
    observers: []
  }
}
