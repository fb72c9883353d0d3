import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import client, { type Kafka } from 'kafkajs'
import { kafkajs, withAdmin } from '../support/kafkajs.ts'
import type { RunningBroker } from '../support/naru.ts'
import { removeAfter, startTarget, whyNoTarget } from '../support/target.ts'

const { ConfigResourceTypes } = client // CommonJS: Node does not see all of its names

/** The protocol error's name, wherever the client wrapped it. */
function errorType(type: string) {
  return (error: unknown) => {
    const names: unknown[] = []
    const walk = (value: unknown) => {
      if (typeof value !== 'object' || value === null) return
      const wrapped = value as { type?: unknown; errors?: unknown[]; cause?: unknown; originalError?: unknown }
      names.push(wrapped.type)
      wrapped.errors?.forEach(walk)
      walk(wrapped.cause)
      walk(wrapped.originalError)
    }
    walk(error)
    assert.ok(names.includes(type), `${type} is not among ${names}: ${error}`)
    return true
  }
}

describe('kafkajs administers topics, configs, offsets and groups', { skip: whyNoTarget(), concurrency: 1 }, () => {
  let broker: RunningBroker
  let kafka: Kafka
  let patient: Kafka

  before(async () => {
    broker = await startTarget({ 'num.partitions': '2' })
    kafka = kafkajs(broker.bootstrap, { retry: { retries: 0 } })
    patient = kafkajs(broker.bootstrap)
  })
  removeAfter(() => broker?.remove())

  test('topics are created, listed, described, widened and deleted', () =>
    withAdmin(kafka, async admin => {
      assert.equal(
        await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 3 }], waitForLeaders: false }),
        true
      )
      assert.equal(
        await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 3 }] }),
        false,
        'there already'
      )
      assert.ok((await admin.listTopics()).includes('orders'))
      const described = await admin.fetchTopicMetadata({ topics: ['orders'] })
      const partitions = described.topics[0].partitions.sort((a, b) => a.partitionId - b.partitionId)
      assert.deepEqual(
        partitions.map(({ partitionId, partitionErrorCode }) => [partitionId, partitionErrorCode]),
        [0, 1, 2].map(partition => [partition, 0])
      )
      await admin.createPartitions({ topicPartitions: [{ topic: 'orders', count: 5 }] })
      const widened = await admin.fetchTopicMetadata({ topics: ['orders'] })
      assert.equal(widened.topics[0].partitions.length, 5)
      await assert.rejects(
        admin.createPartitions({ topicPartitions: [{ topic: 'orders', count: 4 }] }),
        errorType('INVALID_PARTITIONS')
      )
      await admin.deleteTopics({ topics: ['orders'] })
      assert.ok(!(await admin.listTopics()).includes('orders'))
      await assert.rejects(admin.deleteTopics({ topics: ['orders'] }), errorType('UNKNOWN_TOPIC_OR_PARTITION'))
    }))

  test('wrong topics are refused with their reason', () =>
    withAdmin(kafka, async admin => {
      const create = (topic: string, rest: object = {}) => admin.createTopics({ topics: [{ topic, ...rest }] })
      await assert.rejects(create('not/a/topic'), errorType('INVALID_TOPIC_EXCEPTION'))
      await assert.rejects(create('none', { numPartitions: 0 }), errorType('INVALID_PARTITIONS'))
      await assert.rejects(create('copies', { replicationFactor: 9 }), errorType('INVALID_REPLICATION_FACTOR'))
      const configEntries = [{ name: 'no.such.config', value: '1' }]
      await assert.rejects(create('config', { configEntries }), errorType('INVALID_CONFIG'))
    }))

  test('configs are given at creation, read, and changed', () =>
    withAdmin(kafka, async admin => {
      const configEntries = [{ name: 'retention.ms', value: '60000' }]
      await admin.createTopics({ topics: [{ topic: 'kept', configEntries }], waitForLeaders: false })
      const read = async () => {
        const resources = [{ type: ConfigResourceTypes.TOPIC, name: 'kept' }]
        const answer = await admin.describeConfigs({ resources, includeSynonyms: false })
        return new Map(answer.resources[0].configEntries.map(entry => [entry.configName, entry]))
      }
      const before = await read()
      assert.equal(before.get('retention.ms')?.configValue, '60000')
      assert.equal(before.get('retention.ms')?.isDefault, false)
      assert.equal(before.get('max.message.bytes')?.configValue, '1048588')
      assert.equal(before.get('max.message.bytes')?.isDefault, true)
      await admin.alterConfigs({
        validateOnly: false,
        resources: [
          {
            type: ConfigResourceTypes.TOPIC,
            name: 'kept',
            configEntries: [{ name: 'max.message.bytes', value: '2000' }]
          }
        ]
      })
      const changed = await read()
      assert.equal(changed.get('max.message.bytes')?.configValue, '2000')
      assert.equal(changed.get('retention.ms')?.isDefault, true, 'the old call resets what it does not name')
      const producer = kafka.producer()
      await producer.connect()
      const large = { topic: 'kept', messages: [{ value: 'x'.repeat(3000) }] }
      await assert.rejects(producer.send(large), errorType('MESSAGE_TOO_LARGE'))
      await producer.disconnect()
    }))

  test('offsets of a topic: the ends, and by time', async () => {
    const producer = patient.producer()
    await producer.connect()
    const start = Date.now() - 60_000
    await withAdmin(patient, admin => admin.createTopics({ topics: [{ topic: 'timed', numPartitions: 1 }] }))
    for (let i = 0; i < 3; i++)
      await producer.send({ topic: 'timed', messages: [{ value: String(i), timestamp: String(start + i * 1000) }] })
    await producer.disconnect()
    await withAdmin(kafka, async admin => {
      const [ends] = await admin.fetchTopicOffsets('timed')
      assert.deepEqual(ends, { partition: 0, offset: '3', high: '3', low: '0' })
      const at = async (timestamp: number) => (await admin.fetchTopicOffsetsByTimestamp('timed', timestamp))[0].offset
      assert.equal(await at(start - 1), '0')
      assert.equal(await at(start + 1), '1')
      assert.equal(await at(start + 2000), '2')
      assert.equal(await at(start + 50_000), '3', 'the end, when nothing is that new')
    })
  })

  test('groups: listed, described, offsets set and reset, deleted', async () => {
    const consumer = patient.consumer({ groupId: 'readers', maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic: 'timed', fromBeginning: true })
    const values: (string | undefined)[] = []
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      consumer
        .run({
          eachMessage: async ({ message }) => {
            if (values.push(message.value?.toString()) === 3) resolve()
          }
        })
        .catch(reject)
    })
    assert.deepEqual(values, ['0', '1', '2'])
    await withAdmin(patient, async admin => {
      const listed = await admin.listGroups()
      assert.deepEqual(listed.groups.find(group => group.groupId === 'readers')?.protocolType, 'consumer')
      const { groups } = await admin.describeGroups(['readers'])
      assert.equal(groups[0].state, 'Stable')
      assert.equal(groups[0].members.length, 1)
      assert.match(groups[0].members[0].memberId, /^test-/)
      assert.equal(groups[0].members[0].clientId, 'test')
      await withAdmin(kafka, admin => assert.rejects(admin.deleteGroups(['readers'])))
      await consumer.disconnect()
      const left = await admin.describeGroups(['readers'])
      assert.equal(left.groups[0].state, 'Empty')

      const committed = async () =>
        (await admin.fetchOffsets({ groupId: 'readers', topics: ['timed'] }))[0].partitions[0].offset
      assert.equal(await committed(), '3')
      await admin.setOffsets({ groupId: 'readers', topic: 'timed', partitions: [{ partition: 0, offset: '1' }] })
      assert.equal(await committed(), '1')
      await admin.resetOffsets({ groupId: 'readers', topic: 'timed', earliest: true })
      assert.ok(['0', '-2'].includes(await committed()))
      await admin.deleteGroups(['readers'])
      assert.ok(!(await admin.listGroups()).groups.some(group => group.groupId === 'readers'))
      await withAdmin(kafka, admin => assert.rejects(admin.deleteGroups(['readers'])))
    })
  })

  test('a topic that nobody made is made when it is written to', async () => {
    const producer = patient.producer({ allowAutoTopicCreation: true })
    await producer.connect()
    const [result] = await producer.send({ topic: 'made-by-use', messages: [{ value: 'first' }] })
    assert.equal(result.baseOffset, '0')
    await producer.disconnect()
    const metadata = await withAdmin(kafka, admin => admin.fetchTopicMetadata({ topics: ['made-by-use'] }))
    assert.equal(metadata.topics[0].partitions.length, 2, 'num.partitions')
  })

  test('the cluster is described', () =>
    withAdmin(kafka, async admin => {
      const { brokers, controller, clusterId } = await admin.describeCluster()
      assert.deepEqual(
        brokers.map(({ host, port }) => `${host}:${port}`),
        broker.bootstrap.split(',')
      )
      assert.ok(brokers.some(({ nodeId }) => nodeId === controller))
      assert.match(clusterId, /^[\w-]{22}$/)
    }))

  test('keys, headers, codecs and idempotence through kafkajs itself', async () => {
    const producer = patient.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    await withAdmin(patient, admin => admin.createTopics({ topics: [{ topic: 'whole', numPartitions: 1 }] }))
    const messages = [
      { key: 'a', value: '1', headers: { from: 'kafkajs', twice: ['x', 'y'] } },
      { key: 'b', value: null },
      { key: null, value: '나루' }
    ]
    await producer.send({ topic: 'whole', messages })
    await producer.send({ topic: 'whole', messages, compression: 1 })
    await producer.disconnect()
    const consumer = patient.consumer({ groupId: 'whole', maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic: 'whole', fromBeginning: true })
    const read: unknown[] = []
    await new Promise<void>(resolve => {
      consumer.run({
        eachMessage: async ({ message: { key, value, headers, offset } }) => {
          const { from, twice } = headers ?? {}
          const values = Array.isArray(twice) ? twice.map(String) : twice
          read.push([offset, key?.toString() ?? null, value?.toString() ?? null, from?.toString(), values])
          if (read.length === 6) resolve()
        }
      })
    })
    await consumer.disconnect()
    const expected = (base: number) => [
      [String(base), 'a', '1', 'kafkajs', ['x', 'y']],
      [String(base + 1), 'b', null, undefined, undefined],
      [String(base + 2), null, '나루', undefined, undefined]
    ]
    assert.deepEqual(read, [...expected(0), ...expected(3)])
  })
})
