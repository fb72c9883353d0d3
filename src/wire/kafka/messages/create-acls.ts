import { int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-140. 1: prefixed patterns (KIP-290); 3: users of delegation tokens (KIP-373). */
export const CreateAcls = api({
  key: 30,
  name: 'CreateAcls',
  versions: [1, 3],
  flexible: 2,
  request: {
    creations: list({
      resourceType: int8,
      resourceName: string,
      resourcePatternType: int8.or(3),
      principal: string,
      host: string,
      operation: int8,
      permissionType: int8
    })
  },
  response: {
    throttleTimeMs: int32.or(0),
    results: list({
      errorCode: int16,
      errorMessage: string.nullable()
    })
  }
})
