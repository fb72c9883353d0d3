import { zeroUuid } from '../../../../src/schema/reader.ts'
import { CreatePartitions } from '../../../../src/wire/kafka/messages/create-partitions.ts'
import { CreateTopics } from '../../../../src/wire/kafka/messages/create-topics.ts'
import { DescribeCluster } from '../../../../src/wire/kafka/messages/describe-cluster.ts'
import { DescribeConfigs } from '../../../../src/wire/kafka/messages/describe-configs.ts'
import { DescribeLogDirs } from '../../../../src/wire/kafka/messages/describe-log-dirs.ts'
import { DescribeTopicPartitions } from '../../../../src/wire/kafka/messages/describe-topic-partitions.ts'
import { IncrementalAlterConfigs } from '../../../../src/wire/kafka/messages/incremental-alter-configs.ts'
import { Metadata } from '../../../../src/wire/kafka/messages/metadata.ts'
import { at, type Difference, type Step, step } from '../step.ts'

export const timeoutMs = 30_000
export const nodes = [1, 2, 3] as const

export const lay = (partitionIndex: number, ...brokerIds: number[]) => ({ partitionIndex, brokerIds })
/** A topic whose replicas the client chooses: what leads what is the same in every cluster. */
export const chosen = (name: string, assignments: object[], configs: object[] = []) => ({
  name,
  numPartitions: -1,
  replicationFactor: -1,
  assignments,
  configs
})
export const sized = (name: string, numPartitions: number, replicationFactor: number) => ({
  name,
  numPartitions,
  replicationFactor,
  assignments: [],
  configs: []
})
export const create = (name: string, topics: object[], ...differs: Difference[]) =>
  step(name, CreateTopics, 7, { topics, timeoutMs, validateOnly: false }, ...differs)
export const grow = (name: string, topics: object[], ...differs: Difference[]) =>
  step(name, CreatePartitions, 3, { topics, timeoutMs, validateOnly: false }, ...differs)
export const topics = (name: string, names: string[], version = 13) =>
  step(name, Metadata, version, {
    topics: names.map(name => ({ name, topicId: zeroUuid })),
    ...(version >= 4 && { allowAutoTopicCreation: false })
  })
export const pages = (name: string, names: string[]) =>
  step(name, DescribeTopicPartitions, 0, { topics: names.map(name => ({ name })) })
export const brokers = (name: string, version = 2, more: object = {}) =>
  step(name, DescribeCluster, version, { includeClusterAuthorizedOperations: false, endpointType: 1, ...more })

const broker = 4
const logger = 8
const describeConfigs = (name: string, resourceType: number, resourceName: string, ...configurationKeys: string[]) =>
  step(name, DescribeConfigs, 4, {
    resources: [{ resourceType, resourceName, configurationKeys }],
    includeSynonyms: true
  })
const alter = (name: string, resourceType: number, resourceName: string, config: string, value: string) =>
  step(name, IncrementalAlterConfigs, 1, {
    resources: [{ resourceType, resourceName, configs: [{ name: config, configOperation: 0, value }] }],
    validateOnly: false
  })

const all = ['ring', 'pair', 'first', 'third']

/** Topics, and what every broker tells of them. */
export const metadataSteps: readonly Step[] = [
  create('with replicas chosen', [
    chosen('ring', [lay(0, 1, 2, 3), lay(1, 2, 3, 1), lay(2, 3, 1, 2)]),
    chosen('pair', [lay(0, 1, 2), lay(1, 2, 3)]),
    chosen('first', [lay(0, 1)]),
    chosen('third', [lay(0, 3)]),
    chosen('strict', [lay(0, 1, 2, 3)], [{ name: 'min.insync.replicas', value: '3' }])
  ]),
  create('with more replicas than brokers', [sized('a', 1, 4), sized('b', 3, 100)]),
  create('with replicas that can not be', [
    chosen('c', [lay(0, 1, 2), lay(1, 1, 2, 3)]),
    chosen('d', [lay(0, 1, 2, 1)]),
    chosen('e', [lay(0, 2, 7)]),
    chosen('f', [lay(0, 3, 2), lay(2, 3, 2)]),
    chosen('g', [lay(0, -1)])
  ]),
  at(3, create('as many as the default', [sized('plain', 4, -1)])),
  at(2, grow('with replicas chosen', [{ name: 'pair', count: 3, assignments: [{ brokerIds: [3, 1] }] }])),
  at(
    3,
    grow('with replicas that can not be', [
      { name: 'ring', count: 4, assignments: [{ brokerIds: [1, 2] }] },
      { name: 'pair', count: 4, assignments: [{ brokerIds: [2, 2] }] },
      { name: 'first', count: 3, assignments: [{ brokerIds: [1] }] },
      { name: 'third', count: 2, assignments: [{ brokerIds: [8] }] }
    ])
  ),
  ...Array.from({ length: 14 }, (_, version) => topics('topics', all, version)),
  ...nodes.map(node => at(node, topics('topics', all))),
  ...nodes.map(node => at(node, pages('topics', all))),
  ...nodes.flatMap(node => [0, 1, 2].map(version => at(node, brokers('the cluster', version)))),
  at(2, brokers('the cluster with those that are gone', 2, { includeFencedBrokers: true })),
  at(2, brokers('as if this were a controller', 2, { endpointType: 2 })),
  at(2, brokers('as if this were nothing known', 2, { endpointType: 3 })),
  ...nodes.map(node =>
    at(
      node,
      step('what lies where', DescribeLogDirs, 4, {
        topics: all.map(topic => ({ topic, partitions: [0, 1, 2] }))
      })
    )
  ),

  // Configs of a broker are its own, those of all and of topics everybody's.
  at(1, describeConfigs('of another broker', broker, '2', 'log.cleaner.threads')),
  at(2, describeConfigs('of itself', broker, '2', 'broker.rack')),
  at(1, describeConfigs('of another broker', logger, '3')),
  at(1, alter('of another broker', broker, '2', 'log.retention.ms', '7200000')),
  at(1, alter('of another broker', logger, '2', 'root', 'WARN')),
  at(1, alter('of one that there is not', broker, '9', 'log.retention.ms', '7200000')),
  at(2, alter('of itself', broker, '2', 'log.retention.ms', '7200000')),
  at(2, describeConfigs('of itself, changed', broker, '2', 'log.retention.ms')),
  at(3, alter('of all', broker, '', 'log.retention.ms', '3600000')),
  ...nodes.map(node => at(node, describeConfigs('of all', broker, '', 'log.retention.ms'))),
  ...nodes.map(node => at(node, describeConfigs('of itself', broker, String(node), 'log.retention.ms'))),
  at(1, alter('of a topic', 2, 'ring', 'segment.ms', '123456')),
  ...nodes.map(node => at(node, describeConfigs('of a topic', 2, 'ring', 'segment.ms', 'retention.ms')))
]
