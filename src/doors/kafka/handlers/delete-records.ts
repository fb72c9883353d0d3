import type { Broker } from '../../../broker/broker.ts'
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
            deleteBefore(context.broker, { topic: name, index: partitionIndex }, offset, request.timeoutMs)
          )
        )
      }))
    )
  })
)

async function deleteBefore(broker: Broker, of: { topic: string; index: number }, offset: number, timeoutMs: number) {
  const partitionIndex = of.index
  try {
    if (isInternalTopic(of.topic)) throw new NaruError('INVALID_TOPIC_EXCEPTION')
    const { lowWatermark, error } = await broker.deleteRecords(of, offset, timeoutMs)
    return { partitionIndex, lowWatermark, errorCode: error ? errorNumber(error) : 0 }
  } catch (error) {
    return { partitionIndex, lowWatermark: -1, errorCode: errorNumber(codeOf(error)) }
  }
}
