import { bytes, int32, list, string } from '../../../schema/fields.ts'
import { message } from '../../../schema/message.ts'

/**
 * What consumers put into the opaque bytes of JoinGroup and SyncGroup, behind an int16 version. A version above the
 * last one known is read as that one: newer versions only add at the end.
 */
export const ConsumerProtocolSubscription = message({
  name: 'ConsumerProtocolSubscription',
  versions: [0, 3],
  fields: {
    topics: list(string),
    userData: bytes.nullable(),
    ownedPartitions: list({ topic: string, partitions: list(int32) })
      .since(1)
      .lossy(),
    generationId: int32.since(2).or(-1).lossy(),
    rackId: string.since(3).nullable().lossy()
  }
})

export const ConsumerProtocolAssignment = message({
  name: 'ConsumerProtocolAssignment',
  versions: [0, 3],
  fields: {
    assignedPartitions: list({ topic: string, partitions: list(int32) }),
    userData: bytes.nullable()
  }
})
