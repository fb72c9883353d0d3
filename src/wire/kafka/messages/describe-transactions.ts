import { int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-664. */
export const DescribeTransactions = api({
  key: 65,
  name: 'DescribeTransactions',
  versions: [0, 0],
  flexible: 0,
  request: {
    transactionalIds: list(string)
  },
  response: {
    throttleTimeMs: int32.or(0),
    transactionStates: list({
      errorCode: int16,
      transactionalId: string,
      transactionState: string,
      transactionTimeoutMs: int32,
      transactionStartTimeMs: int64,
      producerId: int64,
      producerEpoch: int16,
      topics: list({
        topic: string,
        partitions: list(int32)
      })
    })
  }
})
