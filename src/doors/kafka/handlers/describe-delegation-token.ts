import type { ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeDelegationToken } from '../../../wire/kafka/messages/describe-delegation-token.ts'
import { handler } from '../handler.ts'

/** DescribeDelegationToken (KIP-48): clients are not authenticated, so there are none. */
export const describeDelegationToken = handler(
  DescribeDelegationToken,
  { versions: [1, 3], refuse: (_request, code) => refused(code) },
  () => refused('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED')
)

function refused(code: ErrorCode) {
  return {
    errorCode: errorNumber(code),
    tokens: []
  }
}
