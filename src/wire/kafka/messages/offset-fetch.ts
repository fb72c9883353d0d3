import { bool, int16, int32, int64, list, string, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/**
 * 2: null topics ask for all; 5: leader epochs (KIP-320); 7: stable offsets only (KIP-447); 8: several groups
 * (KIP-709); 9: member epochs (KIP-848); 10: topic ids.
 */
export const OffsetFetch = api({
  key: 9,
  name: 'OffsetFetch',
  versions: [1, 10],
  flexible: 6,
  request: {
    groupId: string.until(7),
    topics: list({
      name: string,
      partitionIndexes: list(int32)
    })
      .until(7)
      .nullable(2)
      .or([]),
    groups: list({
      groupId: string,
      memberId: string.since(9).nullable().lossy(),
      memberEpoch: int32.since(9).or(-1).lossy(),
      topics: list({
        name: string.until(9).lossy(),
        topicId: uuid.since(10).lossy(),
        partitionIndexes: list(int32)
      }).nullable()
    }).since(8),
    requireStable: bool.since(7).or(false)
  },
  response: {
    throttleTimeMs: int32.since(3).or(0).lossy(),
    topics: list({
      name: string,
      partitions: list({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.since(5).or(-1).lossy(),
        metadata: string.nullable(),
        errorCode: int16
      })
    }).until(7),
    errorCode: int16.since(2).until(7).or(0).lossy(),
    groups: list({
      groupId: string,
      topics: list({
        name: string.until(9).lossy(),
        topicId: uuid.since(10).lossy(),
        partitions: list({
          partitionIndex: int32,
          committedOffset: int64,
          committedLeaderEpoch: int32.or(-1),
          metadata: string.nullable(),
          errorCode: int16
        })
      }),
      errorCode: int16.or(0)
    }).since(8)
  }
})
