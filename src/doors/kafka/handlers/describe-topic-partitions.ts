import { zeroUuid } from '../../../schema/reader.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeTopicPartitions } from '../../../wire/kafka/messages/describe-topic-partitions.ts'
import { handler } from '../handler.ts'

/** DescribeTopicPartitions (KIP-966): topics a page of partitions at a time. */
export const describeTopicPartitions = handler(
  DescribeTopicPartitions,
  {
    versions: [0, 0],
    refuse: (request, code) => ({
      topics: request.topics.map(({ name }) => ({
        errorCode: errorNumber(code),
        name,
        topicId: zeroUuid,
        partitions: []
      })),
      nextCursor: null
    })
  },
  ({ topics, cursor, responsePartitionLimit }, { broker }) => {
    const names = topics.map(({ name }) => name)
    const page = broker.cluster.describePartitions(names, cursor, responsePartitionLimit)
    return {
      topics: page.topics.map(topic => ({
        errorCode: errorNumber(topic.error),
        name: topic.name ?? null,
        topicId: topic.topicId ?? zeroUuid,
        isInternal: topic.internal,
        partitions: topic.partitions.map(partition => ({
          errorCode: errorNumber(partition.error),
          partitionIndex: partition.index,
          leaderId: partition.leader,
          leaderEpoch: partition.leaderEpoch,
          replicaNodes: partition.replicas,
          isrNodes: partition.isr,
          eligibleLeaderReplicas: [],
          lastKnownElr: [],
          offlineReplicas: partition.offline
        }))
      })),
      nextCursor: page.next ?? null
    }
  }
)
