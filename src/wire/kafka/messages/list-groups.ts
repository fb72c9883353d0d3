import { int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** 4: filter by state (KIP-518); 5: filter by type (KIP-848). */
export const ListGroups = api({
  key: 16,
  name: 'ListGroups',
  versions: [0, 5],
  flexible: 3,
  request: {
    statesFilter: list(string).since(4),
    typesFilter: list(string).since(5)
  },
  response: {
    throttleTimeMs: int32.since(1).or(0).lossy(),
    errorCode: int16,
    groups: list({
      groupId: string,
      protocolType: string,
      groupState: string.since(4).lossy(),
      groupType: string.since(5).lossy()
    })
  }
})
