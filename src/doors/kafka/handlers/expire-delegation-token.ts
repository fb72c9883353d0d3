import type { ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { ExpireDelegationToken } from '../../../wire/kafka/messages/expire-delegation-token.ts'
import { handler } from '../handler.ts'

/** ExpireDelegationToken (KIP-48): clients are not authenticated, so there are none. */
export const expireDelegationToken = handler(
  ExpireDelegationToken,
  { versions: [1, 2], refuse: (_request, code) => refused(code) },
  () => refused('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED')
)

function refused(code: ErrorCode) {
  return {
    errorCode: errorNumber(code),
    expiryTimestampMs: -1
  }
}
