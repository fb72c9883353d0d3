import { int8, int16, int32, int64, list, string, struct, uint16 } from '../../../schema/fields.ts'
import { message } from '../../../schema/message.ts'

/**
 * Records of streams groups (KIP-1071) in `__consumer_offsets`, behind an int16 as those of consumer-offsets-records.ts: a key's is
 * its type, 17 to 23.
 */

export const StreamsGroupMetadataKey = message({
  name: 'StreamsGroupMetadataKey',
  versions: [17, 17],
  fields: {
    groupId: string
  }
})

export const StreamsGroupMetadataValue = message({
  name: 'StreamsGroupMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    metadataHash: int64,
    validatedTopologyEpoch: int32.or(-1).tag(0),
    lastAssignmentConfigs: list({
      key: string,
      value: string
    })
      .or([])
      .nullable()
      .tag(1)
  }
})

export const StreamsGroupMemberMetadataKey = message({
  name: 'StreamsGroupMemberMetadataKey',
  versions: [19, 19],
  fields: {
    groupId: string,
    memberId: string
  }
})

export const StreamsGroupMemberMetadataValue = message({
  name: 'StreamsGroupMemberMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    instanceId: string.nullable(),
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    rebalanceTimeoutMs: int32.or(-1),
    topologyEpoch: int32,
    processId: string,
    userEndpoint: struct({
      host: string,
      port: uint16
    }).nullable(),
    clientTags: list({
      key: string,
      value: string
    })
  }
})

export const StreamsGroupTargetAssignmentMetadataKey = message({
  name: 'StreamsGroupTargetAssignmentMetadataKey',
  versions: [20, 20],
  fields: {
    groupId: string
  }
})

export const StreamsGroupTargetAssignmentMetadataValue = message({
  name: 'StreamsGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    assignmentEpoch: int32,
    assignmentTimestamp: int64.or(0).lossy().tag(0)
  }
})

export const StreamsGroupTargetAssignmentMemberKey = message({
  name: 'StreamsGroupTargetAssignmentMemberKey',
  versions: [21, 21],
  fields: {
    groupId: string,
    memberId: string
  }
})

export const StreamsGroupTargetAssignmentMemberValue = message({
  name: 'StreamsGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    activeTasks: list({
      subtopologyId: string,
      partitions: list(int32)
    }),
    standbyTasks: list({
      subtopologyId: string,
      partitions: list(int32)
    }),
    warmupTasks: list({
      subtopologyId: string,
      partitions: list(int32)
    })
  }
})

export const StreamsGroupCurrentMemberAssignmentKey = message({
  name: 'StreamsGroupCurrentMemberAssignmentKey',
  versions: [22, 22],
  fields: {
    groupId: string,
    memberId: string
  }
})

export const StreamsGroupCurrentMemberAssignmentValue = message({
  name: 'StreamsGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    activeTasks: list({
      subtopologyId: string,
      partitions: list(int32),
      assignmentEpochs: list(int32).or([]).nullable().tag(0)
    }),
    standbyTasks: list({
      subtopologyId: string,
      partitions: list(int32),
      assignmentEpochs: list(int32).or([]).nullable().tag(0)
    }),
    warmupTasks: list({
      subtopologyId: string,
      partitions: list(int32),
      assignmentEpochs: list(int32).or([]).nullable().tag(0)
    }),
    activeTasksPendingRevocation: list({
      subtopologyId: string,
      partitions: list(int32),
      assignmentEpochs: list(int32).or([]).nullable().tag(0)
    }),
    standbyTasksPendingRevocation: list({
      subtopologyId: string,
      partitions: list(int32),
      assignmentEpochs: list(int32).or([]).nullable().tag(0)
    }),
    warmupTasksPendingRevocation: list({
      subtopologyId: string,
      partitions: list(int32),
      assignmentEpochs: list(int32).or([]).nullable().tag(0)
    })
  }
})

export const StreamsGroupTopologyKey = message({
  name: 'StreamsGroupTopologyKey',
  versions: [23, 23],
  fields: {
    groupId: string
  }
})

export const StreamsGroupTopologyValue = message({
  name: 'StreamsGroupTopologyValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    subtopologies: list({
      subtopologyId: string,
      sourceTopics: list(string),
      sourceTopicRegex: list(string),
      stateChangelogTopics: list({
        name: string,
        partitions: int32,
        replicationFactor: int16,
        topicConfigs: list({
          key: string,
          value: string
        })
      }),
      repartitionSinkTopics: list(string),
      repartitionSourceTopics: list({
        name: string,
        partitions: int32,
        replicationFactor: int16,
        topicConfigs: list({
          key: string,
          value: string
        })
      }),
      copartitionGroups: list({
        sourceTopics: list(int16),
        sourceTopicRegex: list(int16),
        repartitionSourceTopics: list(int16)
      })
    })
  }
})
