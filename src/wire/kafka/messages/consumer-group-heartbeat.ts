import { int16, int32, list, string, struct, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

const topicPartitions = {
  topicId: uuid,
  partitions: list(int32)
}

/** KIP-848. */
export const ConsumerGroupHeartbeat = api({
  key: 68,
  name: 'ConsumerGroupHeartbeat',
  versions: [0, 1],
  flexible: 0,
  request: {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    instanceId: string.nullable(),
    rackId: string.nullable(),
    rebalanceTimeoutMs: int32.or(-1),
    subscribedTopicNames: list(string).nullable(),
    subscribedTopicRegex: string.since(1).nullable(),
    serverAssignor: string.nullable(),
    topicPartitions: list({
      topicId: uuid,
      partitions: list(int32)
    }).nullable()
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    memberId: string.nullable(),
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    assignment: struct({
      topicPartitions: list(topicPartitions)
    }).nullable()
  }
})
