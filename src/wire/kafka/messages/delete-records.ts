import { int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-107. An offset of -1 stands for the high watermark. */
export const DeleteRecords = api({
  key: 21,
  name: 'DeleteRecords',
  versions: [0, 2],
  flexible: 2,
  request: {
    topics: list({
      name: string,
      partitions: list({
        partitionIndex: int32,
        offset: int64
      })
    }),
    timeoutMs: int32
  },
  response: {
    throttleTimeMs: int32.or(0),
    topics: list({
      name: string,
      partitions: list({
        partitionIndex: int32,
        lowWatermark: int64,
        errorCode: int16
      })
    })
  }
})
