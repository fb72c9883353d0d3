import { int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-496. */
export const OffsetDelete = api({
  key: 47,
  name: 'OffsetDelete',
  versions: [0, 0],
  request: {
    groupId: string,
    topics: list({
      name: string,
      partitions: list({
        partitionIndex: int32
      })
    })
  },
  response: {
    errorCode: int16,
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
