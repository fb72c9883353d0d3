/** Broker configs that are changed while the broker runs: each has its effect at once, and is there after a restart. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { codecId, compressionCodecs } from '../../src/record/header.ts'
import { CreateTopics } from '../../src/wire/kafka/messages/create-topics.ts'
import { DescribeConfigs } from '../../src/wire/kafka/messages/describe-configs.ts'
import { DescribeProducers } from '../../src/wire/kafka/messages/describe-producers.ts'
import { Fetch } from '../../src/wire/kafka/messages/fetch.ts'
import { IncrementalAlterConfigs } from '../../src/wire/kafka/messages/incremental-alter-configs.ts'
import { InitProducerId } from '../../src/wire/kafka/messages/init-producer-id.ts'
import { ListOffsets } from '../../src/wire/kafka/messages/list-offsets.ts'
import { Produce } from '../../src/wire/kafka/messages/produce.ts'
import { AskingClient, type Tree } from '../support/asking-client.ts'
import type { RunningBroker } from '../support/naru.ts'
import { type BatchOptions, recordBatch } from '../support/raw.ts'
import { removeAfter, startTarget, whyNoTarget } from '../support/target.ts'

const dayMs = 86_400_000

describe('broker configs changed while the broker runs', { skip: whyNoTarget(), concurrency: 1 }, () => {
  let broker: RunningBroker
  let client: AskingClient
  let topics = 0

  before(async () => {
    broker = await startTarget({
      'log.retention.check.interval.ms': '100',
      'log.segment.delete.delay.ms': '100',
      // Kafka only: when it first looks, and how often for producers.
      'log.initial.task.delay.ms': '100',
      'producer.id.expiration.check.interval.ms': '100'
    })
    client = new AskingClient(broker.port, 'admin')
  })
  after(() => client?.close())
  removeAfter(() => broker?.remove())

  async function topic(): Promise<string> {
    const name = `dynamic-${++topics}`
    const wanted = [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
    await client.ask(CreateTopics, 7, { topics: wanted, timeoutMs: 10_000 })
    await until(async () => (await offset(name, -2)) === 0)
    return name
  }

  async function set(configs: Record<string, string | null>, node = ''): Promise<void> {
    const resources = [
      {
        resourceType: 4,
        resourceName: node,
        configs: Object.entries(configs).map(([name, value]) => {
          return { name, value, configOperation: value === null ? 1 : 0 }
        })
      }
    ]
    const { responses } = await client.ask(IncrementalAlterConfigs, 1, { resources, validateOnly: false })
    const [{ errorCode, errorMessage }] = responses as Tree[]
    assert.equal(errorCode, 0, String(errorMessage))
  }

  /** Takes back what was set. */
  const unset = (...names: string[]) => set(Object.fromEntries(names.map(name => [name, null])))

  async function produced(name: string, options: BatchOptions = {}, batch = recordBatch(options)): Promise<Tree> {
    const partitionData = [{ index: 0, records: batch }]
    const request = { transactionalId: null, acks: -1, timeoutMs: 10_000, topicData: [{ name, partitionData }] }
    const { responses } = await client.ask(Produce, 9, request)
    return ((responses as Tree[])[0].partitionResponses as Tree[])[0]
  }

  const errorOf = async (name: string, options?: BatchOptions) => (await produced(name, options)).errorCode

  async function offset(name: string, timestamp: number): Promise<unknown> {
    const request = { replicaId: -1, topics: [{ name, partitions: [{ partitionIndex: 0, timestamp }] }] }
    const answer = await client.ask(ListOffsets, 3, { ...request, isolationLevel: 0 })
    const [partition] = (answer.topics as Tree[])[0].partitions as Tree[]
    return partition.errorCode === 0 ? partition.offset : undefined
  }

  /** Kafka's broker hears of a change a little later than its controller answers. */
  async function until(reached: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      if (await reached()) return
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    assert.fail('not so after 5 s')
  }

  it('message.max.bytes', async () => {
    const name = await topic()
    const big = { records: [{ value: 'x'.repeat(5000) }] }
    assert.equal(await errorOf(name, big), 0)
    await set({ 'message.max.bytes': '1000' })
    await until(async () => (await errorOf(name, big)) === 10)
    await unset('message.max.bytes')
    await until(async () => (await errorOf(name, big)) === 0)
  })

  it('compression.type', async () => {
    const name = await topic()
    await set({ 'compression.type': 'gzip' })
    await until(async () => {
      const { baseOffset } = await produced(name)
      const partitions = [{ partition: 0, fetchOffset: baseOffset, partitionMaxBytes: 1 << 20 }]
      const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 20, isolationLevel: 0, forgottenTopicsData: [] }
      const answer = await client.ask(Fetch, 11, { ...request, topics: [{ topic: name, partitions }] })
      const [{ records }] = (answer.responses as Tree[])[0].partitions as Tree[]
      return compressionCodecs[codecId(records as Buffer)] === 'gzip'
    })
    await unset('compression.type')
  })

  it('log.message.timestamp.type, and how far timestamps may be off', async () => {
    const name = await topic()
    const old = { timestamp: Date.now() - 10 * dayMs }
    const ahead = { timestamp: Date.now() + 1000 * dayMs }
    assert.deepEqual([await errorOf(name, old), await errorOf(name, ahead)], [0, 32])
    await set({ 'log.message.timestamp.before.max.ms': String(dayMs) })
    await until(async () => (await errorOf(name, old)) === 32)
    await set({ 'log.message.timestamp.after.max.ms': String(2000 * dayMs) })
    await until(async () => (await errorOf(name, ahead)) === 0)
    await set({ 'log.message.timestamp.type': 'LogAppendTime' })
    await until(async () => ((await produced(name)).logAppendTimeMs as number) > 0)
    await unset(
      'log.message.timestamp.before.max.ms',
      'log.message.timestamp.after.max.ms',
      'log.message.timestamp.type'
    )
  })

  it('log.segment.bytes and log.retention.bytes', async () => {
    const name = await topic()
    const half = { records: [{ value: 'x'.repeat(600_000) }] }
    await set({ 'log.segment.bytes': '1048576', 'log.retention.bytes': '700000' })
    await until(async () => {
      await produced(name, half)
      return ((await offset(name, -2)) as number) > 0
    })
    await unset('log.segment.bytes', 'log.retention.bytes')
  })

  it('log.roll.ms and log.retention.ms', async () => {
    const name = await topic()
    await set({ 'log.roll.ms': '1000', 'log.retention.ms': String(dayMs) })
    await until(async () => {
      await produced(name, { timestamp: Date.now() - 3 * dayMs })
      await produced(name)
      return ((await offset(name, -2)) as number) > 0
    })
    await unset('log.roll.ms', 'log.retention.ms')
  })

  it('producer.id.expiration.ms', async () => {
    const name = await topic()
    let id = -1
    await until(async () => {
      const given = await client.ask(InitProducerId, 1, { transactionalId: null, transactionTimeoutMs: 60_000 })
      id = given.producerId as number
      return given.errorCode === 0
    })
    const batch = recordBatch({ producer: { id, sequence: 0 } })
    assert.equal((await produced(name, {}, batch)).errorCode, 0)
    const producers = async () => {
      const { topics: answers } = await client.ask(DescribeProducers, 0, { topics: [{ name, partitionIndexes: [0] }] })
      const [{ partitions }] = answers as { partitions: Tree[] }[]
      return (partitions[0].activeProducers as unknown[]).length
    }
    assert.equal(await producers(), 1)
    await set({ 'producer.id.expiration.ms': '1' })
    await until(async () => (await producers()) === 0)
    await unset('producer.id.expiration.ms')
  })

  it('limits of connections', async () => {
    const served = async () => {
      const other = new AskingClient(broker.port, 'other')
      try {
        await other.ask(DescribeConfigs, 4, { resources: [] })
        return true
      } catch {
        return false
      } finally {
        other.close()
      }
    }
    assert.ok(await served())
    for (const [name, value] of [
      ['max.connections.per.ip', '1'],
      ['max.connections.per.ip.overrides', '127.0.0.1:1,::1:1']
    ] as const) {
      await set({ [name]: value })
      await until(async () => !(await served()))
      await unset(name)
      await until(served)
    }
  })

  it('is there after a restart, that of one broker before that of all', async () => {
    await set({ 'log.retention.ms': '11111111', 'log.retention.bytes': '22222222' })
    await set({ 'log.retention.ms': '33333333' }, '1')
    client.close()
    await broker.stop()
    await broker.restart()
    client = new AskingClient(broker.port, 'admin')
    const configurationKeys = ['log.retention.ms', 'log.retention.bytes']
    const { results } = await client.ask(DescribeConfigs, 4, {
      resources: [{ resourceType: 4, resourceName: '1', configurationKeys }]
    })
    const [{ configs }] = results as { configs: Tree[] }[]
    assert.deepEqual(configs.map(({ name, value, configSource }) => [name, value, configSource]).sort(), [
      ['log.retention.bytes', '22222222', 3],
      ['log.retention.ms', '33333333', 2]
    ])
  })
})
