import { codeOf } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DeleteGroups } from '../../../wire/kafka/messages/delete-groups.ts'
import { handler } from '../handler.ts'

/** DeleteGroups (KIP-229): each group is answered for itself, and once. */
export const deleteGroups = handler(
  DeleteGroups,
  {
    versions: [0, 2],
    alone: true,
    refuse: (request, code) => ({
      results: request.groupsNames.map(groupId => ({ groupId, errorCode: errorNumber(code) }))
    })
  },
  async (request, context) => ({
    results: await Promise.all(
      Array.from(new Set(request.groupsNames), async groupId => {
        const failed = await context.broker.groups.deleteGroup(groupId).then(() => undefined, codeOf)
        return { groupId, errorCode: errorNumber(failed) }
      })
    )
  })
)
