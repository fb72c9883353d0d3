import type { TopicId } from '../storage/types.ts'
import type { PartitionImage } from './types.ts'

/**
 * What lies where in the metastore, values as JSON. A topic is there when its `topics/` key is; keys of partitions without
 * one are leftovers.
 *
 *   cluster/id                      22 characters
 *   cluster/producer-ids            the first producer id that nobody was given
 *   topics/{topic id}               TopicValue
 *   names/{topic name}              topic id: keeps names unique
 *   partitions/{topic id}/{index}   PartitionImage
 *   configs/brokers/{node id}       configs of one broker; `default` for all of them
 *   brokers/{node id}               BrokerValue, under the broker's lease
 *   elections/controller            node id, under the controller's lease
 */
export const keys = {
  clusterId: 'cluster/id',
  producerIds: 'cluster/producer-ids',
  topic: (topicId: TopicId) => `topics/${topicId}`,
  name: (name: string) => `names/${name}`,
  partition: (topicId: TopicId, index: number) => `partitions/${topicId}/${index}`,
  brokerConfigs: (nodeId: number | undefined) => `configs/brokers/${nodeId ?? 'default'}`,
  broker: (nodeId: number) => `brokers/${nodeId}`
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
}

/** The topic and index in a key under `partitions/`. */
export function partitionOf(key: string): { topicId: TopicId; index: number } {
  const [, topicId, index] = key.split('/')
  return { topicId, index: Number(index) }
}

export const format = (value: TopicValue | PartitionImage | BrokerValue | Record<string, string> | number): string =>
  JSON.stringify(value)
export const parse = <T>(text: string): T => JSON.parse(text) as T
