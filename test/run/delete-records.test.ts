import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { deleteRecords } from '../../src/client/admin.ts'
import { type Cluster, ensureOk } from '../../src/client/cluster.ts'
import { type RunningCluster, startCluster } from '../../src/index.ts'
import { buildBatch } from '../../src/record/build.ts'
import { CreateTopics } from '../../src/wire/kafka/messages/create-topics.ts'
import { ListOffsets } from '../../src/wire/kafka/messages/list-offsets.ts'
import { Produce } from '../../src/wire/kafka/messages/produce.ts'
import { clientOf } from '../support/client.ts'

const topic = 't'
const timeoutMs = 10_000

describe('records deleted in a cluster', () => {
  let cluster: RunningCluster
  let client: Cluster

  before(async () => {
    // Followers that had to wait for the answer to their fetch would be too late.
    cluster = await startCluster({
      config: { 'replica.fetch.wait.max.ms': 60_000, 'replica.lag.time.max.ms': 120_000 }
    })
    client = clientOf(cluster.bootstrap, { requestTimeoutMs: timeoutMs, retryBackoffMs: 20, retryTimeoutMs: 20_000 })
    const assignments = [{ partitionIndex: 0, brokerIds: [1, 2, 3] }]
    const { topics } = await client.askController(CreateTopics, {
      topics: [{ name: topic, numPartitions: -1, replicationFactor: -1, assignments, configs: [] }],
      timeoutMs
    })
    ensureOk(topics[0].errorCode, 'create')
  })

  after(async () => {
    client.close()
    await cluster.close()
  })

  async function produce(count: number): Promise<void> {
    const records = buildBatch(Array.from({ length: count }, () => ({ timestamp: 1, value: Buffer.from('x') })))
    const connection = await client.broker(await client.leaderOf(topic, 0))
    const { responses } = await connection.request(Produce, {
      transactionalId: null,
      acks: -1,
      timeoutMs,
      topicData: [{ name: topic, partitionData: [{ index: 0, records }] }]
    })
    ensureOk(responses[0].partitionResponses[0].errorCode, 'produce')
  }

  async function start(): Promise<number> {
    const connection = await client.broker(await client.leaderOf(topic, 0))
    const { topics } = await connection.request(ListOffsets, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -2 }] }]
    })
    ensureOk(topics[0].partitions[0].errorCode, 'start')
    return topics[0].partitions[0].offset
  }

  it('stay deleted when the leader dies as soon as it has said so', async () => {
    await produce(10)
    assert.equal(await deleteRecords(client, topic, 0, 7), 7)
    await cluster
      .brokers()
      .find(({ nodeId }) => nodeId === 1)
      ?.kill()
    assert.equal(await client.retrying(start), 7)
    assert.notEqual(await client.leaderOf(topic, 0), 1)
    await produce(1)
    assert.equal(await deleteRecords(client, topic, 0, -1), 11, 'the dead one is not waited for')
  })
})
