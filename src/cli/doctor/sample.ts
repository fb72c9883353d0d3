import { isUtf8 } from 'node:buffer'
import type { Cluster, TopicInfo } from '../../client/cluster.ts'
import { Consumer } from '../../client/consumer.ts'
import { type OffsetAnswer, offsetOf } from '../../client/offsets.ts'
import { messageOf } from '../../std/errors.ts'
import type { Progress } from '../progress.ts'
import type { SampleView } from './view.ts'

/** The newest records of so many topics are looked at, those with the most records first. */
const topicsMax = 50
/** Records and bytes of one topic, and how long it may take to fetch them. */
const recordsMax = 5000
const bytesMax = 4 * 1024 * 1024
const topicMs = 3000
/** Further distinct keys of a topic are not counted: those that matter have come by then. */
const keysMax = 20_000
const topKeysMax = 3
const keyShownMax = 60

/** Looks at the newest records of topics. What can't be read is left out: it is no reason to say nothing of the rest. */
export async function sampleTopics(
  cluster: Cluster,
  topics: readonly TopicInfo[],
  asked: readonly { readonly topic: string; readonly partition: number }[],
  { firsts, ends }: { readonly firsts: readonly OffsetAnswer[]; readonly ends: readonly OffsetAnswer[] },
  progress: Progress
): Promise<SampleView[]> {
  const held = new Map<string, { partition: number; first: number; end: number }[]>()
  asked.forEach(({ topic, partition }, i) => {
    const [first, end] = [offsetOf(firsts[i]), offsetOf(ends[i])]
    if (first < 0 || end <= first) return
    const list = held.get(topic)
    if (list) list.push({ partition, first, end })
    else held.set(topic, [{ partition, first, end }])
  })
  const size = (topic: TopicInfo) => (held.get(topic.name) ?? []).reduce((sum, { first, end }) => sum + end - first, 0)
  const chosen = topics
    .filter(({ name }) => held.has(name))
    .sort((a, b) => size(b) - size(a))
    .slice(0, topicsMax)
  const samples: SampleView[] = []
  for (const [i, { name }] of chosen.entries()) {
    progress.update({ fraction: i / chosen.length, at: `sampling ${name}` })
    const sample = await sampleTopic(cluster, name, held.get(name)!)
    if (sample.records > 0) samples.push(sample)
  }
  return samples
}

async function sampleTopic(
  cluster: Cluster,
  topic: string,
  held: readonly { partition: number; first: number; end: number }[]
): Promise<SampleView> {
  // Of each partition as much as it has to say: its part of all records, so that a hot one shows.
  const total = held.reduce((sum, { first, end }) => sum + end - first, 0)
  const share = Math.min(1, recordsMax / total)
  const consumer = new Consumer(cluster, { maxWaitMs: 100, readCommitted: false, maxBytes: bytesMax })
  consumer.assign(
    held.map(({ partition, first, end }) => ({
      topic,
      partition,
      at: Math.max(first, end - Math.ceil((end - first) * share))
    }))
  )
  const deadlineMs = cluster.clock.monotonic() + topicMs
  const ends = new Map(held.map(({ partition, end }) => [partition, end]))
  const keys = new Map<string, { records: number; partition: number }>()
  let [records, keyless, bytes, newestTimestamp] = [0, 0, 0, -1]
  try {
    while (
      records < recordsMax &&
      bytes < bytesMax &&
      cluster.clock.monotonic() < deadlineMs &&
      consumer.positions().some(({ partition, position }) => position < (ends.get(partition) ?? 0))
    ) {
      for (const record of await consumer.poll(500, recordsMax - records)) {
        records++
        bytes += record.bytes.length
        newestTimestamp = Math.max(newestTimestamp, record.timestamp)
        if (record.key === null) keyless++
        else count(keys, record.key, record.partition)
      }
    }
  } catch (error) {
    process.stderr.write(`naru: ${topic} can't be sampled: ${messageOf(error)}\n`)
  } finally {
    consumer.close()
  }
  const topKeys = [...keys].sort((a, b) => b[1].records - a[1].records).slice(0, topKeysMax)
  return {
    topic,
    records,
    keyless,
    newestTimestamp,
    topKeys: topKeys.map(([key, { records, partition }]) => ({ key, records, partition }))
  }
}

function count(keys: Map<string, { records: number; partition: number }>, key: Buffer, partition: number): void {
  const text = isUtf8(key) ? key.toString('utf8') : key.toString('hex')
  const shown = text.length > keyShownMax ? `${text.slice(0, keyShownMax)}...` : text
  const known = keys.get(shown)
  if (known) known.records++
  else if (keys.size < keysMax) keys.set(shown, { records: 1, partition })
}
