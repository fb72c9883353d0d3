import { NaruError } from '../std/errors.ts'
import { ListOffsets } from '../wire/kafka/messages/list-offsets.ts'
import { type Cluster, ensureOk } from './cluster.ts'

/** A place in a partition: an offset, an end, or the first record that is not older than a time (epoch ms). */
export type OffsetSpec = number | 'earliest' | 'latest' | { readonly timestampMs: number }

export interface FoundOffset {
  readonly offset: number
  /** Of the record found by time; -1 otherwise. */
  readonly timestamp: number
}

/** Asks the leader for the offset of a place. Past the newest record's time stands the end. */
export async function listOffset(
  cluster: Cluster,
  { topic, partition, at }: { readonly topic: string; readonly partition: number; readonly at: OffsetSpec },
  readCommitted = false
): Promise<FoundOffset> {
  if (typeof at === 'number') return { offset: at, timestamp: -1 }
  const connection = await cluster.broker(await cluster.leaderOf(topic, partition))
  const timestamp = at === 'latest' ? -1 : at === 'earliest' ? -2 : at.timestampMs
  const response = await connection.request(ListOffsets, {
    replicaId: -1,
    isolationLevel: readCommitted ? 1 : 0,
    topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }]
  })
  const answer = response.topics[0]?.partitions[0]
  if (!answer) throw new NaruError('UNKNOWN_SERVER_ERROR', 'The broker left out the partition asked for.')
  ensureOk(answer.errorCode, `Offset of ${topic}-${partition}`)
  if (answer.offset < 0) return listOffset(cluster, { topic, partition, at: 'latest' }, readCommitted)
  return { offset: answer.offset, timestamp: answer.timestamp }
}
