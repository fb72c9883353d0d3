import { int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-455. */
export const ListPartitionReassignments = api({
  key: 46,
  name: 'ListPartitionReassignments',
  versions: [0, 0],
  flexible: 0,
  request: {
    timeoutMs: int32.or(60000),
    topics: list({
      name: string,
      partitionIndexes: list(int32)
    }).nullable()
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16,
    errorMessage: string.nullable(),
    topics: list({
      name: string,
      partitions: list({
        partitionIndex: int32,
        replicas: list(int32),
        addingReplicas: list(int32),
        removingReplicas: list(int32)
      })
    })
  }
})
