import { bool, int8, int16, int32, int64, list, string, struct, uint16 } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

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

const status = {
  statusCode: int8,
  statusDetail: string
}

const topicPartition = {
  topic: string,
  partitions: list(int32)
}

/** KIP-1071. */
export const StreamsGroupHeartbeat = api({
  key: 88,
  name: 'StreamsGroupHeartbeat',
  versions: [0, 0],
  flexible: 0,
  request: {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    endpointInformationEpoch: int32,
    instanceId: string.nullable(),
    rackId: string.nullable(),
    rebalanceTimeoutMs: int32.or(-1),
    topology: struct({
      epoch: int32,
      subtopologies: list({
        subtopologyId: string,
        sourceTopics: list(string),
        sourceTopicRegex: list(string),
        stateChangelogTopics: list(topicInfo),
        repartitionSinkTopics: list(string),
        repartitionSourceTopics: list(topicInfo),
        copartitionGroups: list({
          sourceTopics: list(int16),
          sourceTopicRegex: list(int16),
          repartitionSourceTopics: list(int16)
        })
      })
    }).nullable(),
    activeTasks: list(taskIds).nullable(),
    standbyTasks: list(taskIds).nullable(),
    warmupTasks: list(taskIds).nullable(),
    processId: string.nullable(),
    userEndpoint: struct(endpoint).nullable(),
    clientTags: list(keyValue).nullable(),
    taskOffsets: list(taskOffset).nullable(),
    taskEndOffsets: list(taskOffset).nullable(),
    shutdownApplication: bool.or(false)
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    memberId: string,
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    acceptableRecoveryLag: int32,
    taskOffsetIntervalMs: int32,
    status: list(status).nullable(),
    activeTasks: list(taskIds).nullable(),
    standbyTasks: list(taskIds).nullable(),
    warmupTasks: list(taskIds).nullable(),
    endpointInformationEpoch: int32,
    partitionsByUserEndpoint: list({
      userEndpoint: struct(endpoint),
      activePartitions: list(topicPartition),
      standbyPartitions: list(topicPartition)
    }).nullable()
  }
})
