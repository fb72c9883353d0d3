import type { Replicas } from '../../../broker/replicas.ts'
import type { ElectionType } from '../../../control/types.ts'
import { NaruError } from '../../../std/errors.ts'
import { errorNumber } from '../../../wire/kafka/errors.ts'
import { ElectLeaders } from '../../../wire/kafka/messages/elect-leaders.ts'
import { handler } from '../handler.ts'

const notNeeded = errorNumber('ELECTION_NOT_NEEDED')

/**
 * ElectLeaders (KIP-183): preferred elections only in version 0, the type is named since 1 (KIP-460). Asked for every partition
 * (null), the answer leaves out those that need no election.
 */
export const electLeaders = handler(
  ElectLeaders,
  {
    versions: [0, 2],
    alone: true,
    timeoutMs: ({ timeoutMs }) => timeoutMs,
    refuse: ({ topicPartitions }, code, errorMessage, version) => ({
      errorCode: version >= 1 ? errorNumber(code) : 0,
      replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
        topic,
        partitionResult: partitions.map(partitionId => ({ partitionId, errorCode: errorNumber(code), errorMessage }))
      }))
    })
  },
  async ({ electionType, topicPartitions }, { broker: { replicas }, apiVersion }) => {
    const type = apiVersion === 0 ? 'preferred' : election(electionType)
    const asked = topicPartitions?.map(({ topic, partitions }) => ({ topic, indexes: partitions })) ?? replicas.all()
    const answers = Array.from(asked, async ({ topic, indexes }) => {
      const results = await Promise.all(indexes.map(index => elect(replicas, topic, index, type)))
      const partitionResult = results.filter(({ errorCode }) => topicPartitions !== null || errorCode !== notNeeded)
      return { topic, partitionResult }
    })
    return { errorCode: 0, replicaElectionResults: await Promise.all(answers) }
  }
)

async function elect(replicas: Replicas, topic: string, partitionId: number, type: ElectionType) {
  const { error, message } = (await replicas.elect(topic, partitionId, type)) ?? {}
  return { partitionId, errorCode: errorNumber(error), errorMessage: message ?? null }
}

function election(number: number): ElectionType {
  if (number === 0) return 'preferred'
  if (number === 1) return 'unclean'
  throw new NaruError('INVALID_REQUEST', `Unknown election type ${number}`)
}
