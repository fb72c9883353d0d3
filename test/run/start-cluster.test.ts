import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Kafka } from 'kafkajs'
import { type RunningCluster, startCluster } from '../../src/index.ts'
import { Metadata } from '../../src/wire/kafka/messages/metadata.ts'
import { AskingClient } from '../support/asking-client.ts'
import { kafkajs, withAdmin } from '../support/kafkajs.ts'

const clientOf = (cluster: RunningCluster): Kafka =>
  kafkajs(cluster.bootstrap, { brokers: cluster.bootstrap.split(',') })

/** The leader of a partition and its ISR, by the metadata that clients get. */
async function partitionOf(kafka: Kafka, topic: string, index = 0): Promise<{ leader: number; isr: number[] }> {
  const metadata = await withAdmin(kafka, admin => admin.fetchTopicMetadata({ topics: [topic] }))
  const found = metadata.topics[0].partitions.find(({ partitionId }) => partitionId === index)!
  return { leader: found.leader, isr: found.isr.toSorted() }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await holds()) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  assert.fail('it never came so')
}

/** All values of a topic's only partition, in order, read by a group until `last` came. */
async function readAll(kafka: Kafka, topic: string, last: string): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `reader-of-${topic}`, retry: { retries: 30 } })
  const values: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>(resolve => {
    consumer.run({
      eachMessage: async ({ message }) => {
        values.push(String(message.value))
        if (values.at(-1) === last) resolve()
      }
    })
  })
  await consumer.disconnect()
  return values
}

describe('a cluster of three brokers', () => {
  let cluster: RunningCluster
  let kafka: Kafka

  before(async () => {
    cluster = await startCluster({ config: { 'offsets.topic.num.partitions': 3, 'min.insync.replicas': 2 } })
    kafka = clientOf(cluster)
  })

  after(() => cluster.close())

  it('describes itself the same from every broker', async () => {
    const seen = await Promise.all(
      cluster.brokers().map(({ bootstrap }) => withAdmin(kafkajs(bootstrap), admin => admin.describeCluster()))
    )
    for (const { brokers, clusterId } of seen) {
      assert.deepEqual(brokers.map(({ nodeId }) => nodeId).sort(), [1, 2, 3])
      assert.equal(clusterId, cluster.clusterId)
    }
    assert.equal(new Set(seen.map(({ controller }) => controller)).size, 1)
  })

  it('loses and moves nothing that it acknowledged while leaders die, and takes them back', async () => {
    const topic = 'lasting'
    await withAdmin(kafka, admin =>
      admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 3 }], waitForLeaders: true })
    )
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const sent: string[] = []
    const send = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const value = String(sent.length)
        const [{ baseOffset }] = await producer.send({ topic, acks: -1, messages: [{ value }] })
        assert.equal(baseOffset, value, 'its offset is its number: nothing was lost or doubled before it')
        sent.push(value)
      }
    }
    await send(20)
    for (let round = 0; round < 3; round++) {
      const { leader } = await partitionOf(kafka, topic)
      const sending = send(20)
      await cluster
        .brokers()
        .find(({ nodeId }) => nodeId === leader)!
        .kill()
      await sending
      await send(10)
      assert.notEqual((await partitionOf(kafka, topic)).leader, leader)
      await cluster.start(leader)
      await until(async () => (await partitionOf(kafka, topic)).isr.length === 3)
    }
    await producer.disconnect()
    assert.deepEqual(await readAll(kafka, topic, sent.at(-1)!), sent)
  })

  it('answers on connections that are there for a moment after it handed over: clients hear from it who leads', async () => {
    const topic = 'handed-over'
    await withAdmin(kafka, admin =>
      admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 3 }], waitForLeaders: true })
    )
    await until(async () => (await partitionOf(kafka, topic)).isr.length === 3)
    const { leader } = await partitionOf(kafka, topic)
    const leaderOf = async (client: AskingClient) => {
      const { topics } = await client.ask(Metadata, 9, { topics: [{ name: topic }] })
      return (topics as { partitions: { leaderId: number }[] }[])[0].partitions[0].leaderId
    }
    const [other, stopping] = [leader === 1 ? 2 : 1, leader].map(nodeId => {
      const { port } = cluster.brokers().find(broker => broker.nodeId === nodeId)!
      return new AskingClient(port, 'a client that stays')
    })
    const closed = cluster
      .brokers()
      .find(({ nodeId }) => nodeId === leader)!
      .close()
    let next = leader
    while (next === leader) next = await leaderOf(other)
    assert.equal(await leaderOf(stopping), next, 'and not: the connection was closed')
    await closed
    for (const client of [other, stopping]) client.close()
    await cluster.start(leader)
    await until(async () => (await partitionOf(kafka, topic)).isr.length === 3)
  })

  it('lets a group go on when its coordinator dies, with the offsets that it committed', async () => {
    const topic = 'grouped'
    const groupId = 'the-group'
    await withAdmin(kafka, admin =>
      admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 3 }], waitForLeaders: true })
    )
    const producer = kafka.producer()
    await producer.connect()
    const produce = (from: number, to: number) =>
      producer.send({
        topic,
        acks: -1,
        messages: Array.from({ length: to - from }, (_, i) => ({ value: String(from + i) }))
      })
    await produce(0, 50)
    const seen: number[] = []
    let reached = () => {}
    const whenSeen = (count: number) =>
      new Promise<void>(resolve => {
        reached = () => seen.length >= count && resolve()
        reached()
      })
    const consume = async () => {
      const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500 })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => {
          seen.push(Number(message.value))
          reached()
        }
      })
      return consumer
    }
    const first = await consume()
    await whenSeen(50)
    // Leaving commits what was seen.
    await first.disconnect()
    const { brokers } = await withAdmin(kafka, admin => admin.describeCluster())
    const group = await withAdmin(kafka, admin => admin.fetchOffsets({ groupId, topics: [topic] }))
    assert.equal(group[0].partitions[0].offset, '50')
    assert.equal(brokers.length, 3)
    for (const nodeId of [1, 2, 3]) {
      // One of them coordinates the group.
      await cluster
        .brokers()
        .find(broker => broker.nodeId === nodeId)!
        .kill()
      const offsets = await withAdmin(kafka, admin => admin.fetchOffsets({ groupId, topics: [topic] }))
      assert.equal(offsets[0].partitions[0].offset, '50')
      await cluster.start(nodeId)
      await until(async () => (await partitionOf(kafka, topic)).isr.length === 3)
    }
    await produce(50, 100)
    const second = await consume()
    await whenSeen(100)
    await second.disconnect()
    assert.deepEqual(
      seen,
      Array.from({ length: 100 }, (_, i) => i),
      'nothing came twice, nothing was left out'
    )
    await producer.disconnect()
  })

  it('takes no acks=all write that fewer than min.insync.replicas would have', async () => {
    const topic = 'careful'
    await withAdmin(kafka, admin =>
      admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 3 }], waitForLeaders: true })
    )
    const { leader } = await partitionOf(kafka, topic)
    const others = cluster.brokers().filter(({ nodeId }) => nodeId !== leader)
    for (const broker of others) await broker.close()
    const only = kafkajs(cluster.bootstrap, { retry: { retries: 0 } })
    await until(async () => (await partitionOf(only, topic)).isr.length === 1)
    const producer = only.producer({ retry: { retries: 0 } })
    await producer.connect()
    const refused = producer.send({ topic, acks: -1, messages: [{ value: 'x' }] })
    await assert.rejects(refused, (error: Error) =>
      /in-sync|NOT_ENOUGH_REPLICAS/.test(`${error.message}${error.cause}`)
    )
    for (const { nodeId } of others) await cluster.start(nodeId)
    await until(async () => (await partitionOf(only, topic)).isr.length === 3)
    await producer.send({ topic, acks: -1, messages: [{ value: 'x' }] })
    await producer.disconnect()
  })
})
