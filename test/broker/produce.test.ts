import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { deleteRecords } from '../../src/doors/kafka/handlers/delete-records.ts'
import { produce as produceHandler } from '../../src/doors/kafka/handlers/produce.ts'
import * as header from '../../src/record/header.ts'
import { iterateRecords } from '../../src/record/iterate.ts'
import { SeededRandom } from '../../src/std/random.ts'
import { DeleteRecords } from '../../src/wire/kafka/messages/delete-records.ts'
import { Produce } from '../../src/wire/kafka/messages/produce.ts'
import { batch, fetch, item, lines, openWorld, produce, put, settle, type World } from './world.ts'

/** All batches of a partition, as they are kept. */
async function stored(world: World, topic: string, index = 0): Promise<Buffer[]> {
  const result = await fetch(world, [item(topic, index, world.partition(topic, index).startOffset)])
  const batches: Buffer[] = []
  for (const chunk of result.partitions[0].records)
    for (let at = 0; at < chunk.length; at += header.batchBytes(chunk, at))
      batches.push(Buffer.from(chunk.subarray(at, at + header.batchBytes(chunk, at))))
  result.release()
  return batches
}

const errorOf = async (world: World, topic: string, records: Buffer | null, acks = -1) =>
  (await produce(world, topic, 0, records, acks)).error

/** A batch of an idempotent producer. */
const numbered = (baseSequence: number, values: string[], producerEpoch = 0, producerId = 9) =>
  batch(values, { producerId, producerEpoch, baseSequence })

describe('produce', () => {
  it('appends items in order and answers in their order, the wrong ones in their places', async () => {
    const world = await openWorld()
    await world.topic('t', 2)
    const broken = batch(['x'])
    broken[broken.length - 1] ^= 1
    const outcomes = await world.broker.produce(-1, 1000, [
      { topic: 't', index: 1, records: batch(['a']) },
      { topic: 'none', index: 0, records: batch(['b']) },
      { topic: 't', index: 0, records: broken },
      { topic: 't', index: 1, records: batch(['c', 'd']) },
      { topic: 't', index: 2, records: batch(['e']) },
      { topic: 't', index: 0, records: null },
      { topicId: world.partition('t').topicId, index: 1, records: batch(['f']) },
      { topicId: 'BBBBBBBBBBBBBBBBBBBBBA', index: 0, records: batch(['g']) }
    ])
    assert.deepEqual(
      outcomes.map(({ error, baseOffset }) => error ?? baseOffset),
      [
        0,
        'UNKNOWN_TOPIC_OR_PARTITION',
        'CORRUPT_MESSAGE',
        1,
        'UNKNOWN_TOPIC_OR_PARTITION',
        'INVALID_RECORD',
        3,
        'UNKNOWN_TOPIC_ID'
      ]
    )
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 0), item('t', 1, 0)])), ['t-0:', 't-1: a c d f'])
    await world.close()
  })

  it('answers acks=0 at once, acks=1 and acks=all when it is durable, and knows no other', async () => {
    const world = await openWorld()
    await world.topic('t')
    const ask = (acks: number) => world.broker.produce(acks, 1000, [{ topic: 't', index: 0, records: batch(['a']) }])
    assert(!(ask(0) instanceof Promise))
    for (const acks of [1, -1]) {
      const outcome = ask(acks)
      assert(outcome instanceof Promise)
      const before = world.partition('t').highWatermark
      const [{ baseOffset }] = await outcome
      assert(before <= baseOffset && world.partition('t').highWatermark > baseOffset)
    }
    assert.equal(await errorOf(world, 't', batch(['a']), 2), 'INVALID_REQUIRED_ACKS')
    assert.equal(world.partition('t').endOffset, 3)
    await world.close()
  })

  it('says REQUEST_TIMED_OUT for what is not durable in time, and keeps it', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(1), faults: { slow: 0 } })
    const world = await openWorld({}, disk)
    await world.topic('t', 2)
    await put(world, 't', 0, 'a')
    const items = [0, 1].map(index => ({ topic: 't', index, records: batch(['b']) }))
    const outcomes = world.broker.produce(-1, 100, items)
    world.clock.advance(120)
    assert.deepEqual(
      (await outcomes).map(({ error, baseOffset }) => ({ error, baseOffset })),
      [0, 1].map(() => ({ error: 'REQUEST_TIMED_OUT', baseOffset: -1 }))
    )
    await world.partition('t').whenCommitted(1)
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 0)])), ['t-0: a b'])
    await world.close()
  })

  it('asks for no more in-sync replicas than a partition has, whatever min.insync.replicas says', async () => {
    const world = await openWorld()
    await world.topic('t', 1, { 'min.insync.replicas': '2' })
    assert.equal(await errorOf(world, 't', batch(['a'])), undefined)
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 0)])), ['t-0: a'])
    await world.close()
  })

  it("leaves the broker's own topics to the broker", async () => {
    const world = await openWorld()
    const topic = '__consumer_offsets'
    const { endOffset } = world.partition(topic)
    assert.equal(
      await errorOf(world, topic, batch([{ timestamp: 1, key: Buffer.from('k') }])),
      'INVALID_TOPIC_EXCEPTION'
    )
    assert.equal(world.partition(topic).endOffset, endOffset)
    const { topics } = await world.ask(deleteRecords, DeleteRecords, 2, {
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: -1 }] }],
      timeoutMs: 1000
    })
    assert.equal(topics[0].partitions[0].errorCode, 17)
    await world.close()
  })

  it('answers in every version, by name or by id', async () => {
    const world = await openWorld()
    const { topicId } = await world.topic('t')
    for (let version = 3; version <= 13; version++) {
      const records = [batch([`version ${version}`])]
      const { responses } = await world.ask(produceHandler, Produce, version, {
        transactionalId: null,
        acks: -1,
        timeoutMs: 1000,
        topicData: [{ name: 't', topicId, partitionData: [0, 1].map(index => ({ index, records })) }]
      })
      const [topic] = responses
      if (version < 13) assert.equal(topic.name, 't')
      else assert.equal(topic.topicId, topicId)
      assert.deepEqual(
        topic.partitionResponses.map(({ index, errorCode, baseOffset }) => ({ index, errorCode, baseOffset })),
        [
          { index: 0, errorCode: 0, baseOffset: version - 3 },
          { index: 1, errorCode: 3, baseOffset: -1 }
        ]
      )
    }
    await world.close()
  })

  it('takes no batch of a transaction: nobody could end it', async () => {
    const world = await openWorld()
    await world.topic('t')
    const records = batch(['a'], { transactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 })
    assert.equal(await errorOf(world, 't', records), 'INVALID_TXN_STATE')
    assert.equal(world.partition('t').endOffset, 0)
    await world.close()
  })

  it('says which records are at fault', async () => {
    const world = await openWorld()
    await world.topic('t', 1, { 'message.timestamp.before.max.ms': '1000' })
    const nowMs = world.clock.now()
    const records = batch([nowMs, nowMs - 5000, nowMs - 900, nowMs - 1001].map(timestamp => ({ timestamp })))
    const topicData = [{ name: 't', partitionData: [{ index: 0, records: [records] }] }]
    const response = await world.ask(produceHandler, Produce, 9, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1000,
      topicData
    })
    const [{ errorCode, recordErrors }] = response.responses[0].partitionResponses
    assert.equal(errorCode, 32)
    assert.deepEqual(
      recordErrors.map(({ batchIndex }) => batchIndex),
      [1, 3]
    )
    await world.close()
  })
})

describe('the configs of a topic', () => {
  it('bound timestamps on both sides, but not where the broker gives them', async () => {
    const world = await openWorld()
    const bounds = { 'message.timestamp.before.max.ms': '1000', 'message.timestamp.after.max.ms': '500' }
    await world.topic('t', 1, bounds)
    await world.topic('stamped', 1, { ...bounds, 'message.timestamp.type': 'LogAppendTime' })
    const nowMs = world.clock.now()
    const at = (timestamp: number, topic = 't') => errorOf(world, topic, batch([{ timestamp }]))
    assert.equal(await at(nowMs - 1000), undefined)
    assert.equal(await at(nowMs - 1001), 'INVALID_TIMESTAMP')
    assert.equal(await at(nowMs + 500), undefined)
    assert.equal(await at(nowMs + 501), 'INVALID_TIMESTAMP')
    assert.equal(await at(nowMs - 1_000_000, 'stamped'), undefined)
    await world.topic('default')
    assert.equal(await at(0, 'default'), undefined)
    assert.equal(await at(nowMs + 3_600_001, 'default'), 'INVALID_TIMESTAMP')
    await world.close()
  })

  it('stamp records with the time of their append', async () => {
    const world = await openWorld()
    await world.topic('t', 1, { 'message.timestamp.type': 'LogAppendTime' })
    world.clock.advance(12_345)
    const nowMs = world.clock.now()
    for (const codec of ['none', 'gzip'] as const) {
      const outcome = await produce(world, 't', 0, batch(['a', 'b'], { codec }))
      assert.equal(outcome.logAppendTimeMs, nowMs)
    }
    for (const kept of await stored(world, 't'))
      for (const { timestamp } of iterateRecords(kept)) assert.equal(timestamp, nowMs)
    const { topicId } = world.partition('t')
    await world.control.updateTopicConfigs(topicId, () => ({}))
    assert.equal((await produce(world, 't', 0, batch(['c']))).logAppendTimeMs, -1)
    await world.close()
  })

  it('keep batches in the codec that they name', async () => {
    const world = await openWorld()
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
    const values = Array.from({ length: 20 }, (_, i) => `value ${i} ${'x'.repeat(100)}`)
    for (const wanted of ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd']) {
      await world.topic(wanted, 1, { 'compression.type': wanted })
      for (const codec of codecs) await send(world, wanted, batch(values, { codec }))
      const kept = await stored(world, wanted)
      assert.deepEqual(
        kept.map(one => codecs[header.codecId(one)]),
        codecs.map(codec => (wanted === 'producer' ? codec : wanted === 'uncompressed' ? 'none' : wanted))
      )
      for (const [at, one] of kept.entries()) {
        const records = [...iterateRecords(one)]
        assert.deepEqual(
          records.map(({ value }) => value!.toString()),
          values
        )
        assert.equal(records[0].offset, at * values.length)
      }
    }
    await world.close()
  })

  it('bound the size of a batch, as it comes and as it is kept', async () => {
    const world = await openWorld()
    const { topicId } = await world.topic('t', 1, { 'max.message.bytes': '2000' })
    const large = 'x'.repeat(2000)
    assert.equal(await errorOf(world, 't', batch([large])), 'MESSAGE_TOO_LARGE')
    assert.equal(await errorOf(world, 't', batch([large], { codec: 'gzip' })), undefined)
    await world.control.updateTopicConfigs(topicId, configs => ({ ...configs, 'compression.type': 'uncompressed' }))
    assert.equal(await errorOf(world, 't', batch([large], { codec: 'gzip' })), 'MESSAGE_TOO_LARGE')
    await world.control.updateTopicConfigs(topicId, () => ({ 'max.message.bytes': '4000' }))
    assert.equal(await errorOf(world, 't', batch([large])), undefined)
    await world.close()
  })

  it('come from the dynamic configs of the broker where the topic has none', async () => {
    const world = await openWorld()
    await world.topic('t')
    await world.topic('own', 1, { 'max.message.bytes': '5000' })
    await world.control.updateBrokerConfigs(undefined, () => ({ 'message.max.bytes': '100' }))
    const large = () => batch(['x'.repeat(200)])
    assert.equal(await errorOf(world, 't', large()), 'MESSAGE_TOO_LARGE')
    assert.equal(await errorOf(world, 'own', large()), undefined)
    await world.control.updateBrokerConfigs(undefined, () => ({}))
    assert.equal(await errorOf(world, 't', large()), undefined)
    await world.close()
  })
})

/** Produces a batch that must be taken; gives its base offset. */
async function send(world: World, topic: string, records: Buffer): Promise<number> {
  const { error, message, baseOffset } = await produce(world, topic, 0, records)
  assert.equal(error, undefined, message)
  return baseOffset
}

describe('an idempotent producer', () => {
  it('that repeats a batch is answered with its first offset', async () => {
    const world = await openWorld()
    await world.topic('t')
    await put(world, 't', 0, 'other')
    for (let i = 0; i < 5; i++) assert.equal(await send(world, 't', numbered(i * 2, ['a', 'b'])), 1 + i * 2)
    for (let i = 0; i < 5; i++) assert.equal(await send(world, 't', numbered(i * 2, ['a', 'b'])), 1 + i * 2)
    assert.equal(await errorOf(world, 't', numbered(12, ['x'])), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    assert.equal(world.partition('t').endOffset, 11)
    await world.close()
  })

  it('is told the time that LogAppendTime gave the first time', async () => {
    const world = await openWorld()
    await world.topic('t', 1, { 'message.timestamp.type': 'LogAppendTime' })
    const first = await produce(world, 't', 0, numbered(0, ['a']))
    world.clock.advance(5000)
    const again = await produce(world, 't', 0, numbered(0, ['a']))
    assert.deepEqual(again, first)
    await world.close()
  })

  it('that repeats a batch is not answered before the first one is durable', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(3), faults: { slow: 0 } })
    const world = await openWorld({}, disk)
    await world.topic('t')
    const first = produce(world, 't', 0, numbered(0, ['a']))
    const again = produce(world, 't', 0, numbered(0, ['a']))
    let highWatermark = -1
    await again.then(({ baseOffset }) => {
      assert.equal(baseOffset, 0)
      highWatermark = world.partition('t').highWatermark
    })
    assert.equal(highWatermark, 1)
    assert.equal((await first).baseOffset, 0)
    assert.equal(world.partition('t').endOffset, 1)
    await world.close()
  })

  it('may repeat a batch that is in flight when the disk dies, and is not told that it is there', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(4), faults: { slow: 0 } })
    const world = await openWorld({}, disk)
    await world.topic('t')
    await send(world, 't', numbered(0, ['a']))
    disk.crashAt(disk.operations + 1)
    assert.equal(await errorOf(world, 't', numbered(1, ['b'])), 'KAFKA_STORAGE_ERROR')
    assert.equal(await errorOf(world, 't', numbered(1, ['b'])), 'KAFKA_STORAGE_ERROR')
    const restarted = await openWorld({}, disk.afterCrash())
    const { endOffset } = restarted.partition('t')
    assert(endOffset === 1 || endOffset === 2)
    assert.equal(await send(restarted, 't', numbered(1, ['b'])), 1)
    assert.equal(await send(restarted, 't', numbered(1, ['b'])), 1)
    assert.equal(restarted.partition('t').endOffset, 2)
    await restarted.close()
  })

  it('is known again after a clean stop and after a kill', async () => {
    let disk = new SimulatedDisk({ random: new SeededRandom(5), faults: { slow: 0 } })
    let world = await openWorld({}, disk)
    await world.topic('t')
    let sequence = 0
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 4; i++) assert.equal(await send(world, 't', numbered(sequence, ['x'])), sequence++)
      if (round % 2 === 0) {
        // The snapshot of a clean stop, and behind it batches that only the log has.
        await world.close()
        world = await openWorld({}, disk)
      } else {
        disk.crash()
        disk = disk.afterCrash()
        world = await openWorld({}, disk)
      }
      for (let back = 5; back > 0; back--)
        if (sequence - back >= 0)
          assert.equal(await send(world, 't', numbered(sequence - back, ['x'])), sequence - back)
      assert.equal(await errorOf(world, 't', numbered(sequence + 1, ['x'])), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
      assert.equal(world.partition('t').endOffset, sequence)
    }
    await world.close()
  })

  it('is fenced by its successor, also after a restart', async () => {
    let world = await openWorld()
    await world.topic('t')
    await send(world, 't', numbered(0, ['a'], 0))
    assert.equal(await errorOf(world, 't', numbered(3, ['b'], 1)), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    await send(world, 't', numbered(0, ['b'], 1))
    assert.equal(await errorOf(world, 't', numbered(1, ['c'], 0)), 'INVALID_PRODUCER_EPOCH')
    await world.close()
    world = await openWorld({}, world.disk)
    assert.equal(await errorOf(world, 't', numbered(1, ['c'], 0)), 'INVALID_PRODUCER_EPOCH')
    assert.equal(await send(world, 't', numbered(0, ['b'], 1)), 1)
    await world.close()
  })

  it('is forgotten when it was quiet for longer than producer.id.expiration.ms', async () => {
    const world = await openWorld({
      'producer.id.expiration.ms': '100000',
      'log.retention.check.interval.ms': '60000'
    })
    const { producers } = await world.topic('t')
    await send(world, 't', numbered(0, ['a'], 0, 1))
    world.clock.advance(60_000)
    await settle()
    await send(world, 't', numbered(0, ['b'], 0, 2))
    world.clock.advance(60_000)
    await settle()
    assert.equal(producers.size, 1)
    assert.equal(await send(world, 't', numbered(0, ['b'], 0, 2)), 1)
    assert.equal(await send(world, 't', numbered(0, ['a'], 0, 1)), 2)
    await world.close()
  })
})

it('a topic that is deleted answers who waits for its appends', async () => {
  const disk = new SimulatedDisk({ random: new SeededRandom(6), faults: { slow: 1 } })
  const world = await openWorld({}, disk)
  const partition = await world.topic('t')
  const waiting = produce(world, 't', 0, batch(['a']))
  const deleted = world.control.deleteTopic(partition.topicId)
  assert.equal((await waiting).error, 'UNKNOWN_TOPIC_OR_PARTITION')
  await deleted
  assert.equal(await errorOf(world, 't', batch(['a'])), 'UNKNOWN_TOPIC_OR_PARTITION')
  await world.close()
})
