import { bool, int8, int16, int32, int64, list, string, struct, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-932. */
export const ShareAcknowledge = api({
  key: 79,
  name: 'ShareAcknowledge',
  versions: [1, 2],
  flexible: 0,
  request: {
    groupId: string.nullable(),
    memberId: string.nullable(),
    shareSessionEpoch: int32,
    isRenewAck: bool.since(2).or(false),
    topics: list({
      topicId: uuid,
      partitions: list({
        partitionIndex: int32,
        acknowledgementBatches: list({
          firstOffset: int64,
          lastOffset: int64,
          acknowledgeTypes: list(int8)
        })
      })
    })
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    acquisitionLockTimeoutMs: int32.since(2).lossy(),
    responses: list({
      topicId: uuid,
      partitions: list({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.nullable(),
        currentLeader: struct({
          leaderId: int32,
          leaderEpoch: int32
        })
      })
    }),
    nodeEndpoints: list({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable()
    })
  }
})
