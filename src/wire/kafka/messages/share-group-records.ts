import { int8, int32, int64, list, string, uuid } from '../../../schema/fields.ts'
import { message } from '../../../schema/message.ts'

/**
 * Records of share groups (KIP-932) in `__consumer_offsets`, behind an int16 as those of consumer-offsets-records.ts: a key's is
 * its type, 9 to 15.
 */

export const ShareGroupMemberMetadataKey = message({
  name: 'ShareGroupMemberMetadataKey',
  versions: [10, 10],
  fields: {
    groupId: string,
    memberId: string
  }
})

export const ShareGroupMemberMetadataValue = message({
  name: 'ShareGroupMemberMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: list(string)
  }
})

export const ShareGroupMetadataKey = message({
  name: 'ShareGroupMetadataKey',
  versions: [11, 11],
  fields: {
    groupId: string
  }
})

export const ShareGroupMetadataValue = message({
  name: 'ShareGroupMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    metadataHash: int64
  }
})

export const ShareGroupTargetAssignmentMetadataKey = message({
  name: 'ShareGroupTargetAssignmentMetadataKey',
  versions: [12, 12],
  fields: {
    groupId: string
  }
})

export const ShareGroupTargetAssignmentMetadataValue = message({
  name: 'ShareGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    assignmentEpoch: int32,
    assignmentTimestamp: int64.or(0).lossy().tag(0)
  }
})

export const ShareGroupTargetAssignmentMemberKey = message({
  name: 'ShareGroupTargetAssignmentMemberKey',
  versions: [13, 13],
  fields: {
    groupId: string,
    memberId: string
  }
})

export const ShareGroupTargetAssignmentMemberValue = message({
  name: 'ShareGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topicPartitions: list({
      topicId: uuid,
      partitions: list(int32)
    })
  }
})

export const ShareGroupCurrentMemberAssignmentKey = message({
  name: 'ShareGroupCurrentMemberAssignmentKey',
  versions: [14, 14],
  fields: {
    groupId: string,
    memberId: string
  }
})

export const ShareGroupCurrentMemberAssignmentValue = message({
  name: 'ShareGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: list({
      topicId: uuid,
      partitions: list(int32)
    })
  }
})

export const ShareGroupStatePartitionMetadataKey = message({
  name: 'ShareGroupStatePartitionMetadataKey',
  versions: [15, 15],
  fields: {
    groupId: string
  }
})

export const ShareGroupStatePartitionMetadataValue = message({
  name: 'ShareGroupStatePartitionMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    initializingTopics: list({
      topicId: uuid,
      topicName: string,
      partitions: list(int32)
    }),
    initializedTopics: list({
      topicId: uuid,
      topicName: string,
      partitions: list(int32)
    }),
    deletingTopics: list({
      topicId: uuid,
      topicName: string
    })
  }
})
