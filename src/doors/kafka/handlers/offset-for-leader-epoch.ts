import type { Partitions } from '../../../broker/partitions.ts'
import { codeOf, type ErrorCode } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { OffsetForLeaderEpoch } from '../../../wire/kafka/messages/offset-for-leader-epoch.ts'
import { handler } from '../handler.ts'

/** OffsetForLeaderEpoch (KIP-101, KIP-320): where an epoch ended, for consumers that check for truncation. */
export const offsetForLeaderEpoch = handler(
  OffsetForLeaderEpoch,
  {
    versions: [2, 4],
    refuse: (request, code) => ({
      topics: request.topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => nowhere(partition, code))
      }))
    })
  },
  (request, context) => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) =>
        lookUp(context.broker.partitions, topic, partition, currentLeaderEpoch, leaderEpoch)
      )
    }))
  })
)

const nowhere = (partition: number, error: ErrorCode | undefined) => ({
  errorCode: errorNumber(error),
  partition,
  leaderEpoch: -1,
  endOffset: -1
})

function lookUp(partitions: Partitions, topic: string, index: number, currentLeaderEpoch: number, epoch: number) {
  try {
    const partition = partitions.find({ topic, index, currentLeaderEpoch })
    const end = partition.endOffsetForEpoch(epoch)
    return end
      ? { errorCode: 0, partition: index, leaderEpoch: end.epoch, endOffset: end.endOffset }
      : nowhere(index, undefined)
  } catch (error) {
    return nowhere(index, codeOf(error))
  }
}
