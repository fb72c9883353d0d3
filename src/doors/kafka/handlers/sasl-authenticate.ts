import { errorNumber } from '../../../wire/kafka/errors.ts'
import { SaslAuthenticate } from '../../../wire/kafka/messages/sasl-authenticate.ts'
import { handler } from '../handler.ts'

const nothing = Buffer.alloc(0)

/** SaslAuthenticate: no listener asks clients who they are. */
export const saslAuthenticate = handler(
  SaslAuthenticate,
  {
    versions: [0, 2],
    refuse: (_request, code, errorMessage) => ({ errorCode: errorNumber(code), errorMessage, authBytes: nothing })
  },
  () => ({
    errorCode: errorNumber('ILLEGAL_SASL_STATE'),
    errorMessage: 'SaslAuthenticate request received after successful authentication',
    authBytes: nothing
  })
)
