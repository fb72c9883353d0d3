import { int16, int32, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** 3: static members (KIP-345). */
export const Heartbeat = api({
  key: 12,
  name: 'Heartbeat',
  versions: [0, 4],
  flexible: 4,
  request: {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: string.since(3).nullable()
  },
  response: {
    throttleTimeMs: int32.since(1).or(0).lossy(),
    errorCode: int16
  }
})
