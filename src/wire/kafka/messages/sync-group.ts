import { bytes, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** 3: static members (KIP-345); 5: protocol type and name, to be checked (KIP-559). */
export const SyncGroup = api({
  key: 14,
  name: 'SyncGroup',
  versions: [0, 5],
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.since(3).nullable(),
    protocolType: string.since(5).nullable().lossy(),
    protocolName: string.since(5).nullable().lossy(),
    assignments: list({
      memberId: string,
      assignment: bytes
    })
  },
  response: {
    throttleTimeMs: int32.since(1).or(0).lossy(),
    errorCode: int16,
    protocolType: string.since(5).nullable().lossy(),
    protocolName: string.since(5).nullable().lossy(),
    assignment: bytes
  }
})
