import { bool, int16, int32, int64, list, string, struct, uint16 } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

const endpoint = {
  host: string,
  port: uint16
}

const taskOffset = {
  subtopologyId: string,
  partition: int32,
  offset: int64
}

const taskIds = {
  subtopologyId: string,
  partitions: list(int32)
}

const assignment = {
  activeTasks: list(taskIds),
  standbyTasks: list(taskIds),
  warmupTasks: list(taskIds)
}

const keyValue = {
  key: string,
  value: string
}

const topicInfo = {
  name: string,
  partitions: int32,
  replicationFactor: int16,
  topicConfigs: list(keyValue)
}

/** KIP-1071. */
export const StreamsGroupDescribe = api({
  key: 89,
  name: 'StreamsGroupDescribe',
  versions: [0, 0],
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
      topology: struct({
        epoch: int32,
        subtopologies: list({
          subtopologyId: string,
          sourceTopics: list(string),
          repartitionSinkTopics: list(string),
          stateChangelogTopics: list(topicInfo),
          repartitionSourceTopics: list(topicInfo)
        }).nullable()
      }).nullable(),
      members: list({
        memberId: string,
        memberEpoch: int32,
        instanceId: string.nullable(),
        rackId: string.nullable(),
        clientId: string,
        clientHost: string,
        topologyEpoch: int32,
        processId: string,
        userEndpoint: struct(endpoint).nullable(),
        clientTags: list(keyValue),
        taskOffsets: list(taskOffset),
        taskEndOffsets: list(taskOffset),
        assignment: struct(assignment),
        targetAssignment: struct(assignment),
        isClassic: bool
      }),
      authorizedOperations: int32.or(-2147483648)
    })
  }
})
