import type { ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { CreateDelegationToken } from '../../../wire/kafka/messages/create-delegation-token.ts'
import { handler } from '../handler.ts'

const nothing = Buffer.alloc(0)

/** CreateDelegationToken (KIP-48): clients are not authenticated, so nobody can be given one. */
export const createDelegationToken = handler(
  CreateDelegationToken,
  { versions: [1, 3], refuse: (_request, code) => refused(code) },
  () => refused('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED')
)

function refused(code: ErrorCode) {
  return {
    errorCode: errorNumber(code),
    principalType: 'User',
    principalName: 'ANONYMOUS',
    tokenRequesterPrincipalType: 'User',
    tokenRequesterPrincipalName: 'ANONYMOUS',
    issueTimestampMs: -1,
    expiryTimestampMs: -1,
    maxTimestampMs: -1,
    tokenId: '',
    hmac: nothing
  }
}
