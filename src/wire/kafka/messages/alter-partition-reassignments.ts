import { bool, int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-455. */
export const AlterPartitionReassignments = api({
  key: 45,
  name: 'AlterPartitionReassignments',
  versions: [0, 1],
  flexible: 0,
  request: {
    timeoutMs: int32.or(60000),
    allowReplicationFactorChange: bool.since(1).or(true),
    topics: list({
      name: string,
      partitions: list({
        partitionIndex: int32,
        replicas: list(int32).nullable()
      })
    })
  },
  response: {
    throttleTimeMs: int32.or(0),
    allowReplicationFactorChange: bool.since(1).or(true).lossy(),
    errorCode: int16,
    errorMessage: string.nullable(),
    responses: list({
      name: string,
      partitions: list({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.nullable()
      })
    })
  }
})
