import { bool, bytes, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/**
 * 1: a rebalance time-out of its own (KIP-62); 4: a member id is required (KIP-394); 5: static members (KIP-345); 8:
 * the reason (KIP-800); 9: the leader may skip the assignment (KIP-814).
 */
export const JoinGroup = api({
  key: 11,
  name: 'JoinGroup',
  versions: [0, 9],
  flexible: 6,
  request: {
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: int32.since(1).or(-1).lossy(),
    memberId: string,
    groupInstanceId: string.since(5).nullable(),
    protocolType: string,
    protocols: list({
      name: string,
      metadata: bytes
    }),
    reason: string.since(8).nullable().lossy()
  },
  response: {
    throttleTimeMs: int32.since(2).or(0).lossy(),
    errorCode: int16,
    generationId: int32.or(-1),
    protocolType: string.since(7).nullable().lossy(),
    protocolName: string.nullable(7),
    leader: string,
    skipAssignment: bool.since(9).or(false),
    memberId: string,
    members: list({
      memberId: string,
      groupInstanceId: string.since(5).nullable().lossy(),
      metadata: bytes
    })
  }
})
