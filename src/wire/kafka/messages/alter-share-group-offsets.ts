import { int16, int32, int64, list, string, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-932. */
export const AlterShareGroupOffsets = api({
  key: 91,
  name: 'AlterShareGroupOffsets',
  versions: [0, 0],
  flexible: 0,
  request: {
    groupId: string,
    topics: list({
      topicName: string,
      partitions: list({
        partitionIndex: int32,
        startOffset: int64
      })
    })
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    responses: list({
      topicName: string,
      topicId: uuid,
      partitions: list({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.nullable()
      })
    })
  }
})
