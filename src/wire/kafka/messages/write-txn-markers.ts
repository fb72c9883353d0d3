import { bool, int8, int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-98; among brokers. 2: the version of the transaction protocol (KIP-1228). */
export const WriteTxnMarkers = api({
  key: 27,
  name: 'WriteTxnMarkers',
  versions: [1, 2],
  flexible: 1,
  request: {
    markers: list({
      producerId: int64,
      producerEpoch: int16,
      transactionResult: bool,
      topics: list({
        name: string,
        partitionIndexes: list(int32)
      }),
      coordinatorEpoch: int32,
      transactionVersion: int8.since(2).or(0).lossy()
    })
  },
  response: {
    markers: list({
      producerId: int64,
      topics: list({
        name: string,
        partitions: list({
          partitionIndex: int32,
          errorCode: int16
        })
      })
    })
  }
})
