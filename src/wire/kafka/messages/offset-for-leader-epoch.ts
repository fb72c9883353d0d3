import { int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-101, KIP-279. 2: the current leader epoch (KIP-320); 3: the follower's id (KIP-392). */
export const OffsetForLeaderEpoch = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexible: 4,
  request: {
    replicaId: int32.since(3).or(-2).lossy(),
    topics: list({
      topic: string,
      partitions: list({
        partition: int32,
        currentLeaderEpoch: int32.or(-1),
        leaderEpoch: int32
      })
    })
  },
  response: {
    throttleTimeMs: int32.or(0),
    topics: list({
      topic: string,
      partitions: list({
        errorCode: int16,
        partition: int32,
        leaderEpoch: int32.or(-1),
        endOffset: int64.or(-1)
      })
    })
  }
})
