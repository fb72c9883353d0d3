import { int16, int32, list, string, struct, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

const topicPartitions = {
  topicId: uuid,
  partitions: list(int32)
}

/** KIP-932. */
export const ShareGroupHeartbeat = api({
  key: 76,
  name: 'ShareGroupHeartbeat',
  versions: [1, 1],
  flexible: 0,
  request: {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    rackId: string.nullable(),
    subscribedTopicNames: list(string).nullable()
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
