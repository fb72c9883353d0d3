import { bytes, int16, int64, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** 1: the life time of the session (KIP-368). */
export const SaslAuthenticate = api({
  key: 36,
  name: 'SaslAuthenticate',
  versions: [0, 2],
  flexible: 2,
  request: {
    authBytes: bytes
  },
  response: {
    errorCode: int16,
    errorMessage: string.nullable(),
    authBytes: bytes,
    sessionLifetimeMs: int64.since(1).or(0).lossy()
  }
})
