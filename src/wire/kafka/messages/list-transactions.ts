import { int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-664. 1: filter by duration (KIP-994); 2: filter by pattern (KIP-1152). */
export const ListTransactions = api({
  key: 66,
  name: 'ListTransactions',
  versions: [0, 2],
  flexible: 0,
  request: {
    stateFilters: list(string),
    producerIdFilters: list(int64),
    durationFilter: int64.since(1).or(-1),
    transactionalIdPattern: string.since(2).nullable()
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    unknownStateFilters: list(string),
    transactionStates: list({
      transactionalId: string,
      producerId: int64,
      transactionState: string
    })
  }
})
