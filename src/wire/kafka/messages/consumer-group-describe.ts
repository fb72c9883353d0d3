import { bool, int8, int16, int32, list, string, struct, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

const topicPartitions = {
  topicId: uuid,
  topicName: string,
  partitions: list(int32)
}

const assignment = {
  topicPartitions: list(topicPartitions)
}

/** KIP-848. */
export const ConsumerGroupDescribe = api({
  key: 69,
  name: 'ConsumerGroupDescribe',
  versions: [0, 1],
  flexible: 0,
  request: {
    groupIds: list(string),
    includeAuthorizedOperations: bool
  },
  response: {
    throttleTimeMs: int32.or(0),
    groups: list({
      errorCode: int16,
      errorMessage: string.nullable(),
      groupId: string,
      groupState: string,
      groupEpoch: int32,
      assignmentEpoch: int32,
      assignorName: string,
      members: list({
        memberId: string,
        instanceId: string.nullable(),
        rackId: string.nullable(),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: list(string),
        subscribedTopicRegex: string.nullable(),
        assignment: struct(assignment),
        targetAssignment: struct(assignment),
        memberType: int8.since(1).or(-1).lossy()
      }),
      authorizedOperations: int32.or(-2147483648)
    })
  }
})
