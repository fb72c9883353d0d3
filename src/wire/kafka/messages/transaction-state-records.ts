import { int8, int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { message } from '../../../schema/message.ts'

/** Records of `__transaction_state`, behind an int16 as those of `__consumer_offsets`: the key's is always 0. */
export const TransactionLogKey = message({
  name: 'TransactionLogKey',
  versions: [0, 0],
  fields: { transactionalId: string }
})

/** Kafka 4.3 writes version 1 (KIP-890); a null value is a tombstone. No partitions at all is null. */
export const TransactionLogValue = message({
  name: 'TransactionLogValue',
  versions: [0, 1],
  flexible: 1,
  fields: {
    producerId: int64,
    previousProducerId: int64.since(1).or(-1).tag(0),
    nextProducerId: int64.since(1).or(-1).tag(1),
    producerEpoch: int16,
    nextProducerEpoch: int16.since(1).or(-1).tag(3),
    transactionTimeoutMs: int32,
    transactionStatus: int8,
    transactionPartitions: list({ topic: string, partitionIds: list(int32) }).nullable(),
    transactionLastUpdateTimestampMs: int64,
    transactionStartTimestampMs: int64,
    clientTransactionVersion: int16.since(1).or(0).tag(2)
  }
})
