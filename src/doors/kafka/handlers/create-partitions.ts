import { errorNumber } from '../../../wire/kafka/errors.ts'
import { CreatePartitions } from '../../../wire/kafka/messages/create-partitions.ts'
import { handler } from '../handler.ts'

/** CreatePartitions (KIP-195). */
export const createPartitions = handler(
  CreatePartitions,
  {
    versions: [0, 3],
    alone: true,
    timeoutMs: ({ timeoutMs }) => timeoutMs,
    refuse: (request, code, errorMessage) => ({
      results: request.topics.map(({ name }) => ({ name, errorCode: errorNumber(code), errorMessage }))
    })
  },
  async ({ topics, validateOnly }, { broker }) => {
    const outcomes = await broker.topics.addPartitions(topics, validateOnly)
    return {
      results: outcomes.map(({ name, error, message }) => ({
        name,
        errorCode: errorNumber(error),
        errorMessage: message ?? null
      }))
    }
  }
)
