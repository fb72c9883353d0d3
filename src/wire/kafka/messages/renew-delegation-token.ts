import { bytes, int16, int32, int64 } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-48. */
export const RenewDelegationToken = api({
  key: 39,
  name: 'RenewDelegationToken',
  versions: [1, 2],
  flexible: 2,
  request: {
    hmac: bytes,
    renewPeriodMs: int64
  },
  response: {
    errorCode: int16,
    expiryTimestampMs: int64,
    throttleTimeMs: int32.or(0)
  }
})
