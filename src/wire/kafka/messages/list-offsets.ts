import { int8, int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/**
 * 2: isolation level (KIP-98); 4: leader epochs (KIP-320); 7: the offset of the greatest timestamp, -3 (KIP-734); 8:
 * the local log start, -4 (KIP-405); 9: the end of tiered storage, -5 (KIP-1005); 10: a time-out (KIP-1075); 11: the
 * start of what is not tiered yet, -6 (KIP-1023).
 */
export const ListOffsets = api({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexible: 6,
  request: {
    replicaId: int32,
    isolationLevel: int8.since(2),
    topics: list({
      name: string,
      partitions: list({
        partitionIndex: int32,
        currentLeaderEpoch: int32.since(4).or(-1).lossy(),
        timestamp: int64
      })
    }),
    timeoutMs: int32.since(10).lossy()
  },
  response: {
    throttleTimeMs: int32.since(2).or(0).lossy(),
    topics: list({
      name: string,
      partitions: list({
        partitionIndex: int32,
        errorCode: int16,
        timestamp: int64.or(-1),
        offset: int64.or(-1),
        leaderEpoch: int32.since(4).or(-1)
      })
    })
  }
})
