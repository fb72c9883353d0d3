import { int8, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-183. 1: unclean election (KIP-460). */
export const ElectLeaders = api({
  key: 43,
  name: 'ElectLeaders',
  versions: [0, 2],
  flexible: 2,
  request: {
    electionType: int8.since(1),
    topicPartitions: list({
      topic: string,
      partitions: list(int32)
    }).nullable(),
    timeoutMs: int32.or(60000)
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16.since(1),
    replicaElectionResults: list({
      topic: string,
      partitionResult: list({
        partitionId: int32,
        errorCode: int16,
        errorMessage: string.nullable()
      })
    })
  }
})
