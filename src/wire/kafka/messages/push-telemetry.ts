import { bool, bytes, int8, int16, int32, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-714. */
export const PushTelemetry = api({
  key: 72,
  name: 'PushTelemetry',
  versions: [0, 0],
  flexible: 0,
  request: {
    clientInstanceId: uuid,
    subscriptionId: int32,
    terminating: bool,
    compressionType: int8,
    metrics: bytes
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16
  }
})
