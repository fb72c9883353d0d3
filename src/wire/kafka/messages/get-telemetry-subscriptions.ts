import { bool, int8, int16, int32, list, string, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-714. */
export const GetTelemetrySubscriptions = api({
  key: 71,
  name: 'GetTelemetrySubscriptions',
  versions: [0, 0],
  flexible: 0,
  request: {
    clientInstanceId: uuid
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    clientInstanceId: uuid,
    subscriptionId: int32,
    acceptedCompressionTypes: list(int8),
    pushIntervalMs: int32,
    telemetryMaxBytes: int32,
    deltaTemporality: bool,
    requestedMetrics: list(string)
  }
})
