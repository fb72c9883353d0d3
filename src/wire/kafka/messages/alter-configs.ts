import { bool, int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-133. Resets what it does not name: see IncrementalAlterConfigs. */
export const AlterConfigs = api({
  key: 33,
  name: 'AlterConfigs',
  versions: [0, 2],
  flexible: 2,
  request: {
    resources: list({
      resourceType: int8,
      resourceName: string,
      configs: list({
        name: string,
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
