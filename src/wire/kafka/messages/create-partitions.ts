import { bool, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-195. */
export const CreatePartitions = api({
  key: 37,
  name: 'CreatePartitions',
  versions: [0, 3],
  flexible: 2,
  request: {
    topics: list({
      name: string,
      count: int32,
      assignments: list({
        brokerIds: list(int32)
      }).nullable()
    }),
    timeoutMs: int32,
    validateOnly: bool
  },
  response: {
    throttleTimeMs: int32.or(0),
    results: list({
      name: string,
      errorCode: int16,
      errorMessage: string.nullable()
    })
  }
})
