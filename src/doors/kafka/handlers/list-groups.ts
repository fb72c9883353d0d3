import { errorNumber } from '../../../wire/kafka/errors.ts'
import { ListGroups } from '../../../wire/kafka/messages/list-groups.ts'
import { handler } from '../handler.ts'

/** ListGroups. States since version 4 (KIP-518), types since 5 (KIP-848). */
export const listGroups = handler(
  ListGroups,
  { versions: [0, 5], refuse: (_request, code) => ({ errorCode: errorNumber(code), groups: [] }) },
  async (request, context) => {
    const listed = await context.broker.groups.list({ states: request.statesFilter, types: request.typesFilter })
    const groups = listed.map(({ groupId, protocolType, state, type }) => {
      return { groupId, protocolType, groupState: state, groupType: type }
    })
    return { errorCode: 0, groups }
  }
)
