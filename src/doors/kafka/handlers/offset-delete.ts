import { errorNumber } from '../../../wire/kafka/errors.ts'
import { OffsetDelete } from '../../../wire/kafka/messages/offset-delete.ts'
import { handler } from '../handler.ts'

/** OffsetDelete (KIP-496). */
export const offsetDelete = handler(
  OffsetDelete,
  { versions: [0, 0], alone: true, refuse: (_request, code) => ({ errorCode: errorNumber(code), topics: [] }) },
  async (request, context) => {
    const places = request.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex }))
    )
    const results = await context.broker.groups.deleteOffsets(request.groupId, places)
    let next = 0
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        return { partitionIndex, errorCode: errorNumber(results[next++]) }
      })
    }))
    return { errorCode: 0, topics }
  }
)
