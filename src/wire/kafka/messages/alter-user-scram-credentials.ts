import { bytes, int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-554. */
export const AlterUserScramCredentials = api({
  key: 51,
  name: 'AlterUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  request: {
    deletions: list({
      name: string,
      mechanism: int8
    }),
    upsertions: list({
      name: string,
      mechanism: int8,
      iterations: int32,
      salt: bytes,
      saltedPassword: bytes
    })
  },
  response: {
    throttleTimeMs: int32.or(0),
    results: list({
      user: string,
      errorCode: int16,
      errorMessage: string.nullable()
    })
  }
})
