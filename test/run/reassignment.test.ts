import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Admin, Kafka } from 'kafkajs'
import { type Cluster, ensureOk } from '../../src/client/cluster.ts'
import { type RunningCluster, startCluster } from '../../src/index.ts'
import { AlterPartitionReassignments } from '../../src/wire/kafka/messages/alter-partition-reassignments.ts'
import { DescribeLogDirs } from '../../src/wire/kafka/messages/describe-log-dirs.ts'
import { IncrementalAlterConfigs } from '../../src/wire/kafka/messages/incremental-alter-configs.ts'
import { clientOf } from '../support/client.ts'
import { kafkajs, withAdmin } from '../support/kafkajs.ts'

const folder = mkdtempSync(join(tmpdir(), 'naru-reassignment-'))
let cluster: RunningCluster
let kafka: Kafka

before(async () => {
  cluster = await startCluster({
    dataDir: folder,
    config: { 'offsets.topic.num.partitions': 1, 'min.insync.replicas': 2 }
  })
  await cluster.start(4)
  kafka = kafkajs(cluster.bootstrap, { brokers: cluster.bootstrap.split(',') })
})

after(async () => {
  await cluster.close()
  rmSync(folder, { recursive: true, force: true })
})

async function withClient<T>(use: (client: Cluster) => Promise<T>): Promise<T> {
  const client = clientOf(cluster.bootstrap)
  try {
    return await use(client)
  } finally {
    client.close()
  }
}

/** What clients are told of a topic. */
const topicInfo = (topic: string) => withClient(async client => (await client.fetchTopics([topic]))[0])

const broker = (nodeId: number) => cluster.brokers().find(found => found.nodeId === nodeId)!

/** How the partition of a topic stands in the eyes of clients. */
async function partitionOf(topic: string) {
  const [{ leader, replicas, isr }] = (await topicInfo(topic)).partitions
  return { leader, replicas, isr: isr.toSorted() }
}

/** Gives the partition of a topic other replicas; null cancels that. */
const reassign = (topic: string, replicas: number[] | null) =>
  withClient(async client => {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, replicas }] }]
    const { responses } = await client.ask(AlterPartitionReassignments, { timeoutMs: 5000, topics })
    const [{ errorCode, errorMessage }] = responses[0].partitions
    ensureOk(errorCode, 'reassign', errorMessage)
  })

async function underWay(topic: string) {
  const request = { topics: [{ topic, partitions: [0] }] }
  const { topics } = await withAdmin(kafka, (admin: Admin) => admin.listPartitionReassignments(request))
  return topics[0]?.partitions[0]
}

/** Whether a broker says that it has a replica. */
const serves = (nodeId: number, topic: string) =>
  withClient(async client => {
    const connection = await client.broker(nodeId)
    const { results } = await connection.request(DescribeLogDirs, { topics: [{ topic, partitions: [0] }] })
    return results[0].topics.length > 0
  })

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await holds()) return
    await new Promise(resolve => setTimeout(resolve, 25))
  }
  assert.fail('it never came so')
}

/** Makes a topic of one partition on these brokers; gives its id. */
async function topicOn(topic: string, replicas: number[]): Promise<string> {
  await withAdmin(kafka, admin =>
    admin.createTopics({ topics: [{ topic, replicaAssignment: [{ partition: 0, replicas }] }], waitForLeaders: true })
  )
  return (await topicInfo(topic)).topicId
}

/** Whether a broker's data folder has a log of a topic. */
function hasLog(nodeId: number, topicId: string): boolean {
  return readdirSync(join(folder, `broker-${nodeId}`), { recursive: true }).some(path => {
    const name = String(path).split('/').at(-1)!
    return name.startsWith(topicId) && !name.endsWith('.deleted')
  })
}

/** Sends numbers one after the other until it is stopped; then checks that each is there, once, in order. */
async function counting(topic: string): Promise<{ readonly count: number; stop(): Promise<void> }> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  let stopped = false
  let count = 0
  const sending = (async () => {
    for (; !stopped; count++) {
      const [{ baseOffset }] = await producer.send({
        topic,
        acks: -1,
        messages: [{ value: String(count) + 'x'.repeat(1000) }]
      })
      assert.equal(baseOffset, String(count), 'its offset is its number: nothing was lost or doubled before it')
    }
  })()
  return {
    get count() {
      return count
    },
    async stop() {
      stopped = true
      await sending
      await producer.disconnect()
      const consumer = kafka.consumer({ groupId: `all-of-${topic}` })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      let next = 0
      await new Promise<void>((resolve, reject) => {
        consumer
          .run({
            eachMessage: async ({ message }) => {
              if (String(message.value).replaceAll('x', '') !== String(next)) reject(new Error(`not ${next}`))
              if (++next === count) resolve()
            }
          })
          .catch(reject)
      })
      await consumer.disconnect()
    }
  }
}

describe('a partition that moves', () => {
  it('loses nothing of what is written meanwhile, and leaves nothing behind where it was', async () => {
    const topicId = await topicOn('moved', [1, 2])
    const writing = await counting('moved')
    for (const replicas of [
      [3, 4],
      [1, 4],
      [2, 1, 3],
      [4, 3]
    ]) {
      const { count } = writing
      await until(() => writing.count > count + 20)
      await reassign('moved', replicas)
      await until(async () => (await underWay('moved')) === undefined)
      const { leader, ...now } = await partitionOf('moved')
      assert.deepEqual(now, { replicas, isr: replicas.toSorted() })
      assert.ok(replicas.includes(leader))
      for (const nodeId of [1, 2, 3, 4])
        if (replicas.includes(nodeId)) assert.ok(await serves(nodeId, 'moved'))
        else await until(async () => !hasLog(nodeId, topicId) && !(await serves(nodeId, 'moved')))
    }
    await writing.stop()
  })

  it('can be given more replicas, and fewer, while it is written to with min.insync.replicas=2', async () => {
    await topicOn('resized', [1])
    const writing = await counting('resized')
    await until(() => writing.count > 20)
    for (const replicas of [[1, 2, 3, 4], [4, 1], [2]]) {
      await reassign('resized', replicas)
      await until(async () => (await partitionOf('resized')).isr.join() === replicas.toSorted().join())
      const { count } = writing
      await until(() => writing.count > count + 10)
    }
    await writing.stop()
  })
})

describe('a reassignment to a broker that is away', () => {
  it('is under way until it comes back, told to clients, and can be cancelled', async () => {
    await topicOn('waiting', [1, 2])
    // It can be asked for: it is expected back.
    await broker(4).kill()
    await reassign('waiting', [4, 1])
    assert.deepEqual(await underWay('waiting'), {
      partition: 0,
      replicas: [4, 1, 2],
      addingReplicas: [4],
      removingReplicas: [2]
    })
    const { replicas, isr } = await partitionOf('waiting')
    assert.deepEqual(
      [replicas, isr],
      [
        [4, 1, 2],
        [1, 2]
      ]
    )
    await reassign('waiting', null)
    assert.deepEqual((await partitionOf('waiting')).replicas, [1, 2])
    await assert.rejects(reassign('waiting', null), { code: 'NO_REASSIGNMENT_IN_PROGRESS' })
    await reassign('waiting', [4, 1])
    await cluster.start(4)
    await until(async () => (await underWay('waiting')) === undefined)
    assert.deepEqual((await partitionOf('waiting')).replicas, [4, 1])
  })
})

describe('a broker that was away', () => {
  it('removes, when it is back, what was moved elsewhere and what was deleted meanwhile', async () => {
    const moved = await topicOn('moved-meanwhile', [1, 2])
    const deleted = await topicOn('deleted-meanwhile', [1, 2])
    const kept = await topicOn('kept', [1, 2])
    const producer = kafka.producer()
    await producer.connect()
    for (const topic of ['moved-meanwhile', 'deleted-meanwhile', 'kept'])
      await producer.send({ topic, acks: -1, messages: [{ value: 'x' }] })
    await producer.disconnect()
    await broker(2).kill()
    await reassign('moved-meanwhile', [1, 3])
    await until(async () => (await underWay('moved-meanwhile')) === undefined)
    await withAdmin(kafka, admin => admin.deleteTopics({ topics: ['deleted-meanwhile'] }))
    for (const topicId of [moved, deleted, kept]) assert.ok(hasLog(2, topicId))
    await cluster.start(2)
    await until(() => !hasLog(2, moved) && !hasLog(2, deleted))
    await until(async () => (await partitionOf('kept')).isr.length === 2)
    assert.ok(hasLog(2, kept))
  })
})

/** Sets configs of a topic or a broker (an empty value takes one away). */
const configure = (type: 'topic' | 'broker', name: string, configs: Record<string, string>) =>
  withClient(async client => {
    // A broker's own configs are that broker's to change.
    const connection = await client.broker(type === 'broker' ? Number(name) : 1)
    const { responses } = await connection.request(IncrementalAlterConfigs, {
      resources: [
        {
          resourceType: type === 'topic' ? 2 : 4,
          resourceName: name,
          configs: Object.entries(configs).map(([config, value]) => ({
            name: config,
            configOperation: value === '' ? 1 : 0,
            value: value === '' ? null : value
          }))
        }
      ],
      validateOnly: false
    })
    ensureOk(responses[0].errorCode, name, responses[0].errorMessage)
  })

for (const side of ['leader', 'follower'] as const)
  describe(`a throttle on the side of the ${side}`, () => {
    it('holds back the replicas that it names, not others, and no writer', async () => {
      const [held, free] = [`held-by-${side}`, `free-of-${side}`]
      for (const topic of [held, free]) await topicOn(topic, [1, 2])
      const throttledBroker = side === 'leader' ? 1 : 3
      await configure('topic', held, { [`${side}.replication.throttled.replicas`]: `0:${throttledBroker}` })
      const producer = kafka.producer()
      await producer.connect()
      const send = (topic: string) => producer.send({ topic, acks: -1, messages: [{ value: 'x'.repeat(10_000) }] })
      for (const topic of [held, free]) for (let i = 0; i < 20; i++) await send(topic)
      const rate = `${side}.replication.throttled.rate`
      // One answer may take more than there is; what follows then waits for days.
      await configure('broker', String(throttledBroker), { [rate]: side === 'leader' ? '0' : '1' })
      await reassign(held, [1, 3])
      await until(async () => (await serves(3, held)) && (await underWay(held)) !== undefined)
      await reassign(free, [1, 3])
      await until(async () => (await underWay(free)) === undefined)
      for (let i = 0; i < 20; i++) await send(held)
      assert.deepEqual((await partitionOf(held)).isr, [1, 2])
      await configure('broker', String(throttledBroker), { [rate]: '' })
      await until(async () => (await underWay(held)) === undefined)
      assert.deepEqual(await partitionOf(held), { leader: 1, replicas: [1, 3], isr: [1, 3] })
      await producer.disconnect()
    })
  })
