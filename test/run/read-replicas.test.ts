import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Cluster, ensureOk } from '../../src/client/cluster.ts'
import { type RunningCluster, startCluster } from '../../src/index.ts'
import { buildBatch } from '../../src/record/build.ts'
import { rackAwareSelector } from '../../src/replication/options.ts'
import { errorOfNumber } from '../../src/wire/kafka/errors.ts'
import { CreateTopics } from '../../src/wire/kafka/messages/create-topics.ts'
import { Fetch } from '../../src/wire/kafka/messages/fetch.ts'
import { Produce } from '../../src/wire/kafka/messages/produce.ts'
import { valuesOf } from '../sim/clients/reader.ts'
import { clientOf } from '../support/client.ts'

const topic = 't'

/** Broker 1 of rack a leads; 2 stands in b and 3 in c. */
describe('a consumer that names its rack (KIP-392)', () => {
  let cluster: RunningCluster
  let client: Cluster

  before(async () => {
    cluster = await startCluster({
      racks: ['a', 'b', 'c'],
      config: { 'replica.selector.class': rackAwareSelector, 'replica.fetch.wait.max.ms': 5000 }
    })
    client = clientOf(cluster.bootstrap, { requestTimeoutMs: 10_000, retryBackoffMs: 20, retryTimeoutMs: 20_000 })
    const { topics } = await client.askController(CreateTopics, {
      topics: [
        {
          name: topic,
          numPartitions: -1,
          replicationFactor: -1,
          assignments: [{ partitionIndex: 0, brokerIds: [1, 2, 3] }],
          configs: []
        }
      ],
      timeoutMs: 5000
    })
    ensureOk(topics[0].errorCode, 'create')
  })

  after(async () => {
    client.close()
    await cluster.close()
  })

  async function produce(value: string): Promise<void> {
    const connection = await client.broker(1)
    const { responses } = await connection.request(Produce, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 3000,
      topicData: [
        {
          name: topic,
          partitionData: [{ index: 0, records: buildBatch([{ timestamp: 1, value: Buffer.from(value) }]) }]
        }
      ]
    })
    ensureOk(responses[0].partitionResponses[0].errorCode, 'produce')
  }

  async function fetch(nodeId: number, rackId: string, fetchOffset: number, more: { maxWaitMs?: number } = {}) {
    const { maxWaitMs = 0 } = more
    const connection = await client.broker(nodeId)
    const { responses } = await connection.requestWithin(
      Fetch,
      [11, 11],
      {
        maxWaitMs,
        minBytes: 1,
        rackId,
        topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }] }]
      },
      maxWaitMs
    )
    const [{ errorCode, preferredReadReplica, records, highWatermark }] = responses[0].partitions
    const values = valuesOf(records ?? Buffer.alloc(0)).map(([, value]) => value)
    return { error: errorOfNumber(errorCode), preferred: preferredReadReplica, values, highWatermark }
  }

  it('is sent by the leader to the replica that stands there, at once and without records', async () => {
    await produce('one')
    for (const [rack, nodeId] of [
      ['b', 2],
      ['c', 3]
    ] as const)
      assert.deepEqual(await fetch(1, rack, 0, { maxWaitMs: 9000 }), {
        error: undefined,
        preferred: nodeId,
        values: [],
        highWatermark: 1
      })
  })

  it('reads from the leader where that stands there, or nobody does, or it names none', async () => {
    for (const rack of ['a', 'nowhere', '']) {
      const { preferred, values } = await fetch(1, rack, 0)
      assert.deepEqual([preferred, values], [-1, ['one']], rack)
    }
  })

  it('reads from a follower what is committed, and waits there for more', async () => {
    // The follower's own fetch waits for five seconds: it hears of the high watermark at once all the same.
    const beganMs = performance.now()
    const { values } = await fetch(2, 'b', 0, { maxWaitMs: 4000 })
    assert.deepEqual(values, ['one'])
    const waiting = fetch(2, 'b', 1, { maxWaitMs: 4000 })
    await produce('two')
    const second = await waiting
    assert.deepEqual([second.values, second.highWatermark], [['two'], 2])
    assert.ok(performance.now() - beganMs < 3500, 'nobody waited for a time-out')
  })

  it('is sent back to the leader by a follower that has not got what it asks for', async () => {
    assert.equal((await fetch(3, 'c', 50)).error, 'NOT_LEADER_OR_FOLLOWER')
    assert.equal((await fetch(1, 'a', 50)).error, 'OFFSET_OUT_OF_RANGE')
    assert.equal((await fetch(2, 'b', 2)).error, undefined)
  })

  it('is not sent to a replica that is not in sync', async () => {
    await cluster
      .brokers()
      .find(({ nodeId }) => nodeId === 3)!
      .close()
    const { preferred, values } = await fetch(1, 'c', 0)
    assert.deepEqual([preferred, values.length > 0], [-1, true])
  })
})
