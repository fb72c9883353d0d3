import { bytes, int8, int32, int64, list, string, struct, uuid } from '../../../schema/fields.ts'
import { message } from '../../../schema/message.ts'

/**
 * Records of consumer groups (KIP-848) in `__consumer_offsets`, behind an int16 as those of consumer-offsets-records.ts: a key's is
 * its type, 3 to 8 and 16.
 */

export const ConsumerGroupMetadataKey = message({
  name: 'ConsumerGroupMetadataKey',
  versions: [3, 3],
  fields: {
    groupId: string
  }
})

export const ConsumerGroupMetadataValue = message({
  name: 'ConsumerGroupMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    epoch: int32,
    metadataHash: int64.or(0).tag(0)
  }
})

export const ConsumerGroupPartitionMetadataKey = message({
  name: 'ConsumerGroupPartitionMetadataKey',
  versions: [4, 4],
  fields: {
    groupId: string
  }
})

export const ConsumerGroupPartitionMetadataValue = message({
  name: 'ConsumerGroupPartitionMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topics: list({
      topicId: uuid,
      topicName: string,
      numPartitions: int32,
      partitionMetadata: list({
        partition: int32,
        racks: list(string)
      })
    })
  }
})

export const ConsumerGroupMemberMetadataKey = message({
  name: 'ConsumerGroupMemberMetadataKey',
  versions: [5, 5],
  fields: {
    groupId: string,
    memberId: string
  }
})

export const ConsumerGroupMemberMetadataValue = message({
  name: 'ConsumerGroupMemberMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    instanceId: string.nullable(),
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: list(string),
    subscribedTopicRegex: string.nullable(),
    rebalanceTimeoutMs: int32.or(-1),
    serverAssignor: string.nullable(),
    classicMemberMetadata: struct({
      sessionTimeoutMs: int32,
      supportedProtocols: list({
        name: string,
        metadata: bytes
      })
    })
      .or({ sessionTimeoutMs: 0, supportedProtocols: [] })
      .nullable()
      .tag(0)
  }
})

export const ConsumerGroupTargetAssignmentMetadataKey = message({
  name: 'ConsumerGroupTargetAssignmentMetadataKey',
  versions: [6, 6],
  fields: {
    groupId: string
  }
})

export const ConsumerGroupTargetAssignmentMetadataValue = message({
  name: 'ConsumerGroupTargetAssignmentMetadataValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    assignmentEpoch: int32,
    assignmentTimestamp: int64.or(0).lossy().tag(0)
  }
})

export const ConsumerGroupTargetAssignmentMemberKey = message({
  name: 'ConsumerGroupTargetAssignmentMemberKey',
  versions: [7, 7],
  fields: {
    groupId: string,
    memberId: string
  }
})

export const ConsumerGroupTargetAssignmentMemberValue = message({
  name: 'ConsumerGroupTargetAssignmentMemberValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topicPartitions: list({
      topicId: uuid,
      partitions: list(int32)
    })
  }
})

export const ConsumerGroupCurrentMemberAssignmentKey = message({
  name: 'ConsumerGroupCurrentMemberAssignmentKey',
  versions: [8, 8],
  fields: {
    groupId: string,
    memberId: string
  }
})

export const ConsumerGroupCurrentMemberAssignmentValue = message({
  name: 'ConsumerGroupCurrentMemberAssignmentValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: list({
      topicId: uuid,
      partitions: list(int32),
      assignmentEpochs: list(int32).or([]).nullable().tag(0)
    }),
    partitionsPendingRevocation: list({
      topicId: uuid,
      partitions: list(int32),
      assignmentEpochs: list(int32).or([]).nullable().tag(0)
    })
  }
})

export const ConsumerGroupRegularExpressionKey = message({
  name: 'ConsumerGroupRegularExpressionKey',
  versions: [16, 16],
  fields: {
    groupId: string,
    regularExpression: string
  }
})

export const ConsumerGroupRegularExpressionValue = message({
  name: 'ConsumerGroupRegularExpressionValue',
  versions: [0, 0],
  flexible: 0,
  fields: {
    topics: list(string),
    version: int64,
    timestamp: int64
  }
})
