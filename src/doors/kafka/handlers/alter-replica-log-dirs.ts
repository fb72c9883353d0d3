import type { RequestOf, ResponseOf } from '../../../schema/message.ts'
import type { ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { AlterReplicaLogDirs } from '../../../wire/kafka/messages/alter-replica-log-dirs.ts'
import { handler } from '../handler.ts'

/** AlterReplicaLogDirs (KIP-113): there is one folder, and every replica is in it. */
export const alterReplicaLogDirs = handler(
  AlterReplicaLogDirs,
  { versions: [1, 2], refuse: (request, code) => lay(request, () => code) },
  (request, { broker }) => lay(request, (path, topic, index) => broker.logDirs.whyNotTo(path, topic, index))
)

function lay(
  { dirs }: RequestOf<typeof AlterReplicaLogDirs>,
  whyNot: (path: string, topic: string, index: number) => ErrorCode | undefined
): ResponseOf<typeof AlterReplicaLogDirs> {
  return {
    results: dirs.flatMap(({ path, topics }) =>
      topics.map(({ name, partitions }) => ({
        topicName: name,
        partitions: partitions.map(index => ({
          partitionIndex: index,
          errorCode: errorNumber(whyNot(path, name, index))
        }))
      }))
    )
  }
}
