import { describeLogDirs } from '../../client/admin.ts'
import { listReassignments, type Reassignment } from '../../client/admin-replicas.ts'
import type { Broker, Cluster } from '../../client/cluster.ts'
import type { PlacedPartition } from '../../control/move-plan.ts'
import type { Site } from '../../control/placement.ts'

/** What a plan is made from. */
export interface ClusterState {
  readonly brokers: readonly Broker[]
  /** Where replicas may go. */
  readonly sites: readonly Site[]
  /** Brokers that take no new replicas. */
  readonly cordoned: readonly Site[]
  /** Partitions as they will be when what is being moved now has moved. */
  readonly partitions: readonly StatedPartition[]
  readonly reassigning: readonly Reassignment[]
}

export interface StatedPartition extends PlacedPartition {
  readonly leader: number
  readonly isr: readonly number[]
}

export const keyOf = ({ topic, index }: { readonly topic: string; readonly index: number }): string =>
  `${topic}-${index}`

/** How a cluster stands: who is there, which replicas lie where and how large they are. */
export async function stateOf(cluster: Cluster): Promise<ClusterState> {
  const topics = await cluster.fetchTopics(null)
  const brokers = [...cluster.brokerList()].sort((a, b) => a.id - b.id)
  const [folders, reassigning] = await Promise.all([describeLogDirs(cluster, null), listReassignments(cluster)])
  const bytes = new Map<string, number>()
  for (const { replicas } of folders)
    for (const { topic, partition, bytes: size } of replicas) {
      const key = keyOf({ topic, index: partition })
      bytes.set(key, Math.max(bytes.get(key) ?? 0, size))
    }
  const open = new Set(folders.filter(({ isCordoned }) => !isCordoned).map(({ broker }) => broker))
  const cordoned = new Set(folders.map(({ broker }) => broker).filter(broker => !open.has(broker)))
  const all = brokers.map(({ id, host, rack }): Site => ({ nodeId: id, rack: rack ?? undefined, host }))
  const moving = new Map(reassigning.map(reassignment => [keyOf(reassignment), reassignment]))
  return {
    brokers,
    sites: all.filter(({ nodeId }) => !cordoned.has(nodeId)),
    cordoned: all.filter(({ nodeId }) => cordoned.has(nodeId)),
    partitions: topics.flatMap(({ name, partitions }) =>
      partitions.map(({ index, replicas, leader, isr }) => {
        const key = keyOf({ topic: name, index })
        const { removing = [] } = moving.get(key) ?? {}
        const target = replicas.filter(nodeId => !removing.includes(nodeId))
        return { topic: name, index, replicas: target, leader, isr, bytes: bytes.get(key) ?? 0 }
      })
    ),
    reassigning
  }
}
