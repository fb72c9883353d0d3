import { int16, int32, int64, list, string, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/**
 * 5 drops the retention time (KIP-211); 6: leader epochs (KIP-320); 7: static members (KIP-345); 9: member epochs of
 * the new group protocol (KIP-848); 10: topic ids.
 */
export const OffsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexible: 8,
  request: {
    groupId: string,
    generationIdOrMemberEpoch: int32.or(-1),
    memberId: string,
    groupInstanceId: string.since(7).nullable(),
    retentionTimeMs: int64.until(4).or(-1).lossy(),
    topics: list({
      name: string.until(9).lossy(),
      topicId: uuid.since(10).lossy(),
      partitions: list({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.since(6).or(-1).lossy(),
        committedMetadata: string.nullable()
      })
    })
  },
  response: {
    throttleTimeMs: int32.since(3).or(0).lossy(),
    topics: list({
      name: string.until(9).lossy(),
      topicId: uuid.since(10).lossy(),
      partitions: list({
        partitionIndex: int32,
        errorCode: int16
      })
    })
  }
})
