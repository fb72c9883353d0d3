import { int16, int32, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-113. */
export const AlterReplicaLogDirs = api({
  key: 34,
  name: 'AlterReplicaLogDirs',
  versions: [1, 2],
  flexible: 2,
  request: {
    dirs: list({
      path: string,
      topics: list({
        name: string,
        partitions: list(int32)
      })
    })
  },
  response: {
    throttleTimeMs: int32.or(0),
    results: list({
      topicName: string,
      partitions: list({
        partitionIndex: int32,
        errorCode: int16
      })
    })
  }
})
