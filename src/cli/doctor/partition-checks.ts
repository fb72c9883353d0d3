import { bytesText, count } from '../output.ts'
import { check } from './finding.ts'
import type { PartitionView, TopicView } from './view.ts'

/** The largest part may be so many times the average. */
const skewMax = 3
/** Below that a difference costs nobody anything. */
const skewedBytesMin = 16 * 1024 * 1024
const skewedRateMin = 100

export const partitionChecks = [
  check('offline-partitions', 'partitions without a leader', ({ topics }) =>
    topics.flatMap(({ name, partitions }) => {
      const offline = partitions.filter(({ leader }) => leader < 0)
      if (offline.length === 0) return []
      return [
        {
          severity: 'error',
          subject: `topic ${name}`,
          what: `${count(offline.length, 'partition')} without a leader: ${indexes(offline)}.`,
          why: 'Nobody can write to them or read them.',
          todo: 'Bring the brokers of their replicas back; their logs say why they are gone.',
          command: `naru topic describe ${name}`
        }
      ]
    })
  ),
  check('under-replicated', 'replicas that lag behind', ({ topics }) =>
    topics.flatMap(({ name, partitions, configs }) => {
      const behind = partitions.filter(({ leader, isr, replicas }) => leader >= 0 && isr.length < replicas.length)
      if (behind.length === 0) return []
      const needed = numberOf(configs.get('min.insync.replicas')) ?? 1
      const refusing = behind.filter(({ isr }) => isr.length < needed)
      return [
        {
          severity: refusing.length > 0 ? 'error' : 'warning',
          subject: `topic ${name}`,
          what:
            refusing.length > 0
              ? `${count(refusing.length, 'partition')} with fewer in-sync replicas than min.insync.replicas (${needed}): ${indexes(refusing)}.`
              : `${count(behind.length, 'partition')} with replicas that are not in sync: ${indexes(behind)}.`,
          why:
            refusing.length > 0
              ? 'Writes with acks=all are refused.'
              : 'When another broker fails, fewer copies are left than you asked for.',
          todo: 'See whether a broker is down, slow, or short of disk.',
          command: `naru topic describe ${name}`
        }
      ]
    })
  ),
  check('skewed-size', 'a partition much larger than its siblings', ({ topics }) =>
    topics.flatMap(topic => {
      const { name, partitions, configs } = topic
      const largest = skewed(topic, ({ bytes }) => Math.max(0, bytes), skewedBytesMin)
      if (!largest) return []
      const total = partitions.reduce((sum, { bytes }) => sum + Math.max(0, bytes), 0)
      const compacted = (configs.get('cleanup.policy') ?? '').includes('compact')
      return [
        {
          severity: 'warning',
          subject: `topic ${name}`,
          what: `Partition ${largest.index} holds ${bytesText(largest.bytes)} of ${bytesText(total)} in ${count(partitions.length, 'partition')}.`,
          why: 'One broker and one consumer do most of the work; more partitions would not help.',
          todo: compacted
            ? 'Look for keys with many versions.'
            : 'Look for hot keys, or for a producer that names the partition; spread them over more keys.',
          command: `naru doctor --topic ${name}`
        }
      ]
    })
  ),
  check('skewed-rate', 'a partition that gets most of the records', ({ topics, elapsedMs }) =>
    topics.flatMap(topic => {
      const { name, partitions } = topic
      const busiest = skewed(topic, grown, skewedRateMin)
      if (!busiest) return []
      const total = partitions.reduce((sum, partition) => sum + grown(partition), 0)
      const perSecond = Math.round((grown(busiest) * 1000) / elapsedMs)
      return [
        {
          severity: 'warning',
          subject: `topic ${name}`,
          what: `Partition ${busiest.index} got ${grown(busiest)} of ${total} new records (${perSecond}/s).`,
          why: 'One broker and one consumer do most of the work; more partitions would not help.',
          todo: 'Look for hot keys, or for a producer that names the partition.',
          command: `naru doctor --topic ${name} --for 30`
        }
      ]
    })
  ),
  check('skewed-leaders', 'a broker that leads much more than others', ({ topics, brokers }) => {
    const leaders = new Map(brokers.map(({ id }) => [id, 0]))
    let total = 0
    for (const { partitions } of topics)
      for (const { leader, replicas } of partitions)
        if (leader >= 0 && replicas.length > 1) {
          leaders.set(leader, (leaders.get(leader) ?? 0) + 1)
          total++
        }
    const fair = total / Math.max(1, brokers.length)
    return [...leaders].flatMap(([id, led]) =>
      brokers.length < 2 || led < 2 * fair || led - fair < 4
        ? []
        : [
            {
              severity: 'warning',
              subject: `broker ${id}`,
              what: `It leads ${led} of ${count(total, 'replicated partition')}; its share would be ${Math.round(fair)}.`,
              why: 'Leaders serve all reads and writes: one broker works for the others.',
              todo: 'Give leadership back to the preferred replicas, once their brokers are up.',
              command: 'naru cluster elect'
            }
          ]
    )
  })
]

/** The partition with the most, when that is too much compared with the average of its topic. */
function skewed(
  { partitions }: TopicView,
  amountOf: (partition: PartitionView) => number,
  amountMin: number
): PartitionView | undefined {
  if (partitions.length < 2) return undefined
  const amounts = partitions.map(amountOf)
  const most = amounts.reduce((a, b) => Math.max(a, b), 0)
  const others = (amounts.reduce((a, b) => a + b, 0) - most) / (partitions.length - 1)
  return most >= amountMin && most > skewMax * others ? partitions[amounts.indexOf(most)] : undefined
}

function grown({ end, endLater }: PartitionView): number {
  return end < 0 || endLater < 0 ? 0 : Math.max(0, endLater - end)
}

/** A number in a config; undefined where there is none. */
export function numberOf(text: string | null | undefined): number | undefined {
  const value = text === null || text === undefined || text === '' ? Number.NaN : Number(text)
  return Number.isNaN(value) ? undefined : value
}

function indexes(partitions: readonly PartitionView[]): string {
  const shown = partitions.slice(0, 10).map(({ index }) => index)
  return partitions.length > 10 ? `${shown.join(', ')} and more` : shown.join(', ')
}
