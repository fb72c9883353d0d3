import { int16, int32, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-500. */
export const UnregisterBroker = api({
  key: 64,
  name: 'UnregisterBroker',
  versions: [0, 0],
  flexible: 0,
  request: {
    brokerId: int32
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable()
  }
})
