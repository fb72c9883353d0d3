import { bool, int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

const addPartitionsToTxnTopic = {
  name: string,
  partitions: list(int32)
}

const addPartitionsToTxnPartitionResult = {
  partitionIndex: int32,
  partitionErrorCode: int16
}

const addPartitionsToTxnTopicResult = {
  name: string,
  resultsByPartition: list(addPartitionsToTxnPartitionResult)
}

/** KIP-98. 4: several transactions, asked by brokers (KIP-890); up to 3 one, asked by clients. */
export const AddPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 5],
  flexible: 3,
  request: {
    transactions: list({
      transactionalId: string,
      producerId: int64,
      producerEpoch: int16,
      verifyOnly: bool.or(false),
      topics: list(addPartitionsToTxnTopic)
    }).since(4),
    v3AndBelowTransactionalId: string.until(3),
    v3AndBelowProducerId: int64.until(3),
    v3AndBelowProducerEpoch: int16.until(3),
    v3AndBelowTopics: list(addPartitionsToTxnTopic).until(3)
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16.since(4).lossy(),
    resultsByTransaction: list({
      transactionalId: string,
      topicResults: list(addPartitionsToTxnTopicResult)
    }).since(4),
    resultsByTopicV3AndBelow: list(addPartitionsToTxnTopicResult).until(3)
  }
})
