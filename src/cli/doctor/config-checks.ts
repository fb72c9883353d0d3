import { bytesText } from '../output.ts'
import { check, type Finding } from './finding.ts'
import { numberOf } from './partition-checks.ts'
import type { TopicView, Values } from './view.ts'

/** What consumers take at once unless they are told otherwise (fetch.max.bytes). */
const consumerFetchBytes = 52_428_800
const replicasOf = ({ partitions }: TopicView) => Math.max(0, ...partitions.map(({ replicas }) => replicas.length))
const numberIn = (configs: Values, name: string) => numberOf(configs.get(name))
const policyOf = (configs: Values) => (configs.get('cleanup.policy') ?? 'delete').split(',').map(item => item.trim())

export const configChecks = [
  check('retention-forever', 'topics that never delete anything', ({ topics }) =>
    owned(topics).flatMap(({ name, configs }) => {
      const policy = policyOf(configs)
      if (policy.includes('compact')) return []
      const unlimited = numberIn(configs, 'retention.ms') === -1 && (numberIn(configs, 'retention.bytes') ?? -1) === -1
      if (policy.includes('delete') && !unlimited) return []
      return [
        {
          severity: 'warning',
          subject: `topic ${name}`,
          what: policy.includes('delete')
            ? 'retention.ms and retention.bytes are both -1: nothing is ever deleted.'
            : 'cleanup.policy has neither delete nor compact: nothing is ever deleted.',
          why: 'It grows until the disk is full, and then every topic on that disk stands still.',
          todo: 'Say how long or how much is kept.',
          command: `naru config set topic/${name} retention.ms=604800000`
        }
      ]
    })
  ),
  check('segment-over-retention', 'segments larger than what is to be kept', ({ topics }) =>
    owned(topics).flatMap(({ name, configs }) => {
      const segment = numberIn(configs, 'segment.bytes')
      const kept = numberIn(configs, 'retention.bytes')
      if (segment === undefined || kept === undefined || kept < 0 || segment <= kept) return []
      return [
        {
          severity: 'warning',
          subject: `topic ${name}`,
          what: `segment.bytes (${bytesText(segment)}) is more than retention.bytes (${bytesText(kept)}).`,
          why: 'Whole segments are deleted: each partition keeps up to a segment more than you asked for.',
          todo: 'Make segments a fraction of what is kept.',
          command: `naru config set topic/${name} segment.bytes=${Math.max(1_048_576, Math.floor(kept / 4))}`
        }
      ]
    })
  ),
  check('page-cache', 'acknowledged records that a power loss takes', ({ topics, brokers }) =>
    owned(topics).flatMap(topic => {
      const flush = topic.configs.get('flush.messages')
      const copies = replicasOf(topic)
      // Apache Kafka's default, which its users know: there the copies are what guards against it.
      if (flush === undefined || flush === '1' || (copies > 1 && brokers.length > 1)) return []
      return [
        {
          severity: 'warning',
          subject: `topic ${topic.name}`,
          what: `flush.messages is ${flush}, and there is one copy.`,
          why: 'Records are acknowledged when they are in the page cache: they survive the end of the broker, and are lost with the power or the kernel.',
          todo: 'Let each record be synced before it is acknowledged, or keep copies on other machines.',
          command: `naru config set topic/${topic.name} flush.messages=1`
        }
      ]
    })
  ),
  check('message-size', 'messages that cannot be sent or read', ({ topics, brokers }) =>
    topics.flatMap(({ name, configs }): Omit<Finding, 'check'>[] => {
      const largest = numberIn(configs, 'max.message.bytes')
      if (largest === undefined) return []
      const requests = brokers.map(
        broker => numberIn(broker.configs, 'socket.request.max.bytes') ?? Number.POSITIVE_INFINITY
      )
      const request = Math.min(...requests, Number.POSITIVE_INFINITY)
      const fetches = brokers.map(broker => numberIn(broker.configs, 'fetch.max.bytes') ?? Number.POSITIVE_INFINITY)
      const fetch = Math.min(consumerFetchBytes, ...fetches)
      if (largest > request)
        return [
          {
            severity: 'warning',
            subject: `topic ${name}`,
            what: `max.message.bytes (${bytesText(largest)}) is more than a request may have (socket.request.max.bytes, ${bytesText(request)}).`,
            why: 'Larger messages are refused with their connection, whatever the topic allows.',
            todo: 'Lower it, or let brokers take larger requests.',
            command: `naru config set topic/${name} max.message.bytes=${Math.floor(request / 2)}`
          }
        ]
      if (largest <= fetch) return []
      return [
        {
          severity: 'info',
          subject: `topic ${name}`,
          what: `max.message.bytes (${bytesText(largest)}) is more than a fetch brings (${bytesText(fetch)}).`,
          why: 'Such a batch still comes, alone; clients must have the memory for it.',
          todo: 'Keep large things elsewhere and send where they are, or raise fetch.max.bytes of consumers.',
          command: `naru config get topic/${name} max.message.bytes`
        }
      ]
    })
  ),
  check('min-isr', 'topics that refuse writes, or soon will', ({ topics, brokers }) =>
    topics.flatMap(topic => {
      const { name, configs, partitions } = topic
      const needed = numberIn(configs, 'min.insync.replicas') ?? 1
      const copies = replicasOf(topic)
      if (partitions.length === 0 || needed < copies || (needed === copies && (copies < 2 || brokers.length < 2)))
        return []
      return [
        {
          severity: needed > copies ? 'error' : 'warning',
          subject: `topic ${name}`,
          what: `min.insync.replicas is ${needed}, and there ${copies === 1 ? 'is one replica' : `are ${copies} replicas`}.`,
          why:
            needed > copies
              ? 'Every write with acks=all is refused.'
              : 'When one broker is down, every write with acks=all is refused.',
          todo: 'Ask for one in-sync replica less than there are, or have more replicas.',
          command: `naru config set topic/${name} min.insync.replicas=${Math.max(1, copies - 1)}`
        }
      ]
    })
  ),
  check('single-replica', 'topics with one copy, though there are more brokers', ({ topics, brokers }) => {
    const single = brokers.length < 2 ? [] : owned(topics).filter(topic => replicasOf(topic) === 1)
    return single.map(({ name }) => ({
      severity: 'warning' as const,
      subject: `topic ${name}`,
      what: 'It has one copy.',
      why: 'When its broker is down nobody can read or write it; when its disk is lost, so is the topic.',
      todo: 'Keep it on more brokers.'
    }))
  })
]

/** The topics of users: the broker cares for its own. */
function owned(topics: readonly TopicView[]): readonly TopicView[] {
  return topics.filter(({ internal }) => !internal)
}
