import { errorNumber } from '../../../wire/kafka/errors.ts'
import { AlterPartitionReassignments } from '../../../wire/kafka/messages/alter-partition-reassignments.ts'
import { handler } from '../handler.ts'

/**
 * AlterPartitionReassignments (KIP-455). Since version 1 the client may insist that the number of replicas stays
 * (KIP-860).
 */
export const alterPartitionReassignments = handler(
  AlterPartitionReassignments,
  {
    versions: [0, 1],
    alone: true,
    timeoutMs: ({ timeoutMs }) => timeoutMs,
    refuse: (_request, code, errorMessage) => ({ errorCode: errorNumber(code), errorMessage, responses: [] })
  },
  async ({ topics, allowReplicationFactorChange }, { broker }) => {
    const targets = topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, replicas }) => ({ topic: name, index: partitionIndex, replicas }))
    )
    const errors = (await broker.replicas.reassign(targets, allowReplicationFactorChange)).values()
    return {
      allowReplicationFactorChange,
      errorCode: 0,
      errorMessage: null,
      responses: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => {
          const error = errors.next().value
          return { partitionIndex, errorCode: errorNumber(error?.code), errorMessage: error?.message ?? null }
        })
      }))
    }
  }
)
