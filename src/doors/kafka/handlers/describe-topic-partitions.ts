import { zeroUuid } from '../../../schema/reader.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeTopicPartitions } from '../../../wire/kafka/messages/describe-topic-partitions.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import { handler } from '../handler.ts'
import { layPartition } from '../partition-metadata.ts'

/** DescribeTopicPartitions (KIP-966): topics a page of partitions at a time. Authorized operations are always named. */
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
          ...layPartition(partition),
          // A partition without a leader says no more than that.
          errorCode: 0,
          eligibleLeaderReplicas: partition.elr,
          lastKnownElr: partition.lastKnownElr
        })),
        topicAuthorizedOperations: authorizedOperations.topic
      })),
      nextCursor: page.next ?? null
    }
  }
)
