import { alterConfigs, type ConfigChange, describeTopicConfigs } from '../../client/admin-configs.ts'
import type { Cluster } from '../../client/cluster.ts'
import type { PlannedMove } from '../../control/move-plan.ts'
import { codeOf } from '../../std/errors.ts'
import { addedBy } from './plan-text.ts'

const sides = ['leader', 'follower'] as const
const rateOf = (side: (typeof sides)[number]) => `${side}.replication.throttled.rate`
const replicasOf = (side: (typeof sides)[number]) => `${side}.replication.throttled.replicas`

/** Bounds what brokers send and fetch of what is moved, as kafka-reassign-partitions does. */
export async function setThrottle(
  cluster: Cluster,
  moves: readonly PlannedMove[],
  bytesPerSecond: number
): Promise<void> {
  const named = new Map<string, { leader: string[]; follower: string[] }>()
  for (const move of moves) {
    const { topic, index, replicas } = move.partition
    const found = named.get(topic) ?? { leader: [], follower: [] }
    named.set(topic, found)
    for (const broker of replicas) found.leader.push(`${index}:${broker}`)
    for (const broker of addedBy(move)) found.follower.push(`${index}:${broker}`)
  }
  for (const [topic, replicas] of named)
    await alterConfigs(
      cluster,
      { type: 'topic', name: topic },
      sides.map(side => ({ name: replicasOf(side), operation: 'set', value: replicas[side].join(',') }))
    )
  await eachBroker(
    cluster,
    sides.map(side => ({ name: rateOf(side), operation: 'set', value: String(bytesPerSecond) }))
  )
}

/** Takes all throttles away. */
export async function clearThrottle(cluster: Cluster): Promise<void> {
  const topics = (await cluster.fetchTopics(null)).map(({ name }) => name)
  const configs = await describeTopicConfigs(cluster, topics)
  for (const [topic, values] of configs) {
    const set = sides.filter(side => values.get(replicasOf(side)))
    const changes = set.map(side => ({ name: replicasOf(side), operation: 'delete', value: null }) as const)
    if (changes.length > 0) await alterConfigs(cluster, { type: 'topic', name: topic }, changes)
  }
  await eachBroker(
    cluster,
    sides.map(side => ({ name: rateOf(side), operation: 'delete', value: null }))
  )
}

async function eachBroker(cluster: Cluster, changes: readonly ConfigChange[]): Promise<void> {
  for (const { id } of cluster.brokerList())
    await alterConfigs(cluster, { type: 'broker', name: String(id) }, changes).catch(error => {
      // It went away just now; what it had set of its own it finds again when it is back.
      if (codeOf(error) !== 'NETWORK_EXCEPTION' && codeOf(error) !== 'BROKER_NOT_AVAILABLE') throw error
    })
}
