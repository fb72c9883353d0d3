import { codeOf, type ErrorCode, messageOf } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeGroups } from '../../../wire/kafka/messages/describe-groups.ts'
import { operationsFor } from '../authorized-operations.ts'
import { handler, type RequestContext } from '../handler.ts'

/**
 * DescribeGroups. Authorized operations since version 3 (KIP-430), static members since 4, and since 6 an unknown group
 * is GROUP_ID_NOT_FOUND where it was Dead before (KIP-1043).
 */
export const describeGroups = handler(
  DescribeGroups,
  {
    versions: [0, 6],
    refuse: (request, code, message, version) => ({
      groups: request.groups.map(groupId => refused(groupId, code, message, version))
    })
  },
  async (request, context) => ({
    groups: await Promise.all(
      request.groups.map(groupId => describeOne(context, groupId, request.includeAuthorizedOperations))
    )
  })
)

async function describeOne(context: RequestContext, groupId: string, operationsAsked: boolean) {
  const { apiVersion } = context
  try {
    const { state, ...group } = await context.broker.groups.describe(groupId)
    if (state === 'Dead' && apiVersion >= 6)
      return { ...refused(groupId, 'GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`, apiVersion), groupState: state }
    return { errorCode: 0, groupState: state, ...group, authorizedOperations: operationsFor('group', operationsAsked) }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'UNKNOWN_SERVER_ERROR') throw error
    return refused(groupId, code, messageOf(error), apiVersion)
  }
}

function refused(groupId: string, code: ErrorCode, message: string, version: number) {
  return {
    errorCode: errorNumber(code),
    errorMessage: version >= 6 ? message : null,
    groupId,
    groupState: '',
    protocolType: '',
    protocolData: '',
    members: []
  }
}
