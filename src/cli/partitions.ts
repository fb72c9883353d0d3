import type { Cluster } from '../client/cluster.ts'
import { UsageError } from './failure.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The partitions that `orders` (all of them) or `orders:0,3` name. Throws UsageError; rejects for a topic that isn't there. */
export async function partitionsNamed(cluster: Cluster, texts: readonly string[]): Promise<TopicPartition[]> {
  const named: TopicPartition[] = []
  for (const text of texts) {
    const [, topic, list] = /^([^:]+)(?::([\d,]+))?$/.exec(text) ?? []
    if (topic === undefined)
      throw new UsageError(`A topic is named orders, or orders:0,3 for partitions of it, not '${text}'.`)
    const { partitions } = await cluster.retrying(() => cluster.topic(topic))
    const all = partitions.map(({ index }) => index)
    const wanted = list === undefined ? all : list.split(',').filter(Boolean).map(Number)
    for (const partition of wanted) {
      if (!all.includes(partition))
        throw new UsageError(`Topic ${topic} has ${all.length} partition(s); there is no partition ${partition}.`)
      if (!named.some(other => other.topic === topic && other.partition === partition)) named.push({ topic, partition })
    }
  }
  return named
}
