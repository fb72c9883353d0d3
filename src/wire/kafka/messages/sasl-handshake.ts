import { int16, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** Key 17. */
export const SaslHandshake = api({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  request: {
    mechanism: string
  },
  response: {
    errorCode: int16,
    mechanisms: list(string)
  }
})
