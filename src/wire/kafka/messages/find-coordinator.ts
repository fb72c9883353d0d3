import { int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** 1: transactions besides groups (KIP-98); 4: several keys (KIP-699); 6: share groups (KIP-932). */
export const FindCoordinator = api({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexible: 3,
  request: {
    key: string.until(3),
    keyType: int8.since(1).or(0),
    coordinatorKeys: list(string).since(4)
  },
  response: {
    throttleTimeMs: int32.since(1).or(0).lossy(),
    errorCode: int16.until(3),
    errorMessage: string.since(1).until(3).nullable().or('').lossy(),
    nodeId: int32.until(3),
    host: string.until(3),
    port: int32.until(3),
    coordinators: list({
      key: string,
      nodeId: int32,
      host: string,
      port: int32,
      errorCode: int16,
      errorMessage: string.nullable()
    }).since(4)
  }
})
