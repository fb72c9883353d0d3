import { errorNumber } from '../../../wire/kafka/errors.ts'
import { ListPartitionReassignments } from '../../../wire/kafka/messages/list-partition-reassignments.ts'
import { handler } from '../handler.ts'

/** ListPartitionReassignments (KIP-455): those under way; partitions asked for that don't move, or aren't there, are left out. */
export const listPartitionReassignments = handler(
  ListPartitionReassignments,
  {
    versions: [0, 0],
    refuse: (_request, code, errorMessage) => ({ errorCode: errorNumber(code), errorMessage, topics: [] })
  },
  ({ topics }, { broker }) => {
    const asked = topics?.map(({ name, partitionIndexes }) => ({ topic: name, indexes: partitionIndexes }))
    return {
      errorCode: 0,
      errorMessage: null,
      topics: broker.replicas.reassigning(asked).map(({ topic, partitions }) => ({
        name: topic,
        partitions: partitions.map(({ index, replicas, adding, removing }) => ({
          partitionIndex: index,
          replicas,
          addingReplicas: adding,
          removingReplicas: removing
        }))
      }))
    }
  }
)
