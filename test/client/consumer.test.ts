import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Consumer, type ConsumerOptions } from '../../src/client/consumer.ts'
import { buildBatch } from '../../src/record/build.ts'
import { systemClock } from '../../src/run/system.ts'
import { errorNumber } from '../../src/wire/kafka/errors.ts'
import { Fetch } from '../../src/wire/kafka/messages/fetch.ts'
import { ListOffsets } from '../../src/wire/kafka/messages/list-offsets.ts'
import { FakeBrokers } from './fake-broker.ts'

const record = (value: string) => ({ value: Buffer.from(value), timestamp: 1 })
const marker = (type: 'abort' | 'commit') => ({
  key: Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]),
  value: Buffer.alloc(6),
  timestamp: 1
})

/** A broker with one log of these batches, its offsets as given. */
function serving(batches: Buffer[], aborted: { producerId: number; firstOffset: number }[] = []): FakeBrokers {
  const brokers = new FakeBrokers()
  const end = Math.max(...batches.map(batch => Number(batch.readBigInt64BE(0)) + batch.readInt32BE(23) + 1))
  brokers.on(ListOffsets, () => ({
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: 0, offset: 0 }] }]
  }))
  brokers.on(Fetch, request => {
    const { fetchOffset } = request.topics[0].partitions[0]
    const from = batches.filter(batch => Number(batch.readBigInt64BE(0)) + batch.readInt32BE(23) >= fetchOffset)
    const errorCode = fetchOffset > end ? errorNumber('OFFSET_OUT_OF_RANGE') : 0
    const records = Buffer.concat(from)
    const partition = { partitionIndex: 0, errorCode, highWatermark: end, abortedTransactions: aborted, records }
    return { responses: [{ topic: 't', partitions: [partition] }] }
  })
  return brokers
}

async function readFrom(brokers: FakeBrokers, at: number, options: ConsumerOptions, count: number): Promise<string[]> {
  const cluster = brokers.cluster(systemClock)
  const consumer = new Consumer(cluster, options)
  try {
    consumer.assign([{ topic: 't', partition: 0, at }])
    const values: string[] = []
    while (values.length < count) {
      const records = await consumer.poll(2000)
      assert.ok(records.length > 0, 'nothing more comes')
      values.push(...records.map(({ value }) => String(value)))
    }
    return values
  } finally {
    consumer.close()
    cluster.close()
  }
}

const transactional = (producerId: number) => ({ producerId, producerEpoch: 0, baseSequence: 0, transactional: true })

test('hides aborted transactions and markers, and shows them when told to', async () => {
  const brokers = serving(
    [
      buildBatch([record('plain')], { baseOffset: 0 }),
      buildBatch([record('aborted'), record('aborted too')], { baseOffset: 1, ...transactional(5) }),
      buildBatch([record('of another')], { baseOffset: 3, ...transactional(6) }),
      buildBatch([marker('abort')], { baseOffset: 4, ...transactional(5), control: true }),
      buildBatch([marker('commit')], { baseOffset: 5, ...transactional(6), control: true }),
      buildBatch([record('again')], { baseOffset: 6, ...transactional(5) }),
      buildBatch([marker('commit')], { baseOffset: 7, ...transactional(5), control: true })
    ],
    [{ producerId: 5, firstOffset: 1 }]
  )
  assert.deepEqual(await readFrom(brokers, 0, {}, 3), ['plain', 'of another', 'again'])
  const all = ['plain', 'aborted', 'aborted too', 'of another', 'again']
  assert.deepEqual(await readFrom(brokers, 0, { readCommitted: false }, 5), all)
})

test('starts in the middle of a batch', async () => {
  const brokers = serving([buildBatch([record('a'), record('b'), record('c')], { baseOffset: 10, codec: 'lz4' })])
  assert.deepEqual(await readFrom(brokers, 11, {}, 2), ['b', 'c'])
})

test('an offset that does not exist is an error or a new start, as asked', async () => {
  const brokers = serving([buildBatch([record('a')])])
  assert.deepEqual(await readFrom(brokers, 5, { reset: 'earliest' }, 1), ['a'])
  await assert.rejects(readFrom(brokers, 5, { reset: 'none' }, 1), { code: 'OFFSET_OUT_OF_RANGE' })
})

test('a damaged batch is an error, never records', async () => {
  const batch = buildBatch([record('a')])
  batch[batch.length - 2] ^= 1
  await assert.rejects(readFrom(serving([batch]), 0, {}, 1), { code: 'CORRUPT_MESSAGE' })
})

test('poll gives no more records than asked for, and its position says which', async () => {
  const brokers = serving([buildBatch(['a', 'b', 'c'].map(record))])
  const cluster = brokers.cluster(systemClock)
  const consumer = new Consumer(cluster)
  consumer.assign([{ topic: 't', partition: 0, at: 0 }])
  assert.deepEqual(
    (await consumer.poll(1000, 2)).map(({ value }) => String(value)),
    ['a', 'b']
  )
  assert.equal(consumer.positions()[0].position, 2)
  assert.deepEqual(
    (await consumer.poll(1000, 2)).map(({ value }) => String(value)),
    ['c']
  )
  assert.equal(consumer.positions()[0].position, 3)
  consumer.close()
  cluster.close()
})
