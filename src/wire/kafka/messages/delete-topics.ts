import { int16, int32, list, string, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** 5: an error message (KIP-599); 6: by topic id (KIP-516). */
export const DeleteTopics = api({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexible: 4,
  request: {
    topics: list({
      name: string.nullable(),
      topicId: uuid
    }).since(6),
    topicNames: list(string).until(5).lossy(),
    timeoutMs: int32
  },
  response: {
    throttleTimeMs: int32.or(0),
    responses: list({
      name: string.nullable(6),
      topicId: uuid.since(6).lossy(),
      errorCode: int16,
      errorMessage: string.since(5).nullable().lossy()
    })
  }
})
