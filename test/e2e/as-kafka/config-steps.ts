import { AlterConfigs } from '../../../src/wire/kafka/messages/alter-configs.ts'
import { CreateTopics } from '../../../src/wire/kafka/messages/create-topics.ts'
import { DescribeConfigs } from '../../../src/wire/kafka/messages/describe-configs.ts'
import { IncrementalAlterConfigs } from '../../../src/wire/kafka/messages/incremental-alter-configs.ts'
import { ListConfigResources } from '../../../src/wire/kafka/messages/list-config-resources.ts'
import { type Step, step } from './step.ts'

const types = { topic: 2, broker: 4, logger: 8, metrics: 16, group: 32 } as const
type Type = keyof typeof types
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const
type Change = [operation: keyof typeof operations, name: string, value?: string | null]

const resource = (type: Type, resourceName: string) => ({ resourceType: types[type], resourceName })
const changes = (type: Type, name: string, ...list: Change[]) => ({
  ...resource(type, name),
  configs: list.map(([operation, config, value = null]) => ({
    name: config,
    configOperation: operations[operation],
    value
  }))
})
const change = (name: string, resources: object[], validateOnly = false) =>
  step(name, IncrementalAlterConfigs, 1, { resources, validateOnly })
const configs = (type: Type, name: string, list: Record<string, string | null>) => ({
  ...resource(type, name),
  configs: Object.entries(list).map(([config, value]) => ({ name: config, value }))
})
const replace = (name: string, resources: object[], validateOnly = false) =>
  step(name, AlterConfigs, 2, { resources, validateOnly })
const describe = (name: string, type: Type, of: string, ...configurationKeys: string[]) =>
  step(name, DescribeConfigs, 4, {
    resources: [{ ...resource(type, of), configurationKeys }],
    includeSynonyms: true
  })
const topic = (name: string, list: Record<string, string> = {}) => ({
  name,
  numPartitions: 1,
  replicationFactor: 1,
  assignments: [],
  configs: Object.entries(list).map(([config, value]) => ({ name: config, value }))
})

const retention = ['retention.ms', 'retention.bytes', 'max.message.bytes', 'cleanup.policy']

/** What is set, at which level, and what is refused. Topic configured is there afterwards. */
export const configSteps: readonly Step[] = [
  step('a topic with configs', CreateTopics, 7, {
    topics: [topic('configured', { 'retention.ms': '100000', 'max.message.bytes': '5000' })],
    timeoutMs: 10_000
  }),
  describe('what a topic has', 'topic', 'configured', ...retention),
  step('what a topic has, without synonyms', DescribeConfigs, 1, {
    resources: [{ ...resource('topic', 'configured'), configurationKeys: retention }]
  }),
  describe('a config that there is not', 'topic', 'configured', 'no.such.config'),
  describe('an unknown topic', 'topic', 'nowhere'),
  describe('a topic without a name', 'topic', ''),
  describe('a name that no topic can have', 'topic', 'not a/name'),
  describe('another broker', 'broker', '7', 'num.partitions'),
  describe('a broker without a number', 'broker', 'one', 'num.partitions'),
  describe('this broker', 'broker', '1', 'num.partitions', 'message.max.bytes', 'log.retention.ms', 'compression.type'),
  step('nothing', DescribeConfigs, 4, { resources: [] }),
  step('the same twice', DescribeConfigs, 4, {
    resources: ['configured', 'configured'].map(name => ({
      ...resource('topic', name),
      configurationKeys: ['retention.ms', 'retention.ms']
    }))
  }),
  step(
    'a type that there is not',
    DescribeConfigs,
    4,
    {
      resources: [{ resourceType: 3, resourceName: 'x', configurationKeys: [] }]
    },
    {
      why: 'it can be said more plainly',
      from: 'This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.',
      to: 'Unknown resource type 3'
    }
  ),

  // Single changes.
  change('nothing', []),
  change('only validated', [changes('topic', 'configured', ['set', 'retention.ms', '1'])], true),
  describe('what validation left', 'topic', 'configured', 'retention.ms'),
  change('set and deleted', [
    changes('topic', 'configured', ['set', 'retention.bytes', '7000'], ['delete', 'retention.ms'])
  ]),
  describe('what was set and deleted', 'topic', 'configured', ...retention),
  change('appended', [changes('topic', 'configured', ['append', 'cleanup.policy', 'delete'])]),
  describe('what was appended', 'topic', 'configured', 'cleanup.policy'),
  change('subtracted', [changes('topic', 'configured', ['subtract', 'cleanup.policy', 'delete'])]),
  describe('what was subtracted', 'topic', 'configured', 'cleanup.policy'),
  change('deleted again', [changes('topic', 'configured', ['delete', 'cleanup.policy'], ['delete', 'no.such.config'])]),
  describe('what is left', 'topic', 'configured', ...retention),
  change('appended to a number', [changes('topic', 'configured', ['append', 'retention.ms', '1'])]),
  change('subtracted from what there is not', [changes('topic', 'configured', ['subtract', 'no.such.config', '1'])]),
  change('one config twice', [
    changes('topic', 'configured', ['set', 'retention.ms', '1'], ['delete', 'retention.ms'])
  ]),
  change('one resource twice', [
    changes('topic', 'configured', ['set', 'retention.ms', '1']),
    changes('topic', 'configured', ['set', 'retention.bytes', '1'])
  ]),
  change('without a value', [changes('topic', 'configured', ['set', 'retention.ms'])]),
  change('to nothing', [changes('topic', 'configured', ['set', 'retention.ms', ''])]),
  change('of an unknown config', [changes('topic', 'configured', ['set', 'no.such.config', '1'])]),
  change('to what is no number', [changes('topic', 'configured', ['set', 'retention.ms', 'long'])]),
  change('below what is allowed', [changes('topic', 'configured', ['set', 'retention.ms', '-2'])]),
  change('to a policy that there is not', [changes('topic', 'configured', ['set', 'cleanup.policy', 'burn'])]),
  change('several resources, some wrong', [
    changes('topic', 'configured', ['set', 'retention.ms', '200000']),
    changes('topic', 'nowhere', ['set', 'retention.ms', '1']),
    changes('topic', 'not a/name', ['set', 'retention.ms', '1']),
    changes('topic', '', ['set', 'retention.ms', '1']),
    changes('broker', '7', ['set', 'log.retention.ms', '1']),
    changes('broker', 'one', ['set', 'log.retention.ms', '1'])
  ]),
  describe('what came of the right one', 'topic', 'configured', 'retention.ms'),
  step(
    'an operation that there is not',
    IncrementalAlterConfigs,
    1,
    {
      resources: [
        { ...resource('topic', 'configured'), configs: [{ name: 'retention.ms', configOperation: 9, value: '1' }] }
      ],
      validateOnly: false
    },
    {
      why: 'the client is at fault: Kafka says UNKNOWN_SERVER_ERROR',
      from: '"errorCode":-1',
      to: '"errorCode":42'
    }
  ),
  step('of a type that there is not', IncrementalAlterConfigs, 1, {
    resources: [{ resourceType: 3, resourceName: 'x', configs: [] }],
    validateOnly: false
  }),

  // All at once.
  replace('nothing', []),
  replace('only validated', [configs('topic', 'configured', { 'flush.ms': '10' })], true),
  replace('some for all', [configs('topic', 'configured', { 'flush.ms': '10' })]),
  describe('what is set now', 'topic', 'configured', 'flush.ms', ...retention),
  replace('without a value', [configs('topic', 'configured', { 'flush.ms': null })]),
  replace('of an unknown config', [configs('topic', 'configured', { 'no.such.config': '1' })]),
  replace('several, some wrong', [
    configs('topic', 'configured', { 'retention.ms': '300000' }),
    configs('topic', 'nowhere', { 'retention.ms': '1' }),
    configs('topic', '', { 'retention.ms': '1' }),
    configs('broker', '7', { 'log.retention.ms': '1' })
  ]),
  step('one config twice', AlterConfigs, 2, {
    resources: [
      {
        ...resource('topic', 'configured'),
        configs: [
          { name: 'flush.ms', value: '1' },
          { name: 'flush.ms', value: '2' }
        ]
      }
    ],
    validateOnly: false
  }),
  describe('what came of that', 'topic', 'configured', 'flush.ms', 'retention.ms'),
  replace('none', [configs('topic', 'configured', {})]),
  describe('what is left of it', 'topic', 'configured', ...retention),

  // Brokers.
  change('for all brokers', [
    changes('broker', '', ['set', 'log.retention.ms', '111111'], ['set', 'message.max.bytes', '600000'])
  ]),
  change('for this broker', [changes('broker', '1', ['set', 'log.retention.ms', '222222'])]),
  describe('all brokers', 'broker', '', 'log.retention.ms', 'message.max.bytes'),
  describe('one broker', 'broker', '1', 'log.retention.ms', 'message.max.bytes'),
  describe('a topic under them', 'topic', 'configured', 'retention.ms', 'max.message.bytes'),
  change('of a config that is fixed at the start', [changes('broker', '1', ['set', 'num.partitions', '3'])]),
  change('of that for all', [changes('broker', '', ['set', 'num.partitions', '3'])]),
  change('to what is no number for a broker', [changes('broker', '1', ['set', 'log.retention.ms', 'long'])]),
  change('below what is allowed for a broker', [changes('broker', '', ['set', 'log.segment.bytes', '1'])]),
  change('appended for a broker', [changes('broker', '', ['append', 'log.retention.ms', '1'])]),
  change('only validated for a broker', [changes('broker', '1', ['set', 'log.retention.ms', '9'])], true),
  replace('for this broker', [configs('broker', '1', { 'log.retention.bytes': '123456' })]),
  describe('one broker, replaced', 'broker', '1', 'log.retention.ms', 'log.retention.bytes'),
  replace('none for this broker', [configs('broker', '1', {})]),
  change('deleted for all', [changes('broker', '', ['delete', 'log.retention.ms'], ['delete', 'message.max.bytes'])]),
  change('deleted where nothing is', [changes('broker', '1', ['delete', 'log.retention.ms'])]),
  describe('one broker in the end', 'broker', '1', 'log.retention.ms', 'message.max.bytes', 'log.retention.bytes'),

  // What else has configs.
  step('what has configs', ListConfigResources, 1, { resourceTypes: [types.topic, types.broker] }),
  step('loggers', ListConfigResources, 1, { resourceTypes: [types.logger] }),
  step('client metrics', ListConfigResources, 0, {}),
  step('groups that have configs', ListConfigResources, 1, { resourceTypes: [types.group] }),
  step('a type that there is not', ListConfigResources, 1, { resourceTypes: [3] }),
  change('of an unknown logger', [changes('logger', '1', ['set', 'no.such.logger', 'INFO'])]),
  change('of a logger to no level', [changes('logger', '1', ['set', 'root', 'LOUD'])]),
  change('of a logger of another broker', [changes('logger', '7', ['set', 'root', 'DEBUG'])]),
  change('appended to a logger', [changes('logger', '1', ['append', 'root', 'DEBUG'])]),
  change('of a logger', [changes('logger', '1', ['set', 'root', 'DEBUG'])], true),
  replace('of a logger', [configs('logger', '1', { root: 'DEBUG' })]),
  change('deleted for the root logger', [changes('logger', '1', ['delete', 'root'])], true),
  change('deleted for an unknown logger', [changes('logger', '1', ['delete', 'no.such.logger'])]),
  change('of a logger to nothing', [changes('logger', '1', ['set', 'root'])]),
  change('of a logger of no broker', [changes('logger', '', ['set', 'root', 'DEBUG'])]),
  change('of a logger of a broker without a number', [changes('logger', 'one', ['set', 'root', 'DEBUG'])]),
  describe('a logger', 'logger', '1', 'root'),
  describe('a logger that there is not', 'logger', '1', 'no.such.logger'),
  describe('loggers of another broker', 'logger', '7'),
  describe('loggers of no broker', 'logger', ''),
  describe('loggers of a broker without a number', 'logger', 'one'),
  describe('metrics without a name', 'metrics', '', 'none'),
  describe('a group without a name', 'group', '', 'none'),
  describe('a group', 'group', 'g', 'none'),
  describe('metrics', 'metrics', 'm', 'none'),
  replace('of metrics', [configs('metrics', 'm', { 'no.such.config': '1' })]),
  replace('of a group', [configs('group', 'g', { 'no.such.config': '1' })]),
  replace('of a group to nothing', [configs('group', 'g', {})]),
  change('of metrics without a name', [changes('metrics', '', ['set', 'interval.ms', '1000'])]),
  change('deleted for a group', [changes('group', 'g', ['delete', 'consumer.session.timeout.ms'])]),
  change('appended for a group', [changes('group', 'g', ['append', 'consumer.session.timeout.ms', '1'])]),
  change('of metrics that there are not', [changes('metrics', 'm', ['set', 'no.such.config', '1'])]),
  change('of a group to what there is not', [changes('group', 'g', ['set', 'no.such.config', '1'])]),
  change('of a group without a name', [changes('group', '', ['set', 'consumer.session.timeout.ms', '50000'])])
]
