import { errorNumber } from '../../../wire/kafka/errors.ts'
import { SaslHandshake } from '../../../wire/kafka/messages/sasl-handshake.ts'
import { handler } from '../handler.ts'

/** SaslHandshake: no listener asks clients who they are, so a client that wants to tell is told that it can't. */
export const saslHandshake = handler(
  SaslHandshake,
  { versions: [0, 1], refuse: (_request, code) => ({ errorCode: errorNumber(code), mechanisms: [] }) },
  () => ({ errorCode: errorNumber('ILLEGAL_SASL_STATE'), mechanisms: [] })
)
