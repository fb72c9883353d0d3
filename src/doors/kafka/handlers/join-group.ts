import type { JoinResponse } from '../../../groups/member.ts'
import { refusedJoin } from '../../../groups/member.ts'
import type { ResponseOf } from '../../../schema/message.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { JoinGroup } from '../../../wire/kafka/messages/join-group.ts'
import { groupClient } from '../group-client.ts'
import { handler } from '../handler.ts'

/**
 * JoinGroup. Rebalance time-out since version 1, newcomers come back with a member id since 4 (KIP-394), static
 * members since 5 (KIP-345), protocol type answered since 7 (KIP-559), reason since 8 (KIP-800), skipped assignment
 * since 9 (KIP-814).
 */
export const joinGroup = handler(
  JoinGroup,
  {
    versions: [0, 9],
    pipelined: true,
    refuse: (request, code, _message, version) => layOut(refusedJoin(code, request.memberId), version)
  },
  async (request, context) => {
    const client = {
      ...groupClient(context),
      memberIdRequired: context.apiVersion >= 4,
      canSkipAssignment: context.apiVersion >= 9
    }
    return layOut(await context.broker.groups.join(request, client), context.apiVersion)
  }
)

function layOut(response: JoinResponse, version: number): ResponseOf<typeof JoinGroup> {
  const { error, protocolName, ...rest } = response
  return {
    ...rest,
    errorCode: errorNumber(error),
    // Nullable since version 7.
    protocolName: version < 7 ? (protocolName ?? '') : protocolName
  }
}
