import { codeOf, messageOf } from '../../../std/errors.ts'
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
  ({ topics, allowReplicationFactorChange }, { broker }) => {
    const reassign = (topic: string, partitionIndex: number, replicas: readonly number[] | null) => {
      try {
        broker.replicas.reassign(topic, partitionIndex, replicas, allowReplicationFactorChange)
        return { partitionIndex, errorCode: 0, errorMessage: null }
      } catch (error) {
        return { partitionIndex, errorCode: errorNumber(codeOf(error)), errorMessage: messageOf(error) }
      }
    }
    return {
      allowReplicationFactorChange,
      errorCode: 0,
      errorMessage: null,
      responses: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, replicas }) => reassign(name, partitionIndex, replicas))
      }))
    }
  }
)
