import { option } from '../std/option.ts'
import type { Partition } from './partition.ts'

const formOf = (name: string) =>
  `${name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`

const throttled = <const N extends string>(name: N, side: string) =>
  option({
    name,
    type: 'list',
    default: [],
    doc: `Which replicas ${side} no faster than the broker's throttled rate while they are not in sync: partition:broker, ..., or * for all.`,
    check: replicas =>
      replicas.join() === '*' || replicas.every(replica => /^(\d+:\d+)?$/.test(replica)) ? undefined : formOf(name)
  })

/** Topic options that name what `leader.replication.throttled.rate` and `follower.replication.throttled.rate` bound (KIP-73). */
export const throttledTopicOptions = {
  leader: throttled('leader.replication.throttled.replicas', 'a leader sends to its followers'),
  follower: throttled('follower.replication.throttled.replicas', 'a follower fetches')
} as const

/** The partitions of a topic whose replica on one broker is throttled. */
export type ThrottledPartitions = ReadonlySet<number> | 'all'

/** Those that a list of `partition:broker` names for one broker; undefined for none. */
export function throttledPartitions(list: readonly string[], nodeId: number): ThrottledPartitions | undefined {
  if (list.join() === '*') return 'all'
  const indexes = list.flatMap(replica => {
    const [index, broker] = replica.split(':')
    return broker !== undefined && Number(broker) === nodeId ? Number(index) : []
  })
  return indexes.length > 0 ? new Set(indexes) : undefined
}

/** Whether replication of a replica is throttled on a side, as long as the follower is not in sync. */
export function isThrottled(
  { config, index }: Pick<Partition, 'config' | 'index'>,
  side: 'leader' | 'follower'
): boolean {
  const partitions = config.throttled?.[side]
  return partitions !== undefined && (partitions === 'all' || partitions.has(index))
}
