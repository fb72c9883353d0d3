import { bool, int16, int32, int64, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** 3: a producer goes on with its id (KIP-360); 4: PRODUCER_FENCED (KIP-588); 6: two-phase commit (KIP-939). */
export const InitProducerId = api({
  key: 22,
  name: 'InitProducerId',
  versions: [0, 6],
  flexible: 2,
  request: {
    transactionalId: string.nullable(),
    transactionTimeoutMs: int32,
    producerId: int64.since(3).or(-1),
    producerEpoch: int16.since(3).or(-1),
    enable2Pc: bool.since(6).or(false),
    keepPreparedTxn: bool.since(6).or(false)
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    producerId: int64.or(-1),
    producerEpoch: int16,
    ongoingTxnProducerId: int64.since(6).or(-1),
    ongoingTxnProducerEpoch: int16.since(6).or(-1)
  }
})
