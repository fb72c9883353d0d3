import { whyNoCredentials } from '../../../broker/unconfigured.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeUserScramCredentials } from '../../../wire/kafka/messages/describe-user-scram-credentials.ts'
import { handler } from '../handler.ts'

/** DescribeUserScramCredentials (KIP-554): nobody has credentials. All users for null, and for none at all. */
export const describeUserScramCredentials = handler(
  DescribeUserScramCredentials,
  {
    versions: [0, 0],
    refuse: (_request, code, errorMessage) => ({ errorCode: errorNumber(code), errorMessage, results: [] })
  },
  ({ users }) => ({
    errorCode: 0,
    errorMessage: '',
    results: Array.from(whyNoCredentials((users ?? []).map(({ name }) => name)), ([user, { error, message }]) => ({
      user,
      errorCode: errorNumber(error),
      errorMessage: message,
      credentialInfos: []
    }))
  })
)
