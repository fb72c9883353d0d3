import type { ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { RenewDelegationToken } from '../../../wire/kafka/messages/renew-delegation-token.ts'
import { handler } from '../handler.ts'

/** RenewDelegationToken (KIP-48): clients are not authenticated, so there are none. */
export const renewDelegationToken = handler(
  RenewDelegationToken,
  { versions: [1, 2], refuse: (_request, code) => refused(code) },
  () => refused('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED')
)

function refused(code: ErrorCode) {
  return {
    errorCode: errorNumber(code),
    expiryTimestampMs: -1
  }
}
