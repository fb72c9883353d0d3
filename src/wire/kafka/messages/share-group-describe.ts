import { bool, int16, int32, list, string, struct, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

const topicPartitions = {
  topicId: uuid,
  topicName: string,
  partitions: list(int32)
}

const assignment = {
  topicPartitions: list(topicPartitions)
}

/** KIP-932. */
export const ShareGroupDescribe = api({
  key: 77,
  name: 'ShareGroupDescribe',
  versions: [1, 1],
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
        rackId: string.nullable(),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: list(string),
        assignment: struct(assignment)
      }),
      authorizedOperations: int32.or(-2147483648)
    })
  }
})
