import type { ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { CreateDelegationToken } from '../../../wire/kafka/messages/create-delegation-token.ts'
import { handler } from '../handler.ts'

const nobody = { principalType: 'User', principalName: 'ANONYMOUS' }
const requester = {
  tokenRequesterPrincipalType: nobody.principalType,
  tokenRequesterPrincipalName: nobody.principalName
}
const nothing = Buffer.alloc(0)

/**
 * CreateDelegationToken (KIP-48): clients are not authenticated, so nobody can be given one. Who asks is named since
 * version 3 (KIP-373).
 */
export const createDelegationToken = handler(
  CreateDelegationToken,
  { versions: [1, 3], refuse: (_request, code, _message, version) => refused(code, version) },
  (_request, { apiVersion }) => refused('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', apiVersion)
)

function refused(code: ErrorCode, version: number) {
  return {
    errorCode: errorNumber(code),
    ...nobody,
    ...(version >= 3 && requester),
    issueTimestampMs: -1,
    expiryTimestampMs: -1,
    maxTimestampMs: -1,
    tokenId: '',
    hmac: nothing
  }
}
