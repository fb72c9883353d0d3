import type { Cluster } from '../client/cluster.ts'
import type { CommitOffset } from '../client/group.ts'
import { listOffset } from '../client/offsets.ts'
import { Failed } from './failure.ts'
import type { TopicPartition } from './partitions.ts'

/** An offset that a file gives; without a group it is for the group that the command names. */
export interface FileOffset extends CommitOffset {
  readonly groupId: string | undefined
}

/** Where groups shall go on: the scenarios of kafka-consumer-groups. */
export type ResetTo =
  | 'earliest'
  | 'latest'
  | 'current'
  | { readonly offset: number }
  | { readonly shiftBy: number }
  | { readonly timestampMs: number }
  | { readonly offsets: readonly FileOffset[] }

export interface PlannedOffset {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  /** What is committed now; null where nothing is. */
  readonly from: number | null
  readonly to: number
  /** What people should know of this one. */
  readonly note?: string
}

/** Works out, and changes nothing. Throws Failed when a partition has no committed offset to shift. */
export async function planOf(
  cluster: Cluster,
  groupId: string,
  partitions: readonly TopicPartition[],
  committed: readonly CommitOffset[],
  to: ResetTo
): Promise<PlannedOffset[]> {
  const current = (at: TopicPartition) =>
    committed.find(({ topic, partition }) => topic === at.topic && partition === at.partition)?.offset ?? null
  const inFile = typeof to === 'object' && 'offsets' in to
  const wanted: readonly TopicPartition[] = inFile
    ? to.offsets.filter(offset => offset.groupId === undefined || offset.groupId === groupId)
    : partitions
  return Promise.all(
    wanted.map(async at => {
      const from = current(at)
      const { topic, partition } = at
      const [first, end] = await Promise.all([
        listOffset(cluster, { topic, partition, at: 'earliest' }),
        listOffset(cluster, { topic, partition, at: 'latest' })
      ])
      const asked = await askedOffset(cluster, groupId, at, from, inFile ? { offset: (at as FileOffset).offset } : to)
      const target = Math.min(end.offset, Math.max(first.offset, asked ?? end.offset))
      const planned = { groupId, topic, partition, from, to: target }
      if (asked === undefined) return { ...planned, note: 'nothing committed: the end' }
      if (asked === target) return planned
      return { ...planned, note: `${asked} is ${asked < target ? 'below the first offset' : 'behind the end'}` }
    })
  )
}

/** Undefined: nothing is committed, and the end is meant. */
async function askedOffset(
  cluster: Cluster,
  groupId: string,
  { topic, partition }: TopicPartition,
  from: number | null,
  to: Exclude<ResetTo, { offsets: readonly FileOffset[] }>
): Promise<number | undefined> {
  if (to === 'current') return from ?? undefined
  if (to === 'earliest' || to === 'latest') return (await listOffset(cluster, { topic, partition, at: to })).offset
  if ('offset' in to) return to.offset
  if ('timestampMs' in to) return (await listOffset(cluster, { topic, partition, at: to })).offset
  if (from !== null) return from + to.shiftBy
  throw new Failed(
    `Group ${groupId} has no committed offset of ${topic}-${partition} that could be shifted.`,
    'Take --to-earliest or --to-latest there first.'
  )
}
