import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DescribeLogDirs } from '../../../wire/kafka/messages/describe-log-dirs.ts'
import { handler } from '../handler.ts'

/**
 * DescribeLogDirs (KIP-113): where logs lie and how large they are; the filesystem's room since version 4 (KIP-827).
 * Nothing is ever on its way to another folder. Whether the broker's folder takes new replicas since version 5 (KIP-1066).
 */
export const describeLogDirs = handler(
  DescribeLogDirs,
  {
    versions: [1, 5],
    refuse: (_request, code, _message, version) => ({
      errorCode: version >= 3 ? errorNumber(code) : 0,
      results: []
    })
  },
  async ({ topics }, { broker }) => {
    const asked = topics?.map(({ topic, partitions }) => ({ topic, indexes: partitions }))
    const described = await broker.logDirs.describe(asked)
    return {
      errorCode: 0,
      results: [
        {
          errorCode: errorNumber(described.error),
          logDir: described.path,
          isCordoned: described.cordoned,
          topics: described.topics.map(({ topic, partitions }) => ({
            name: topic,
            partitions: partitions.map(({ index, sizeBytes }) => ({
              partitionIndex: index,
              partitionSize: sizeBytes,
              offsetLag: 0,
              isFutureKey: false
            }))
          })),
          totalBytes: described.totalBytes ?? -1,
          usableBytes: described.usableBytes ?? -1
        }
      ]
    }
  }
)
