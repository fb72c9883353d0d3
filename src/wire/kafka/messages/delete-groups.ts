import { int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-229. */
export const DeleteGroups = api({
  key: 42,
  name: 'DeleteGroups',
  versions: [0, 2],
  flexible: 2,
  request: {
    groupsNames: list(string)
  },
  response: {
    throttleTimeMs: int32.or(0),
    results: list({
      groupId: string,
      errorCode: int16
    })
  }
})
