import { int16, int32, int64, list, records, string, struct, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/**
 * Versions 3 on carry record batches v2. 7: zstd (KIP-110); 8: which records were refused (KIP-467); 10: the current
 * leader (KIP-951); 12: transactions of the second kind (KIP-890); 13: topic ids (KIP-516).
 */
export const Produce = api({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  flexible: 9,
  request: {
    transactionalId: string.nullable(),
    acks: int16,
    timeoutMs: int32,
    topicData: list({
      name: string.until(12).lossy(),
      topicId: uuid.since(13).lossy(),
      partitionData: list({
        index: int32,
        records: records.nullable()
      })
    })
  },
  response: {
    responses: list({
      name: string.until(12).lossy(),
      topicId: uuid.since(13).lossy(),
      partitionResponses: list({
        index: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: int64.or(-1),
        logStartOffset: int64.since(5).or(-1).lossy(),
        recordErrors: list({
          batchIndex: int32,
          batchIndexErrorMessage: string.nullable()
        })
          .since(8)
          .lossy(),
        errorMessage: string.since(8).nullable().lossy(),
        currentLeader: struct({
          leaderId: int32.or(-1),
          leaderEpoch: int32.or(-1)
        })
          .since(10)
          .tag(0)
      })
    }),
    throttleTimeMs: int32.or(0),
    nodeEndpoints: list({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable()
    })
      .since(10)
      .tag(0)
  }
})
