import { isCordoned } from '../../client/admin.ts'
import { describeTopicConfigs, versionOf } from '../../client/admin-configs.ts'
import type { Cluster, PartitionInfo } from '../../client/cluster.ts'
import { formatAddress } from '../../client/options.ts'
import { messageOf } from '../../std/errors.ts'

/** What is not as it should be with a partition, the worst first. */
export const partitionStates = [
  'offline',
  'under min ISR',
  'at min ISR',
  'under-replicated',
  'not on its preferred leader'
] as const
export type PartitionState = (typeof partitionStates)[number]

export interface PartitionStatus {
  readonly topic: string
  readonly partition: number
  /** -1 while it has none. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly minIsr: number
  readonly states: readonly PartitionState[]
}

export interface BrokerStatus {
  readonly broker: number
  /** Null for one that has replicas and is not there. */
  readonly address: string | null
  readonly rack: string | null
  readonly controller: boolean
  /** `gone`: it is not registered; `unreachable`: it is, and can't be reached from here. */
  readonly state: 'up' | 'unreachable' | 'gone'
  /** Why it can't be reached. */
  readonly error: string | null
  /** It takes no new replicas. */
  readonly cordoned: boolean
  /** Of Naru; null where it doesn't say or can't be asked. */
  readonly version: string | null
  readonly leads: number
  /** Partitions that it should lead: it has their first replica. */
  readonly preferred: number
  readonly replicas: number
  readonly inSync: number
}

export interface ClusterStatus {
  readonly clusterId: string | null
  /** -1 while there is none. */
  readonly controller: number
  readonly brokers: readonly BrokerStatus[]
  readonly topics: number
  readonly partitions: number
  /** How many partitions are in each state. */
  readonly counts: Readonly<Record<PartitionState, number>>
  /** Those that are in any, the worst first; of equal ones those of internal topics last. */
  readonly affected: readonly PartitionStatus[]
}

/** How a cluster stands, by what one of its brokers says and by who can be reached from here. */
export async function statusOf(cluster: Cluster): Promise<ClusterStatus> {
  // Brokers first: one that hangs takes seconds, in which leaders may move.
  const brokers = await reached(cluster)
  const topics = [...(await cluster.retrying(() => cluster.fetchTopics(null)))]
  topics.sort((a, b) => Number(a.internal) - Number(b.internal))
  const names = topics.map(({ name }) => name)
  const configs = await describeTopicConfigs(cluster, names)
  const partitions = topics.flatMap(({ name, partitions }) => {
    const needed = Number(configs.get(name)?.get('min.insync.replicas') ?? 1)
    return partitions.map(partition => partitionStatus(name, partition, needed))
  })
  const counts = Object.fromEntries(partitionStates.map(state => [state, 0])) as Record<PartitionState, number>
  for (const { states } of partitions) for (const state of states) counts[state]++
  return {
    clusterId: cluster.clusterId,
    controller: cluster.controller,
    brokers: brokerStatuses(cluster, brokers, partitions),
    topics: topics.length,
    partitions: partitions.length,
    counts,
    affected: partitions.filter(({ states }) => states.length > 0).sort((a, b) => badness(a) - badness(b))
  }
}

/** The lower the worse. */
const badness = ({ states }: PartitionStatus): number => partitionStates.indexOf(states[0])

export function partitionStatus(topic: string, partition: PartitionInfo, needed: number): PartitionStatus {
  const { index, leader, replicas, isr } = partition
  const minIsr = Math.min(needed, replicas.length)
  const holds: Record<PartitionState, boolean> = {
    offline: leader < 0,
    'under min ISR': isr.length < minIsr,
    'at min ISR': isr.length === minIsr && replicas.length > minIsr,
    'under-replicated': isr.length < replicas.length,
    'not on its preferred leader': leader >= 0 && leader !== replicas[0]
  }
  const states = partitionStates.filter(state => holds[state])
  return { topic, partition: index, leader, replicas, isr, minIsr, states }
}

/** What a broker that is registered says of itself. */
interface Reached {
  /** Why it can't be reached from here, if so. */
  readonly error: string | null
  readonly cordoned: boolean
  readonly version: string | null
}

async function reached(cluster: Cluster): Promise<ReadonlyMap<number, Reached>> {
  const tried = cluster.brokerList().map(async ({ id }): Promise<[number, Reached]> => {
    try {
      await cluster.broker(id)
      const [cordoned, version] = await Promise.all([
        // One that doesn't say isn't.
        isCordoned(cluster, id).catch(() => false),
        versionOf(cluster, id).catch(() => undefined)
      ])
      return [id, { error: null, cordoned, version: version ?? null }]
    } catch (error) {
      return [id, { error: messageOf(error), cordoned: false, version: null }]
    }
  })
  return new Map(await Promise.all(tried))
}

function brokerStatuses(
  cluster: Cluster,
  brokers: ReadonlyMap<number, Reached>,
  partitions: readonly PartitionStatus[]
): BrokerStatus[] {
  const known = new Map(cluster.brokerList().map(broker => [broker.id, broker]))
  const shares = new Map<number, { leads: number; preferred: number; replicas: number; inSync: number }>()
  const share = (id: number) => {
    const found = shares.get(id) ?? { leads: 0, preferred: 0, replicas: 0, inSync: 0 }
    shares.set(id, found)
    return found
  }
  for (const id of known.keys()) share(id)
  for (const { leader, replicas, isr } of partitions) {
    if (leader >= 0) share(leader).leads++
    if (replicas.length > 0) share(replicas[0]).preferred++
    for (const id of replicas) share(id).replicas++
    for (const id of isr) share(id).inSync++
  }
  return [...shares]
    .sort(([a], [b]) => a - b)
    .map(([id, counted]) => {
      const broker = known.get(id)
      const { error, cordoned, version } = brokers.get(id) ?? { error: null, cordoned: false, version: null }
      return {
        broker: id,
        address: broker ? formatAddress(broker) : null,
        rack: broker?.rack ?? null,
        controller: id === cluster.controller,
        state: !broker ? 'gone' : error === null ? 'up' : 'unreachable',
        error,
        cordoned,
        version,
        ...counted
      }
    })
}
