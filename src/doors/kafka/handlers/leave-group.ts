import { errorNumber } from '../../../wire/kafka/errors.ts'
import { LeaveGroup } from '../../../wire/kafka/messages/leave-group.ts'
import { handler } from '../handler.ts'

/** LeaveGroup. Several members, and static ones, since version 3 (KIP-345); reason since 5 (KIP-800). */
export const leaveGroup = handler(
  LeaveGroup,
  { versions: [0, 5], pipelined: true, refuse: (_request, code) => ({ errorCode: errorNumber(code) }) },
  async (request, context) => {
    const { groupId, memberId } = request
    if (context.apiVersion >= 3) {
      const left = await context.broker.groups.leave(request)
      const members = left.members.map(({ error, ...member }) => ({ ...member, errorCode: errorNumber(error) }))
      return { errorCode: 0, members }
    }
    const single = { groupId, members: [{ memberId, groupInstanceId: null, reason: null }] }
    const left = await context.broker.groups.leave(single)
    return { errorCode: errorNumber(left.members[0].error) }
  }
)
