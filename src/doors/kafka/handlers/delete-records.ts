import type { Partitions } from '../../../broker/partitions.ts'
import { isInternalTopic } from '../../../broker/topic-names.ts'
import { codeOf, NaruError } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { DeleteRecords } from '../../../wire/kafka/messages/delete-records.ts'
import { handler } from '../handler.ts'

/** DeleteRecords (KIP-107): moves log start offsets up; offset -1 stands for the high watermark. */
export const deleteRecords = handler(
  DeleteRecords,
  {
    versions: [0, 2],
    alone: true,
    refuse: (request, code) => ({
      topics: request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({
          partitionIndex,
          lowWatermark: -1,
          errorCode: errorNumber(code)
        }))
      }))
    })
  },
  async (request, context) => ({
    topics: await Promise.all(
      request.topics.map(async ({ name, partitions }) => ({
        name,
        partitions: await Promise.all(
          partitions.map(({ partitionIndex, offset }) =>
            deleteBefore(context.broker.partitions, name, partitionIndex, offset)
          )
        )
      }))
    )
  })
)

async function deleteBefore(partitions: Partitions, topic: string, partitionIndex: number, offset: number) {
  try {
    if (isInternalTopic(topic)) throw new NaruError('INVALID_TOPIC_EXCEPTION')
    const lowWatermark = await partitions.find({ topic, index: partitionIndex }).deleteRecordsBefore(offset)
    return { partitionIndex, lowWatermark, errorCode: 0 }
  } catch (error) {
    return { partitionIndex, lowWatermark: -1, errorCode: errorNumber(codeOf(error)) }
  }
}
