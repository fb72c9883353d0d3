import { int16, int32, list, string, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-932. */
export const DeleteShareGroupOffsets = api({
  key: 92,
  name: 'DeleteShareGroupOffsets',
  versions: [0, 0],
  flexible: 0,
  request: {
    groupId: string,
    topics: list({
      topicName: string
    })
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    responses: list({
      topicName: string,
      topicId: uuid,
      errorCode: int16,
      errorMessage: string.nullable()
    })
  }
})
