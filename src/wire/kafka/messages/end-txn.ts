import { bool, int16, int32, int64, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-98. 5: the next producer epoch comes back (KIP-890). */
export const EndTxn = api({
  key: 26,
  name: 'EndTxn',
  versions: [0, 5],
  flexible: 3,
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    committed: bool
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    producerId: int64.since(5).or(-1).lossy(),
    producerEpoch: int16.since(5).or(-1).lossy()
  }
})
