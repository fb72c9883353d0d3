import { int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-98. 3: generation, member and instance, for fencing (KIP-447); 5: transactions of the second kind (KIP-890). */
export const TxnOffsetCommit = api({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 5],
  flexible: 3,
  request: {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationId: int32.since(3).or(-1),
    memberId: string.since(3).or(''),
    groupInstanceId: string.since(3).nullable(),
    topics: list({
      name: string,
      partitions: list({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.since(2).or(-1).lossy(),
        committedMetadata: string.nullable()
      })
    })
  },
  response: {
    throttleTimeMs: int32.or(0),
    topics: list({
      name: string,
      partitions: list({
        partitionIndex: int32,
        errorCode: int16
      })
    })
  }
})
