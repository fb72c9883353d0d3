import { bool, int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-339. */
export const IncrementalAlterConfigs = api({
  key: 44,
  name: 'IncrementalAlterConfigs',
  versions: [0, 1],
  flexible: 1,
  request: {
    resources: list({
      resourceType: int8,
      resourceName: string,
      configs: list({
        name: string,
        configOperation: int8,
        value: string.nullable()
      })
    }),
    validateOnly: bool
  },
  response: {
    throttleTimeMs: int32.or(0),
    responses: list({
      errorCode: int16,
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string
    })
  }
})
