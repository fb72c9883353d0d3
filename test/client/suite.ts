import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { createTopic, deleteTopic, listTopics } from '../../src/client/admin.ts'
import { alterConfigs, describeConfigs } from '../../src/client/admin-configs.ts'
import { committedOffsets, deleteGroup, describeGroup, listGroups } from '../../src/client/admin-groups.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { type ConsumedRecord, Consumer } from '../../src/client/consumer.ts'
import { GroupConsumer } from '../../src/client/group-consumer.ts'
import { listOffset } from '../../src/client/offsets.ts'
import { Producer } from '../../src/client/producer.ts'
import { compressionCodecs } from '../../src/record/header.ts'
import { partitionOf } from '../../src/record/partitioner.ts'
import { systemClock } from '../../src/run/system.ts'
import { sleep } from '../../src/std/clock.ts'
import { clientOf } from '../support/client.ts'

/** Older than retention would be deleted, in the middle of a test. */
const hourAgo = systemClock.now() - 3_600_000

/** What the client must do with any broker; `start` gives its address and how to stop it. */
export function clientSuite(what: string, start: () => Promise<{ bootstrap: string; stop(): Promise<void> }>): void {
  describe(what, () => {
    let broker: Awaited<ReturnType<typeof start>>
    let cluster: Cluster
    const open = (clientId = 'test') => clientOf(broker.bootstrap, { clientId })
    const freshTopic = async (partitions = 1, configs: Record<string, string> = {}) => {
      const name = `t-${randomBytes(6).toString('hex')}`
      await createTopic(cluster, { name, partitions, configs })
      await cluster.retrying(() => cluster.leaderOf(name, partitions - 1))
      return name
    }
    before(async () => {
      broker = await start()
      cluster = open()
    })
    after(async () => {
      cluster.close()
      await broker.stop()
    })

    const set = async (name: string) =>
      (await describeConfigs(cluster, { type: 'topic', name }))
        .filter(({ source }) => source === 'topic')
        .map(({ name, value }) => [name, value])

    const readAll = async (consumer: Consumer | GroupConsumer, count: number): Promise<ConsumedRecord[]> => {
      const found: ConsumedRecord[] = []
      for (let empty = 0; found.length < count && empty < 20; ) {
        const records = await consumer.poll(1000)
        found.push(...records)
        empty = records.length === 0 ? empty + 1 : 0
      }
      return found
    }

    test('creates, lists, describes, configures and deletes topics', async () => {
      const name = await freshTopic(3, { 'retention.ms': '60000' })
      const listed = await listTopics(cluster)
      assert.equal(listed.find(topic => topic.name === name)?.partitions.length, 3)
      assert.deepEqual(await set(name), [['retention.ms', '60000']])
      const changes = [
        { name: 'retention.ms', operation: 'delete', value: null },
        { name: 'segment.bytes', operation: 'set', value: '1048576' }
      ] as const
      await alterConfigs(cluster, { type: 'topic', name }, changes, true)
      await alterConfigs(cluster, { type: 'topic', name }, changes)
      // Kafka's brokers learn of it a moment after its controller has answered.
      for (let tries = 0; tries < 100 && (await set(name))[0]?.[0] !== 'segment.bytes'; tries++)
        await sleep(systemClock, 50)
      assert.deepEqual(await set(name), [['segment.bytes', '1048576']])
      await assert.rejects(createTopic(cluster, { name, partitions: 1 }), { code: 'TOPIC_ALREADY_EXISTS' })
      await assert.rejects(createTopic(cluster, { name: 'no/name' }), { code: 'INVALID_TOPIC_EXCEPTION' })
      await deleteTopic(cluster, name)
      await assert.rejects(deleteTopic(cluster, name), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
    })

    for (const codec of compressionCodecs)
      test(`what was produced comes back in order, ${codec}`, async () => {
        const topic = await freshTopic(2)
        const producer = new Producer(cluster, { codec })
        const sent = Array.from({ length: 500 }, (_, i) => ({
          topic,
          key: Buffer.from(`key ${i % 10}`),
          value: i % 7 === 0 ? null : Buffer.alloc(100, `value ${i} `),
          headers: [{ key: 'n', value: Buffer.from(String(i)) }],
          timestamp: hourAgo + i
        }))
        const deliveries = await Promise.all(sent.map(record => producer.send(record)))
        await producer.close()
        const consumer = new Consumer(cluster)
        consumer.assign([0, 1].map(partition => ({ topic, partition, at: 'earliest' })))
        const found = await readAll(consumer, sent.length)
        consumer.close()
        for (const partition of [0, 1]) {
          const expected = sent.filter(({ key }) => partitionOf(key, 2) === partition)
          const got = found.filter(record => record.partition === partition)
          assert.deepEqual(
            got.map(({ key, value, headers, timestamp }) => ({ topic, key, value, headers, timestamp })),
            expected
          )
          assert.deepEqual(
            got.map(({ offset }) => offset),
            expected.map((_, i) => i)
          )
        }
        for (const { partition, offset } of deliveries)
          assert.ok(found.some(record => record.partition === partition && record.offset === offset))
      })

    test('acks 0 and 1, records without a key, and a partition that was asked for', async () => {
      const topic = await freshTopic(3)
      const leader = new Producer(cluster, { acks: 1 })
      assert.equal((await leader.send({ topic, partition: 2, value: Buffer.from('first') })).offset, 0)
      const unsafe = new Producer(cluster, { acks: 0 })
      assert.equal((await unsafe.send({ topic, partition: 2, value: Buffer.from('a') })).offset, -1)
      await unsafe.close()
      const consumer = new Consumer(cluster)
      consumer.assign([{ topic, partition: 2, at: 1 }])
      assert.equal((await readAll(consumer, 1))[0].value?.toString(), 'a')
      assert.equal((await leader.send({ topic, partition: 2, value: Buffer.from('b') })).offset, 2)
      await leader.send({ topic, value: Buffer.from('anywhere') })
      await assert.rejects(leader.send({ topic, partition: 3, value: null }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
      await leader.close()
      consumer.close()
    })

    test('starts at an offset, a time and the end', async () => {
      const topic = await freshTopic()
      const producer = new Producer(cluster)
      for (let i = 0; i < 10; i++)
        await producer.send({ topic, value: Buffer.from(`${i}`), timestamp: hourAgo + i * 1000 })
      const at = { topic, partition: 0 }
      assert.deepEqual((await listOffset(cluster, { ...at, at: { timestampMs: hourAgo + 3_500 } })).offset, 4)
      assert.deepEqual((await listOffset(cluster, { ...at, at: { timestampMs: hourAgo + 7_200_000 } })).offset, 10)
      assert.deepEqual((await listOffset(cluster, { ...at, at: 'earliest' })).offset, 0)
      const consumer = new Consumer(cluster)
      consumer.assign([{ ...at, at: { timestampMs: hourAgo + 3_500 } }])
      assert.equal((await readAll(consumer, 6))[0].value?.toString(), '4')
      consumer.assign([{ ...at, at: 7 }])
      assert.deepEqual(
        (await readAll(consumer, 3)).map(({ offset }) => offset),
        [7, 8, 9]
      )
      consumer.assign([{ ...at, at: 'latest' }])
      const next = consumer.poll(10_000)
      for (let tries = 0; consumer.positions()[0].position < 0 && tries < 200; tries++)
        await new Promise(resolve => setImmediate(resolve))
      await sleep(systemClock, 300)
      await producer.send({ topic, value: Buffer.from('new') })
      assert.deepEqual(
        (await next).map(({ value }) => value?.toString()),
        ['new']
      )
      consumer.assign([{ ...at, at: 99 }])
      assert.equal((await readAll(consumer, 11)).length, 11)
      consumer.close()
      const strict = new Consumer(cluster, { reset: 'none' })
      strict.assign([{ ...at, at: 99 }])
      await assert.rejects(strict.poll(5000), { code: 'OFFSET_OUT_OF_RANGE' })
      strict.close()
      await producer.close()
    })

    test('refused records say why, and the producer goes on', async () => {
      const topic = await freshTopic(1, { 'max.message.bytes': '2000' })
      const producer = new Producer(cluster, { lingerMs: 0 })
      await producer.send({ topic, value: Buffer.from('small') })
      await assert.rejects(producer.send({ topic, value: Buffer.alloc(5000) }), { code: 'MESSAGE_TOO_LARGE' })
      assert.equal((await producer.send({ topic, value: Buffer.from('small again') })).offset, 1)
      const compacted = await freshTopic(1, { 'cleanup.policy': 'compact' })
      await assert.rejects(producer.send({ topic: compacted, value: Buffer.from('v') }), { code: 'INVALID_RECORD' })
      await producer.close()
    })

    test('a group shares partitions, hands over and goes on where it was', async () => {
      const topic = await freshTopic(4)
      const producer = new Producer(cluster)
      const produce = (from: number, to: number) =>
        Promise.all(
          Array.from({ length: to - from }, (_, i) =>
            producer.send({ topic, partition: (from + i) % 4, value: Buffer.from(`${from + i}`) })
          )
        )
      const groupId = `g-${randomBytes(6).toString('hex')}`
      const options = { groupId, topics: [topic], heartbeatIntervalMs: 200, sessionTimeoutMs: 10_000, maxWaitMs: 100 }
      const clusters = [open('one'), open('two')]
      await produce(0, 100)
      const first = new GroupConsumer(clusters[0], options)
      const seen: string[] = []
      const take = (records: ConsumedRecord[]) => seen.push(...records.map(({ value }) => String(value)))
      take(await readAll(first, 100))
      assert.equal(seen.length, 100)
      const second = new GroupConsumer(clusters[1], options)
      let running = true
      const pump = async (consumer: GroupConsumer) => {
        while (running) take(await consumer.poll(100))
      }
      const pumps = [pump(first), pump(second)]
      const shared = () => first.positions().length === 2 && second.positions().length === 2
      for (let i = 0; i < 200 && !shared(); i++) await sleep(systemClock, 50)
      assert.ok(shared())
      assert.ok((await listGroups(cluster)).some(group => group.groupId === groupId))
      const described = await describeGroup(cluster, groupId)
      assert.equal(described.state, 'Stable')
      assert.deepEqual(
        described.members.map(({ assignment }) => assignment[0].partitions.length),
        [2, 2]
      )
      await produce(100, 200)
      for (let i = 0; i < 200 && seen.length < 200; i++) await sleep(systemClock, 50)
      running = false
      await Promise.all(pumps)
      await first.close()
      await second.close()
      assert.deepEqual(
        seen.map(Number).sort((a, b) => a - b),
        Array.from({ length: 200 }, (_, i) => i)
      )
      const offsets = await committedOffsets(cluster, groupId, null)
      assert.deepEqual(
        offsets.sort((a, b) => a.partition - b.partition).map(({ offset }) => offset),
        [50, 50, 50, 50]
      )
      await produce(200, 204)
      const third = new GroupConsumer(cluster, options)
      assert.deepEqual((await readAll(third, 4)).map(({ value }) => Number(value)).sort(), [200, 201, 202, 203])
      await third.close()
      await deleteGroup(cluster, groupId)
      await assert.rejects(describeGroup(cluster, groupId), { code: 'GROUP_ID_NOT_FOUND' })
      for (const opened of clusters) opened.close()
      await producer.close()
    })
  })
}
