import { bool, int16, int32, int64, list, string } from '../../../schema/fields.ts'
import { api } from '../../../schema/message.ts'

/** KIP-113. 4: total and usable bytes (KIP-827). */
export const DescribeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 5],
  flexible: 2,
  request: {
    topics: list({
      topic: string,
      partitions: list(int32)
    }).nullable()
  },
  response: {
    throttleTimeMs: int32.or(0),
    errorCode: int16.since(3).lossy(),
    results: list({
      errorCode: int16,
      logDir: string,
      topics: list({
        name: string,
        partitions: list({
          partitionIndex: int32,
          partitionSize: int64,
          offsetLag: int64,
          isFutureKey: bool
        })
      }),
      totalBytes: int64.since(4).or(-1).lossy(),
      usableBytes: int64.since(4).or(-1).lossy(),
      isCordoned: bool.since(5).or(false).lossy()
    })
  }
})
