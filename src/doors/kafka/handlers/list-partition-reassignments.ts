import { errorNumber } from '../../../wire/kafka/errors.ts'
import { ListPartitionReassignments } from '../../../wire/kafka/messages/list-partition-reassignments.ts'
import { handler } from '../handler.ts'

/** ListPartitionReassignments (KIP-455): replicas stay where they are, so nothing is ever under way. */
export const listPartitionReassignments = handler(
  ListPartitionReassignments,
  {
    versions: [0, 0],
    refuse: (_request, code, errorMessage) => ({ errorCode: errorNumber(code), errorMessage, topics: [] })
  },
  () => ({ errorCode: 0, errorMessage: null, topics: [] })
)
