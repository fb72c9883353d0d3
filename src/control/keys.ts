import type { TopicId } from '../storage/types.ts'
import type { PartitionImage } from './types.ts'

/**
 * What lies where in the metastore, values as JSON. A topic is there when its `topics/` key is; keys of partitions without
 * one are leftovers, or a topic that is being made.
 *
 *   cluster/id                      22 characters
 *   cluster/format                  which format all this has; 1 where it isn't there: see `foundCluster`
 *   cluster/store                   the id of the store that holds all this, where it has one: see `noticeRestore`
 *   cluster/producer-ids            the first producer id that nobody was given
 *   cluster/nudge                   nothing: written so that watches go on, see `Follower`
 *   topics/{topic id}               TopicValue
 *   names/{topic name}              topic id: keeps names unique
 *   creating/{topic id}             Signature of who makes it, under its lease: while a large topic is made
 *   partitions/{topic id}/{index}   PartitionImage. The controller writes leaders, a leader its ISR, both by compare-and-set
 *   configs/brokers/{node id}       configs of one broker; `default` for all of them
 *   brokers/{node id}               BrokerValue, under the broker's lease
 *   nodes/{node id}                 NodeValue: the last life of the node. The revision that wrote it is its broker epoch
 *   registrations/{node id}         the broker epoch, under the same lease as `brokers/`: that life is there
 *   elections/controller            node id, under the controller's lease
 */
export const keys = {
  clusterId: 'cluster/id',
  format: 'cluster/format',
  storeId: 'cluster/store',
  producerIds: 'cluster/producer-ids',
  nudge: 'cluster/nudge',
  topic: (topicId: TopicId) => `topics/${topicId}`,
  name: (name: string) => `names/${name}`,
  creating: (topicId: TopicId) => `creating/${topicId}`,
  partition: (topicId: TopicId, index: number) => `partitions/${topicId}/${index}`,
  /** What the keys of all partitions begin with. */
  partitions: 'partitions/',
  brokerConfigs: (nodeId: number | undefined) => `configs/brokers/${nodeId ?? 'default'}`,
  broker: (nodeId: number) => `brokers/${nodeId}`,
  node: (nodeId: number) => `nodes/${nodeId}`,
  registration: (nodeId: number) => `registrations/${nodeId}`
}

/** The name of the election whose winner is the controller. */
export const controllerElection = 'controller'

export interface TopicValue {
  readonly name: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

export interface BrokerValue {
  readonly endpoint?: { readonly host: string; readonly port: number }
  readonly rack?: string
  readonly host?: string
  readonly draining?: boolean
  /** It was started so that it takes no new replicas: see `isCordoned`. */
  readonly cordoned?: boolean
  /** Its disk is full. */
  readonly full?: boolean
}

export interface NodeValue {
  /** Drawn by each life of a broker: tells it from others, and from another process with its node id. */
  readonly incarnation: string
  /** The id of its data folder, where folders have one. */
  readonly folder?: string
}

/** One life of a broker. */
export interface Signature {
  readonly nodeId: number
  readonly incarnation: string
}

/** The topic and index in a key under `partitions/`. */
export function partitionOf(key: string): { topicId: TopicId; index: number } {
  const [, topicId, index] = key.split('/')
  return { topicId, index: Number(index) }
}

type Value = TopicValue | PartitionImage | BrokerValue | NodeValue | Signature | Record<string, string> | number

export const format = (value: Value): string => JSON.stringify(value)
export const parse = <T>(text: string): T => JSON.parse(text) as T
