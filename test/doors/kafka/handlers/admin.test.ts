import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { alterConfigs } from '../../../../src/doors/kafka/handlers/alter-configs.ts'
import { createPartitions } from '../../../../src/doors/kafka/handlers/create-partitions.ts'
import { createTopics } from '../../../../src/doors/kafka/handlers/create-topics.ts'
import { deleteTopics } from '../../../../src/doors/kafka/handlers/delete-topics.ts'
import { describeCluster } from '../../../../src/doors/kafka/handlers/describe-cluster.ts'
import { describeConfigs } from '../../../../src/doors/kafka/handlers/describe-configs.ts'
import { describeTopicPartitions } from '../../../../src/doors/kafka/handlers/describe-topic-partitions.ts'
import { incrementalAlterConfigs } from '../../../../src/doors/kafka/handlers/incremental-alter-configs.ts'
import { initProducerId } from '../../../../src/doors/kafka/handlers/init-producer-id.ts'
import { metadata } from '../../../../src/doors/kafka/handlers/metadata.ts'
import { zeroUuid } from '../../../../src/schema/reader.ts'
import { AlterConfigs } from '../../../../src/wire/kafka/messages/alter-configs.ts'
import { CreatePartitions } from '../../../../src/wire/kafka/messages/create-partitions.ts'
import { CreateTopics } from '../../../../src/wire/kafka/messages/create-topics.ts'
import { DeleteTopics } from '../../../../src/wire/kafka/messages/delete-topics.ts'
import { DescribeCluster } from '../../../../src/wire/kafka/messages/describe-cluster.ts'
import { DescribeConfigs } from '../../../../src/wire/kafka/messages/describe-configs.ts'
import { DescribeTopicPartitions } from '../../../../src/wire/kafka/messages/describe-topic-partitions.ts'
import { IncrementalAlterConfigs } from '../../../../src/wire/kafka/messages/incremental-alter-configs.ts'
import { InitProducerId } from '../../../../src/wire/kafka/messages/init-producer-id.ts'
import { Metadata } from '../../../../src/wire/kafka/messages/metadata.ts'
import { adminWorld, make, wanted } from '../../../broker/admin-world.ts'
import { eachVersion } from './each-version.ts'

const named = (name: string) => ({ name, topicId: zeroUuid })

const topic = 2
const broker = 4

describe('every version, over the bytes', () => {
  eachVersion(metadata, async version => {
    const { ask, topics, control } = await adminWorld()
    await topics.create([wanted('a', { numPartitions: 2 })], false)
    await topics.ensureInternalTopics()
    const all = await ask(metadata, Metadata, version, { topics: version === 0 ? [] : null })
    assert.deepEqual(all.brokers, [{ nodeId: 1, host: 'naru', port: 9092, rack: null }])
    assert.equal(all.controllerId, version >= 1 ? 1 : -1)
    assert.equal(all.clusterId, version >= 2 ? control.image.clusterId : null)
    assert.deepEqual(
      all.topics.map(({ name, isInternal, partitions }) => [name, isInternal, partitions.length]),
      [
        ['__consumer_offsets', version >= 1, 50],
        ['a', false, 2]
      ]
    )
    const [, a] = all.topics
    assert.equal(a.topicId, version >= 10 ? control.image.topic('a')?.topicId : zeroUuid)
    assert.deepEqual([a.errorCode, a.partitions[1].partitionIndex, a.partitions[1].leaderId], [0, 1, 1])
    assert.deepEqual([a.partitions[1].replicaNodes, a.partitions[1].isrNodes], [[1], [1]])
    assert.equal(a.topicAuthorizedOperations, -2147483648)
    if (version >= 1) assert.deepEqual((await ask(metadata, Metadata, version, { topics: [] })).topics, [])
    const missing = {
      topics: [named('new'), named('a b')],
      ...(version >= 4 && { allowAutoTopicCreation: false })
    }
    const found = await ask(metadata, Metadata, version, missing)
    assert.deepEqual(
      found.topics.map(({ name, errorCode }) => [name, errorCode]),
      [
        ['new', version >= 4 ? 3 : 0],
        ['a b', 17]
      ]
    )
  })

  eachVersion(createTopics, async version => {
    const { ask, control } = await adminWorld()
    const request = {
      topics: [
        wanted('a', { numPartitions: 2, configs: [{ name: 'retention.ms', value: '7' }] }),
        wanted('a b'),
        wanted('d', { numPartitions: -1, replicationFactor: -1 })
      ]
    }
    const dry = await ask(createTopics, CreateTopics, version, { ...request, validateOnly: true })
    assert.deepEqual(
      dry.topics.map(({ errorCode }) => errorCode),
      [0, 17, 0]
    )
    assert.equal(control.image.topic('a'), undefined)
    const { topics } = await ask(createTopics, CreateTopics, version, request)
    const [a, refused] = topics
    assert.deepEqual([a.name, a.errorCode, a.errorMessage], ['a', 0, null])
    assert.match(refused.errorMessage ?? '', /^Topic name is invalid/)
    assert.equal(a.topicId, version >= 7 ? control.image.topic('a')?.topicId : zeroUuid)
    if (version < 5) return
    assert.deepEqual([a.numPartitions, a.replicationFactor], [2, 1])
    const configs = new Map(a.configs?.map(config => [config.name, config]))
    assert.deepEqual([configs.get('retention.ms')?.value, configs.get('retention.ms')?.configSource], ['7', 1])
    assert.deepEqual(
      [configs.get('segment.bytes')?.value, configs.get('segment.bytes')?.configSource],
      ['1073741824', 5]
    )
  })

  eachVersion(deleteTopics, async version => {
    const world = await adminWorld()
    await make(world, 'a', 'b')
    const topicId = world.control.image.topic('b')?.topicId ?? ''
    const request =
      version >= 6 ? { topics: [named('a'), { name: null, topicId }, named('c')] } : { topicNames: ['a', 'b', 'c'] }
    const { responses } = await world.ask(deleteTopics, DeleteTopics, version, { ...request, timeoutMs: 1000 })
    assert.deepEqual(Object.fromEntries(responses.map(({ name, errorCode }) => [name, errorCode])), {
      a: 0,
      b: 0,
      c: 3
    })
    assert.deepEqual([...world.control.image.topics()], [])
    const off = await adminWorld({ 'delete.topic.enable': 'false' })
    const refused = await off.ask(deleteTopics, DeleteTopics, version, { ...request, timeoutMs: 1000 })
    assert.deepEqual(
      refused.responses.map(({ errorCode }) => errorCode),
      Array(3).fill(version < 3 ? 42 : 73)
    )
  })

  eachVersion(createPartitions, async version => {
    const world = await adminWorld()
    await make(world, 'a')
    const topics = [
      { name: 'a', count: 2, assignments: null },
      { name: 'b', count: 2, assignments: [{ brokerIds: [1] }] }
    ]
    const { results } = await world.ask(createPartitions, CreatePartitions, version, {
      topics,
      timeoutMs: 1,
      validateOnly: false
    })
    assert.deepEqual(
      results.map(({ name, errorCode }) => [name, errorCode]),
      [
        ['a', 0],
        ['b', 3]
      ]
    )
    assert.equal(world.control.image.topic('a')?.partitions.length, 2)
  })

  eachVersion(describeConfigs, async version => {
    const world = await adminWorld({ 'num.partitions': '3' })
    await make(world, 'a')
    const resources = [
      { resourceType: topic, resourceName: 'a', configurationKeys: ['segment.bytes', 'cleanup.policy'] },
      { resourceType: broker, resourceName: '1', configurationKeys: ['num.partitions'] },
      { resourceType: topic, resourceName: 'b', configurationKeys: null },
      { resourceType: 9, resourceName: '1', configurationKeys: null },
      { resourceType: topic, resourceName: 'a', configurationKeys: [] }
    ]
    const request = { resources, includeSynonyms: true, ...(version >= 3 && { includeDocumentation: true }) }
    const { results } = await world.ask(describeConfigs, DescribeConfigs, version, request)
    assert.deepEqual(
      results.map(({ errorCode, resourceName }) => [errorCode, resourceName]),
      [
        [0, 'a'],
        [0, '1'],
        [3, 'b'],
        [42, '1'],
        [0, 'a']
      ]
    )
    const [policy, segment] = results[0].configs
    assert.deepEqual([policy.name, policy.value, policy.configType], ['cleanup.policy', 'delete', version >= 3 ? 7 : 0])
    assert.deepEqual([segment.value, segment.configSource, segment.readOnly], ['1073741824', 5, false])
    assert.deepEqual(segment.synonyms, [{ name: 'log.segment.bytes', value: '1073741824', source: 5 }])
    assert.equal(Boolean(segment.documentation), version >= 3)
    const [partitions] = results[1].configs
    assert.deepEqual([partitions.value, partitions.configSource, partitions.readOnly], ['3', 4, true])
    assert.ok(results[4].configs.length > 30)
  })

  eachVersion(incrementalAlterConfigs, async version => {
    const world = await adminWorld()
    await make(world, 'a', 'b')
    const flush = (resourceName: string, configOperation: number) => ({
      resourceType: topic,
      resourceName,
      configs: [{ name: 'flush.ms', configOperation, value: '5' }]
    })
    const resources = [
      flush('a', 0),
      flush('b', 0),
      flush('b', 0),
      flush('c', 9),
      { ...flush('', 0), resourceType: 16 }
    ]
    const { responses } = await world.ask(incrementalAlterConfigs, IncrementalAlterConfigs, version, {
      resources,
      validateOnly: false
    })
    assert.deepEqual(
      responses.map(({ errorCode }) => errorCode),
      [0, 42, 42, 42, 42]
    )
    assert.equal(responses[1].errorMessage, 'Each resource must appear at most once.')
    assert.deepEqual(world.control.image.topic('a')?.configs, { 'flush.ms': '5' })
    assert.deepEqual(world.control.image.topic('b')?.configs, {})
  })

  eachVersion(alterConfigs, async version => {
    const world = await adminWorld()
    await make(world, 'a')
    const alter = async (...configs: { name: string; value: string }[]) => {
      const resources = [{ resourceType: topic, resourceName: 'a', configs }]
      const { responses } = await world.ask(alterConfigs, AlterConfigs, version, { resources, validateOnly: false })
      return responses[0].errorCode
    }
    assert.equal(await alter({ name: 'flush.ms', value: '5' }), 0)
    assert.equal(await alter({ name: 'segment.ms', value: '5' }), 0)
    assert.equal(await alter({ name: 'nope', value: '5' }), 40)
    assert.deepEqual(world.control.image.topic('a')?.configs, { 'segment.ms': '5' })
  })

  eachVersion(describeCluster, async version => {
    const { ask, control } = await adminWorld()
    const request = { includeClusterAuthorizedOperations: true, ...(version >= 2 && { includeFencedBrokers: false }) }
    const cluster = await ask(describeCluster, DescribeCluster, version, request)
    assert.deepEqual([cluster.errorCode, cluster.clusterId, cluster.controllerId], [0, control.image.clusterId, 1])
    assert.deepEqual(cluster.brokers, [{ brokerId: 1, host: 'naru', port: 9092, rack: null, isFenced: false }])
    if (version === 0) return
    for (const [endpointType, code] of [
      [2, 114],
      [7, 115]
    ])
      assert.equal((await ask(describeCluster, DescribeCluster, version, { ...request, endpointType })).errorCode, code)
  })

  eachVersion(initProducerId, async version => {
    const { ask } = await adminWorld()
    const request = { transactionalId: null, transactionTimeoutMs: 1000 }
    const first = await ask(initProducerId, InitProducerId, version, request)
    const second = await ask(initProducerId, InitProducerId, version, request)
    assert.deepEqual([first.errorCode, first.producerEpoch], [0, 0])
    assert.notEqual(second.producerId, first.producerId)
    const refused = await ask(initProducerId, InitProducerId, version, { ...request, transactionalId: 'mine' })
    assert.deepEqual([refused.errorCode, refused.producerId, refused.producerEpoch], [53, -1, -1])
  })

  eachVersion(describeTopicPartitions, async version => {
    const world = await adminWorld()
    await make(world, 'a', 'b')
    const page = (request: object) =>
      world.ask(describeTopicPartitions, DescribeTopicPartitions, version, { topics: [], cursor: null, ...request })
    const first = await page({ responsePartitionLimit: 1 })
    assert.deepEqual([first.topics.length, first.nextCursor], [1, { topicName: 'b', partitionIndex: 0 }])
    assert.equal(first.topics[0].topicId, world.control.image.topic('a')?.topicId)
    const second = await page({ cursor: first.nextCursor })
    assert.deepEqual([second.topics[0].name, second.nextCursor], ['b', null])
    const [{ errorCode }] = (await page({ topics: [{ name: 'a' }], cursor: { topicName: 'b', partitionIndex: 0 } }))
      .topics
    assert.equal(errorCode, 42)
  })
})

describe('Metadata', () => {
  it('finds topics by id from version 12 on', async () => {
    const world = await adminWorld()
    await make(world, 'a')
    const topicId = world.control.image.topic('a')?.topicId ?? ''
    const unknown = 'AAAAAAAAAAAAAAAAAAAAAQ'
    const ask = (version: number) =>
      world.ask(metadata, Metadata, version, { topics: [topicId, unknown].map(id => ({ name: null, topicId: id })) })
    for (const version of [12, 13])
      assert.deepEqual(
        (await ask(version)).topics.map(({ name, topicId, errorCode }) => [name, topicId, errorCode]),
        [
          ['a', topicId, 0],
          [null, unknown, 100]
        ]
      )
  })

  it('refuses ids where only names count', async () => {
    const world = await adminWorld()
    const { topics } = await world.ask(metadata, Metadata, 11, {
      topics: [{ name: 'a', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }]
    })
    assert.deepEqual(
      topics.map(({ name, errorCode }) => [name, errorCode]),
      [['a', 42]]
    )
  })
})
