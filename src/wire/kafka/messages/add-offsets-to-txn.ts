import { int16, int32, int64, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-98. */
export const AddOffsetsToTxn = api({
  key: 25,
  name: 'AddOffsetsToTxn',
  versions: [0, 4],
  flexible: 3,
  request: {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16
  }
})
