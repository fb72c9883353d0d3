import { bool, bytes, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/**
 * 3: authorized operations (KIP-430); 4: static members (KIP-345); 6: an error message, and GROUP_ID_NOT_FOUND for
 * groups that are not (KIP-1043).
 */
export const DescribeGroups = api({
  key: 15,
  name: 'DescribeGroups',
  versions: [0, 6],
  flexible: 5,
  request: {
    groups: list(string),
    includeAuthorizedOperations: bool.since(3)
  },
  response: {
    throttleTimeMs: int32.since(1).or(0).lossy(),
    groups: list({
      errorCode: int16,
      errorMessage: string.since(6).nullable(),
      groupId: string,
      groupState: string,
      protocolType: string,
      protocolData: string,
      members: list({
        memberId: string,
        groupInstanceId: string.since(4).nullable().lossy(),
        clientId: string,
        clientHost: string,
        memberMetadata: bytes,
        memberAssignment: bytes
      }),
      authorizedOperations: int32.since(3).or(-2147483648)
    })
  }
})
