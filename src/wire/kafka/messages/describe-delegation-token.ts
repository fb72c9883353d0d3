import { bytes, int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-48. 3: on behalf of another (KIP-373). */
export const DescribeDelegationToken = api({
  key: 41,
  name: 'DescribeDelegationToken',
  versions: [1, 3],
  flexible: 2,
  request: {
    owners: list({
      principalType: string,
      principalName: string
    }).nullable()
  },
  response: {
    errorCode: int16,
    tokens: list({
      principalType: string,
      principalName: string,
      tokenRequesterPrincipalType: string.since(3),
      tokenRequesterPrincipalName: string.since(3),
      issueTimestamp: int64,
      expiryTimestamp: int64,
      maxTimestamp: int64,
      tokenId: string,
      hmac: bytes,
      renewers: list({
        principalType: string,
        principalName: string
      })
    }),
    throttleTimeMs: int32.or(0)
  }
})
