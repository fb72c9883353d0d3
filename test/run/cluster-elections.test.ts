import assert from 'node:assert/strict'
import { after, afterEach, describe, it } from 'node:test'
import { type Cluster, ensureOk } from '../../src/client/cluster.ts'
import { type RunningCluster, startCluster } from '../../src/index.ts'
import { buildBatch } from '../../src/record/build.ts'
import { codeOf } from '../../src/std/errors.ts'
import { CreateTopics } from '../../src/wire/kafka/messages/create-topics.ts'
import { DescribeTopicPartitions } from '../../src/wire/kafka/messages/describe-topic-partitions.ts'
import { Fetch } from '../../src/wire/kafka/messages/fetch.ts'
import { IncrementalAlterConfigs } from '../../src/wire/kafka/messages/incremental-alter-configs.ts'
import { Produce } from '../../src/wire/kafka/messages/produce.ts'
import { valuesOf } from '../sim/clients/reader.ts'
import { clientOf } from '../support/client.ts'

const topic = 't'

let cluster: RunningCluster
let clients: Cluster[] = []
// While all brokers are dead nothing else keeps this process alive.
const alive = setInterval(() => {}, 1000)

after(() => clearInterval(alive))

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await cluster.close()
})

/** Three brokers, a topic with one partition led by broker 1, and a client. */
async function start(configs: Record<string, string>): Promise<Cluster> {
  cluster = await startCluster({ config: { 'broker.session.timeout.ms': 1000, 'offsets.topic.num.partitions': 1 } })
  const client = clientOf(cluster.bootstrap, { requestTimeoutMs: 5000, retryBackoffMs: 20, retryTimeoutMs: 20_000 })
  clients = [client]
  const answer = await client.askController(CreateTopics, {
    topics: [
      {
        name: topic,
        numPartitions: -1,
        replicationFactor: -1,
        assignments: [{ partitionIndex: 0, brokerIds: [1, 2, 3] }],
        configs: Object.entries(configs).map(([name, value]) => ({ name, value }))
      }
    ],
    timeoutMs: 5000
  })
  ensureOk(answer.topics[0].errorCode, 'create')
  return client
}

async function partitionOf(client: Cluster) {
  const { topics } = await client.ask(DescribeTopicPartitions, { topics: [{ name: topic }], cursor: null })
  const { leaderId, leaderEpoch, isrNodes, eligibleLeaderReplicas, lastKnownElr } = topics[0].partitions[0]
  return { leader: leaderId, epoch: leaderEpoch, isr: isrNodes, elr: eligibleLeaderReplicas, last: lastKnownElr }
}

type Seen = Awaited<ReturnType<typeof partitionOf>>

async function until(client: Cluster, holds: (seen: Seen) => boolean): Promise<Seen> {
  let seen: Seen | undefined
  for (let attempt = 0; attempt < 300; attempt++) {
    try {
      seen = await partitionOf(client)
      if (holds(seen)) return seen
    } catch (error) {
      // Who was asked has just died.
      client.doubt(codeOf(error))
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return assert.fail(`it never came so: ${JSON.stringify(seen)}`)
}

async function produce(client: Cluster, value: string, acks: number): Promise<void> {
  for (let attempt = 0; ; attempt++)
    try {
      const connection = await client.broker(await client.leaderOf(topic, 0))
      const { responses } = await connection.request(Produce, {
        transactionalId: null,
        acks,
        timeoutMs: 3000,
        topicData: [
          {
            name: topic,
            partitionData: [{ index: 0, records: buildBatch([{ timestamp: 1, value: Buffer.from(value) }]) }]
          }
        ]
      })
      return ensureOk(responses[0].partitionResponses[0].errorCode, 'produce')
    } catch (error) {
      if (attempt >= 20) throw error
      client.doubt(codeOf(error))
    }
}

/** All that a consumer sees. */
async function values(client: Cluster): Promise<string[]> {
  const seen: string[] = []
  for (let offset = 0; ; offset = seen.length) {
    const connection = await client.broker(await client.leaderOf(topic, 0))
    const { responses } = await connection.request(Fetch, {
      maxWaitMs: 0,
      minBytes: 0,
      topics: [{ topic, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1_000_000 }] }]
    })
    const found = valuesOf(responses[0].partitions[0].records ?? Buffer.alloc(0))
    if (found.length === 0) return seen
    for (const [, value] of found) seen.push(value)
  }
}

async function kill(nodeId: number): Promise<void> {
  await cluster
    .brokers()
    .find(broker => broker.nodeId === nodeId)!
    .kill()
}

describe('a partition whose replicas die one after the other', () => {
  it('is led by an eligible one as soon as one is back, with all that was acknowledged', async () => {
    const client = await start({ 'min.insync.replicas': '2' })
    await produce(client, 'of all', -1)
    await kill(3)
    await until(client, ({ isr, elr }) => isr.length === 2 && elr?.length === 0)
    await produce(client, 'not of 3', -1)
    await kill(2)
    await until(client, ({ leader, isr, elr }) => leader === 1 && isr.join() === '1' && elr?.join() === '2')
    await produce(client, 'of 1 only', 1)
    await kill(1)
    // Somebody must be there to be asked: one that lacks a record.
    await cluster.start(3)
    const alone = await until(client, ({ leader }) => leader === -1)
    assert.deepEqual([alone.isr, alone.elr, alone.last], [[], [1, 2], [1]])
    await cluster.start(2)
    const led = await until(client, ({ leader }) => leader !== -1)
    assert.equal(led.leader, 2)
    await cluster.start(1)
    const whole = await until(client, ({ isr }) => isr.length === 3)
    assert.deepEqual([whole.elr, whole.last], [[], []])
    await produce(client, 'afterwards', -1)
    assert.deepEqual(await values(client), ['of all', 'not of 3', 'afterwards'])
  })

  it('forgets the eligible ones when fewer replicas must be in sync, and goes on', async () => {
    const client = await start({ 'min.insync.replicas': '2' })
    await kill(3)
    await kill(2)
    await until(client, ({ isr, elr }) => isr.join() === '1' && elr?.includes(2) === true)
    const configs = [{ name: 'min.insync.replicas', configOperation: 0, value: '1' }]
    const { responses } = await client.ask(IncrementalAlterConfigs, {
      resources: [{ resourceType: 2, resourceName: topic, configs }],
      validateOnly: false
    })
    ensureOk(responses[0].errorCode, 'alter')
    await produce(client, 'of 1', -1)
    assert.deepEqual((await partitionOf(client)).elr, [])
    assert.deepEqual(await values(client), ['of 1'])
  })
})

describe('a partition whose last in-sync replica is gone', () => {
  it('is led by any replica once the topic wants that, and begins anew with it', async () => {
    const client = await start({})
    await kill(3)
    await kill(2)
    await until(client, ({ isr }) => isr.join() === '1')
    await produce(client, 'of 1', -1)
    await kill(1)
    await cluster.start(2)
    const { epoch, elr } = await until(client, ({ leader }) => leader === -1)
    assert.deepEqual(elr, [1])
    const configs = [{ name: 'unclean.leader.election.enable', configOperation: 0, value: 'true' }]
    await client.ask(IncrementalAlterConfigs, {
      resources: [{ resourceType: 2, resourceName: topic, configs }],
      validateOnly: false
    })
    const led = await until(client, ({ leader }) => leader !== -1)
    assert.deepEqual([led.leader, led.isr, led.epoch, led.elr, led.last], [2, [2], epoch + 1, [], []])
    await produce(client, 'of 2', -1)
    await cluster.start(1)
    await until(client, ({ isr }) => isr.length === 2)
    assert.deepEqual(await values(client), ['of 2'], 'what only 1 had is given up')
  })

  it('is led by any replica at once where all topics want that', async () => {
    const client = await start({})
    await client.ask(IncrementalAlterConfigs, {
      resources: [
        {
          resourceType: 4,
          resourceName: '',
          configs: [{ name: 'unclean.leader.election.enable', configOperation: 0, value: 'true' }]
        }
      ],
      validateOnly: false
    })
    await kill(3)
    await kill(2)
    await until(client, ({ isr }) => isr.join() === '1')
    await kill(1)
    await cluster.start(2)
    const { isr } = await until(client, ({ leader }) => leader === 2)
    assert.deepEqual(isr, [2])
  })
})
