import { codeOf, type ErrorCode, NaruError } from '../std/errors.ts'
import { errorOfNumber } from '../wire/kafka/errors.ts'
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

/** What a leader answered of one partition: an offset, or why not. */
export type OffsetAnswer = { readonly offset: number } | { readonly error: ErrorCode }

/** The offset of an answer; -1 where there is none. */
export function offsetOf(answer: OffsetAnswer): number {
  return 'offset' in answer ? answer.offset : -1
}

/** At most so many partitions are asked for in one request. */
const askedMax = 2000

/**
 * The first offsets or the ends of many partitions, with one request to each leader where they fit in. Gives the answers
 * in the order of `partitions`; what is not there or has no leader has an error. Rejects only when no broker answers.
 */
export async function listOffsets(
  cluster: Cluster,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
  at: 'earliest' | 'latest'
): Promise<OffsetAnswer[]> {
  const answers: OffsetAnswer[] = partitions.map(() => ({ error: 'UNKNOWN_TOPIC_OR_PARTITION' }))
  const byLeader = new Map<number, number[]>()
  await Promise.all(
    partitions.map(async ({ topic, partition }, i) => {
      try {
        const leader = await cluster.leaderOf(topic, partition)
        const asked = byLeader.get(leader)
        if (asked) asked.push(i)
        else byLeader.set(leader, [i])
      } catch (error) {
        answers[i] = { error: codeOf(error) }
      }
    })
  )
  const requests = [...byLeader].flatMap(([leader, indexes]) =>
    Array.from({ length: Math.ceil(indexes.length / askedMax) }, (_, i) => ({
      leader,
      indexes: indexes.slice(i * askedMax, (i + 1) * askedMax)
    }))
  )
  await Promise.all(
    requests.map(async ({ leader, indexes }) => {
      try {
        await askLeader(cluster, leader, indexes, partitions, at, answers)
      } catch (error) {
        for (const i of indexes) answers[i] = { error: codeOf(error) }
      }
    })
  )
  return answers
}

async function askLeader(
  cluster: Cluster,
  leader: number,
  indexes: readonly number[],
  partitions: readonly { readonly topic: string; readonly partition: number }[],
  at: 'earliest' | 'latest',
  answers: OffsetAnswer[]
): Promise<void> {
  const places = new Map(indexes.map(i => [`${partitions[i].topic}/${partitions[i].partition}`, i]))
  const topics = new Map<string, { partitionIndex: number; timestamp: number }[]>()
  for (const i of indexes) {
    const { topic, partition } = partitions[i]
    const asked = { partitionIndex: partition, timestamp: at === 'latest' ? -1 : -2 }
    const known = topics.get(topic)
    if (known) known.push(asked)
    else topics.set(topic, [asked])
  }
  const connection = await cluster.broker(leader)
  const response = await connection.request(ListOffsets, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [...topics].map(([name, asked]) => ({ name, partitions: asked }))
  })
  for (const { name, partitions } of response.topics)
    for (const { partitionIndex, errorCode, offset } of partitions) {
      const i = places.get(`${name}/${partitionIndex}`)
      const error = errorOfNumber(errorCode)
      if (i !== undefined) answers[i] = error ? { error } : { offset }
    }
}
