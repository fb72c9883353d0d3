import { NaruError } from '../std/errors.ts'
import { errorOfNumber } from '../wire/kafka/errors.ts'
import { AlterPartitionReassignments } from '../wire/kafka/messages/alter-partition-reassignments.ts'
import { ElectLeaders } from '../wire/kafka/messages/elect-leaders.ts'
import { ListPartitionReassignments } from '../wire/kafka/messages/list-partition-reassignments.ts'
import { UnregisterBroker } from '../wire/kafka/messages/unregister-broker.ts'
import { type Cluster, ensureOk } from './cluster.ts'

const timeoutMs = 30_000

export interface PartitionName {
  readonly topic: string
  readonly index: number
}

/** The replicas that a partition shall have; null cancels its reassignment. */
export interface ReassignmentTarget extends PartitionName {
  readonly replicas: readonly number[] | null
}

/** A partition whose replicas are being moved. */
export interface Reassignment extends PartitionName {
  readonly replicas: readonly number[]
  readonly adding: readonly number[]
  readonly removing: readonly number[]
}

/** Gives partitions other replicas, in number too; gives those that could not be, with the reason. */
export async function reassignPartitions(
  cluster: Cluster,
  targets: readonly ReassignmentTarget[]
): Promise<{ readonly target: ReassignmentTarget; readonly error: NaruError }[]> {
  const byTopic = new Map<string, ReassignmentTarget[]>()
  for (const target of targets) byTopic.set(target.topic, [...(byTopic.get(target.topic) ?? []), target])
  const response = await cluster.askController(AlterPartitionReassignments, {
    timeoutMs,
    topics: Array.from(byTopic, ([name, list]) => ({
      name,
      partitions: list.map(({ index, replicas }) => ({ partitionIndex: index, replicas: replicas && [...replicas] }))
    }))
  })
  ensureOk(response.errorCode, 'Reassignment', response.errorMessage)
  return response.responses.flatMap(({ name, partitions }) =>
    partitions.flatMap(({ partitionIndex, errorCode, errorMessage }) => {
      const code = errorOfNumber(errorCode)
      const target = byTopic.get(name)?.find(({ index }) => index === partitionIndex)
      return code && target ? { target, error: new NaruError(code, errorMessage ?? code) } : []
    })
  )
}

/** All partitions whose replicas are being moved. */
export async function listReassignments(cluster: Cluster): Promise<Reassignment[]> {
  const response = await cluster.askController(ListPartitionReassignments, { timeoutMs, topics: null })
  ensureOk(response.errorCode, 'Reassignments', response.errorMessage)
  return response.topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) => ({
      topic: name,
      index: partitionIndex,
      replicas,
      adding: addingReplicas,
      removing: removingReplicas
    }))
  )
}

/** What became of an election; without an error there is a new leader. */
export interface Elected extends PartitionName {
  readonly error?: NaruError
}

/**
 * Has the first replica of partitions lead them, where it is there and in sync; `unclean`: of those without a leader, any
 * replica that is there (KIP-460). Errors of partitions are ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE,
 * ELIGIBLE_LEADERS_NOT_AVAILABLE and others.
 */
export async function electLeaders(
  cluster: Cluster,
  type: 'preferred' | 'unclean',
  partitions: readonly PartitionName[]
): Promise<Elected[]> {
  if (partitions.length === 0) return []
  const byTopic = new Map<string, number[]>()
  for (const { topic, index } of partitions) byTopic.set(topic, [...(byTopic.get(topic) ?? []), index])
  const { errorCode, replicaElectionResults } = await cluster.askController(ElectLeaders, {
    electionType: type === 'preferred' ? 0 : 1,
    topicPartitions: Array.from(byTopic, ([topic, indexes]) => ({ topic, partitions: indexes })),
    timeoutMs
  })
  ensureOk(errorCode, 'Election')
  return replicaElectionResults.flatMap(({ topic, partitionResult }) =>
    partitionResult.map(({ partitionId, errorCode, errorMessage }) => {
      const code = errorOfNumber(errorCode)
      return { topic, index: partitionId, error: code && new NaruError(code, errorMessage ?? code) }
    })
  )
}

/** Forgets a broker that is no more. Rejects with BROKER_ID_NOT_REGISTERED and others. */
export async function unregisterBroker(cluster: Cluster, brokerId: number): Promise<void> {
  const { errorCode, errorMessage } = await cluster.askController(UnregisterBroker, { brokerId })
  ensureOk(errorCode, `Broker ${brokerId}`, errorMessage)
}
