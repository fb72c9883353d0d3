import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import {
  Admin,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  ListOffsetTimestamps,
  Producer,
  stringDeserializers,
  stringSerializers
} from '@platformatic/kafka'
import type { RunningBroker } from '../support/naru.ts'
import { brokersAsked, removeAfter, startTarget, whyNoTarget } from '../support/target.ts'

/** Of every topic here. */
const replicas = Math.min(3, brokersAsked())

/** The protocol error's name, wherever the client wrapped it. */
function hasError(id: string) {
  return (error: unknown) => {
    const names: unknown[] = []
    const walk = (value: unknown) => {
      if (typeof value !== 'object' || value === null) return
      const { apiId, errors, cause } = value as { apiId?: unknown; errors?: unknown[]; cause?: unknown }
      names.push(apiId)
      errors?.forEach(walk)
      walk(cause)
    }
    walk(error)
    assert.ok(names.includes(id), `${id} is not among ${names}`)
    return true
  }
}

describe('@platformatic/kafka administers topics, configs, offsets and groups', {
  skip: whyNoTarget(),
  concurrency: 1
}, () => {
  let broker: RunningBroker
  let admin: Admin
  const client = () => ({
    clientId: 'test',
    bootstrapBrokers: broker.bootstrap.split(','),
    retries: 20,
    retryDelay: 200
  })

  before(async () => {
    broker = await startTarget()
    admin = new Admin({ ...client(), retries: 3 })
  })
  removeAfter(async () => {
    await admin?.close()
    await broker?.remove()
  })

  test('topics are created with configs, listed, described, widened and deleted', async () => {
    const [created] = await admin.createTopics({
      topics: ['orders'],
      partitions: 3,
      replicas,
      configs: [{ name: 'retention.ms', value: '60000' }]
    })
    assert.equal(created.partitions, 3)
    assert.equal(created.configuration['retention.ms'], '60000')
    assert.match(created.id, /^[0-9a-f-]{36}$/)
    await assert.rejects(
      admin.createTopics({ topics: ['orders'], partitions: 1, replicas }),
      hasError('TOPIC_ALREADY_EXISTS')
    )
    assert.ok((await admin.listTopics()).includes('orders'))
    const before = await admin.metadata({ topics: ['orders'], forceUpdate: true })
    assert.equal(before.topics.get('orders')?.partitionsCount, 3)
    assert.equal(before.topics.get('orders')?.id, created.id)
    const brokerIds = [...before.brokers.keys()]
    const assignments = [{ brokerIds }, { brokerIds }]
    await admin.createPartitions({ topics: [{ name: 'orders', count: 5, assignments }], validateOnly: false })
    const widened = await admin.metadata({ topics: ['orders'], forceUpdate: true })
    assert.equal(widened.topics.get('orders')?.partitionsCount, 5)
    await admin.deleteTopics({ topics: ['orders'] })
    assert.ok(!(await admin.listTopics()).includes('orders'))
    await assert.rejects(admin.deleteTopics({ topics: ['orders'] }), hasError('UNKNOWN_TOPIC_OR_PARTITION'))
  })

  test('configs are described with source, synonyms and documentation, and changed one by one', async () => {
    await admin.createTopics({ topics: ['kept'], partitions: 1, replicas })
    const read = async () => {
      const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: 'kept', configurationKeys: [] }
      const [described] = await admin.describeConfigs({
        resources: [resource],
        includeSynonyms: true,
        includeDocumentation: true
      })
      return new Map(described.configs.map(config => [config.name, config]))
    }
    const alter = (name: string, configOperation: 0 | 1, value: string) =>
      admin.incrementalAlterConfigs({
        resources: [
          { resourceType: ConfigResourceTypes.TOPIC, resourceName: 'kept', configs: [{ name, configOperation, value }] }
        ]
      })
    const { SET, DELETE } = IncrementalAlterConfigOperationTypes
    const before = await read()
    assert.equal(before.get('retention.ms')?.value, '604800000')
    assert.equal(before.get('retention.ms')?.configSource, 5, 'a default')
    assert.match(before.get('retention.ms')?.documentation ?? '', /\w{4}/)
    assert.deepEqual(
      before.get('max.message.bytes')?.synonyms.map(synonym => synonym.name),
      ['message.max.bytes']
    )
    await alter('max.message.bytes', SET, '2000')
    await alter('retention.ms', SET, '9007199254740993')
    const changed = await read()
    assert.equal(changed.get('max.message.bytes')?.value, '2000')
    assert.equal(changed.get('max.message.bytes')?.configSource, 1, 'set on the topic')
    assert.equal(changed.get('retention.ms')?.value, '9007199254740993', 'all 64 bits')
    await alter('max.message.bytes', DELETE, '')
    assert.equal((await read()).get('max.message.bytes')?.value, '1048588')
    await assert.rejects(alter('retention.ms', SET, 'long'), hasError('INVALID_CONFIG'))
    await assert.rejects(alter('no.such.config', SET, '1'), hasError('INVALID_CONFIG'))
  })

  test('offsets: earliest, latest, by time', async () => {
    await admin.createTopics({ topics: ['timed'], partitions: 1, replicas })
    const producer = new Producer({ ...client(), serializers: stringSerializers })
    const start = Date.now() - 60_000
    for (let i = 0; i < 3; i++)
      await producer.send({
        acks: -1,
        messages: [{ topic: 'timed', key: 'k', value: String(i), timestamp: BigInt(start + i * 1000) }]
      })
    await producer.close()
    const at = async (timestamp: bigint) => {
      const [topic] = await admin.listOffsets({
        topics: [{ name: 'timed', partitions: [{ partitionIndex: 0, timestamp }] }]
      })
      return Number(topic.partitions[0].offset)
    }
    assert.equal(await at(ListOffsetTimestamps.EARLIEST), 0)
    assert.equal(await at(ListOffsetTimestamps.LATEST), 3)
    assert.equal(await at(BigInt(start + 500)), 1)
    assert.equal(await at(BigInt(start + 5000)), -1)
  })

  test('groups: consumed in, listed, described, offsets altered, deleted', async () => {
    const consumer = new Consumer({ ...client(), groupId: 'readers', deserializers: stringDeserializers })
    const stream = await consumer.consume({ topics: ['timed'], mode: 'earliest', autocommit: false })
    const values: string[] = []
    for await (const message of stream) {
      values.push(message.value)
      await message.commit()
      if (values.length === 3) break
    }
    assert.deepEqual(values, ['0', '1', '2'])
    const described = (await admin.describeGroups({ groups: ['readers'] })).get('readers')
    assert.equal(described?.members.size, 1)
    assert.equal([...(described?.members.values() ?? [])][0].clientId, 'test')
    assert.equal((await admin.listGroups()).get('readers')?.protocolType, 'consumer')
    await consumer.close(true)
    assert.equal((await admin.describeGroups({ groups: ['readers'] })).get('readers')?.state, 'EMPTY')

    const committed = async () => {
      const [group] = await admin.listConsumerGroupOffsets({ groups: ['readers'] })
      return group.topics[0].partitions.map(({ partitionIndex, committedOffset }) => [
        partitionIndex,
        Number(committedOffset)
      ])
    }
    assert.deepEqual(await committed(), [[0, 3]])
    await admin.alterConsumerGroupOffsets({
      groupId: 'readers',
      topics: [{ name: 'timed', partitionOffsets: [{ partition: 0, offset: 1n }] }]
    })
    assert.deepEqual(await committed(), [[0, 1]])
    await admin.deleteGroups({ groups: ['readers'] })
    assert.ok(!(await admin.listGroups()).has('readers'))
  })

  test('a topic that nobody made is made when it is asked for', async () => {
    const producer = new Producer({ ...client(), autocreateTopics: true, serializers: stringSerializers })
    const { offsets } = await producer.send({
      messages: [{ topic: 'made-by-use', key: 'k', value: 'first' }],
      acks: -1
    })
    assert.equal(offsets?.[0].offset, 0n)
    await producer.close()
    assert.ok((await admin.listTopics()).includes('made-by-use'))
  })

  for (const compression of ['none', 'gzip', 'snappy', 'lz4'] as const)
    test(`an idempotent producer's records come back whole: ${compression}`, async () => {
      const topic = `whole-${compression}`
      await admin.createTopics({ topics: [topic], partitions: 1, replicas })
      const producer = new Producer({ ...client(), idempotent: true, compression, serializers: stringSerializers })
      const messages = Array.from({ length: 300 }, (_, i) => ({
        topic,
        key: `k${i}`,
        value: `나루 ${i} `.repeat(i % 50),
        headers: { n: String(i) }
      }))
      for (let i = 0; i < 3; i++) await producer.send({ messages: messages.slice(i * 100, (i + 1) * 100) })
      await producer.close()
      const consumer = new Consumer({ ...client(), groupId: topic, deserializers: stringDeserializers })
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
      const read: unknown[] = []
      for await (const { offset, key, value, headers } of stream) {
        read.push([Number(offset), key, value, headers.get('n')])
        if (read.length === messages.length) break
      }
      await consumer.close(true)
      assert.deepEqual(
        read,
        messages.map(({ key, value, headers }, i) => [i, key, value, headers.n])
      )
    })
})
