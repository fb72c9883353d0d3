import { bool, int16, int32, list, string, struct, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-966: Metadata for admin tools, in pages. */
export const DescribeTopicPartitions = api({
  key: 75,
  name: 'DescribeTopicPartitions',
  versions: [0, 0],
  flexible: 0,
  request: {
    topics: list({
      name: string
    }),
    responsePartitionLimit: int32.or(2000),
    cursor: struct({
      topicName: string,
      partitionIndex: int32
    }).nullable()
  },
  response: {
    throttleTimeMs: int32.or(0),
    topics: list({
      errorCode: int16,
      name: string.nullable(),
      topicId: uuid,
      isInternal: bool.or(false),
      partitions: list({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: int32.or(-1),
        replicaNodes: list(int32),
        isrNodes: list(int32),
        eligibleLeaderReplicas: list(int32).nullable(),
        lastKnownElr: list(int32).nullable(),
        offlineReplicas: list(int32)
      }),
      topicAuthorizedOperations: int32.or(-2147483648)
    }),
    nextCursor: struct({
      topicName: string,
      partitionIndex: int32
    }).nullable()
  }
})
