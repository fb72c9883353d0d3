import { int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-554. */
export const DescribeUserScramCredentials = api({
  key: 50,
  name: 'DescribeUserScramCredentials',
  versions: [0, 0],
  flexible: 0,
  request: {
    users: list({
      name: string
    }).nullable()
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    results: list({
      user: string,
      errorCode: int16,
      errorMessage: string.nullable(),
      credentialInfos: list({
        mechanism: int8,
        iterations: int32
      })
    })
  }
})
