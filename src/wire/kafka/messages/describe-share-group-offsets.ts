import { int16, int32, int64, list, string, uuid } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-932. */
export const DescribeShareGroupOffsets = api({
  key: 90,
  name: 'DescribeShareGroupOffsets',
  versions: [0, 1],
  flexible: 0,
  request: {
    groups: list({
      groupId: string,
      topics: list({
        topicName: string,
        partitions: list(int32)
      }).nullable()
    })
  },
  response: {
    throttleTimeMs: int32.or(0),
    groups: list({
      groupId: string,
      topics: list({
        topicName: string,
        topicId: uuid,
        partitions: list({
          partitionIndex: int32,
          startOffset: int64,
          leaderEpoch: int32,
          lag: int64.since(1).or(-1).lossy(),
          errorCode: int16,
          errorMessage: string.nullable()
        })
      }),
      errorCode: int16,
      errorMessage: string.nullable()
    })
  }
})
