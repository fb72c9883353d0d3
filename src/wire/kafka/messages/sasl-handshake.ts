import { int16, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** 1: what follows is in SaslAuthenticate requests (KIP-152). */
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
