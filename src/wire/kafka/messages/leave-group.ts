import { int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** 3: several members, static ones by instance id (KIP-345); 5: the reason (KIP-800). */
export const LeaveGroup = api({
  key: 13,
  name: 'LeaveGroup',
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string,
    memberId: string.until(2),
    members: list({
      memberId: string,
      groupInstanceId: string.nullable(),
      reason: string.since(5).nullable().lossy()
    }).since(3)
  },
  response: {
    throttleTimeMs: int32.since(1).or(0).lossy(),
    errorCode: int16,
    members: list({
      memberId: string,
      groupInstanceId: string.nullable(),
      errorCode: int16
    }).since(3)
  }
})
