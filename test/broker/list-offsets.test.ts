import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { listOffset, specialTimestamp } from '../../src/broker/list-offsets.ts'
import { listOffsets } from '../../src/doors/kafka/handlers/list-offsets.ts'
import { ListOffsets } from '../../src/wire/kafka/messages/list-offsets.ts'
import { batch, openWorld, produce, put, settle, type World } from './world.ts'

async function list(world: World, timestamp: number, currentLeaderEpoch = -1, topic = 't') {
  const { error, ...found } = await listOffset(
    world.broker.partitions,
    { topic, index: 0, currentLeaderEpoch, timestamp },
    false
  )
  return error ?? found
}

const offsetOf = async (world: World, timestamp: number) => {
  const found = await list(world, timestamp)
  return typeof found === 'string' ? found : found.offset
}

const at = (...timestamps: number[]) => timestamps.map(timestamp => ({ timestamp, value: Buffer.from('v') }))
const nowhere = { timestamp: -1, offset: -1, leaderEpoch: -1 }

describe('list offsets', () => {
  it('finds the ends', async () => {
    const world = await openWorld()
    const { leaderEpoch } = await world.topic('t')
    const empty = { timestamp: -1, offset: 0, leaderEpoch }
    assert.deepEqual(await list(world, specialTimestamp.latest), empty)
    // Kafka's leaders enter their epoch before there is a record of it.
    for (const earliest of [specialTimestamp.earliest, specialTimestamp.earliestLocal])
      assert.deepEqual(await list(world, earliest), empty)
    assert.deepEqual(await list(world, specialTimestamp.max), nowhere)
    assert.deepEqual(await list(world, 0), nowhere)
    await put(world, 't', 0, ...at(1000, 2000, 3000))
    assert.deepEqual(await list(world, specialTimestamp.latest), { timestamp: -1, offset: 3, leaderEpoch })
    for (const earliest of [specialTimestamp.earliest, specialTimestamp.earliestLocal])
      assert.deepEqual(await list(world, earliest), { timestamp: -1, offset: 0, leaderEpoch })
    for (const none of [specialTimestamp.latestTiered, specialTimestamp.earliestPendingUpload])
      assert.deepEqual(await list(world, none), nowhere)
    assert.equal(await list(world, -7), 'UNSUPPORTED_VERSION')
    await world.close()
  })

  for (const codec of ['none', 'gzip', 'zstd'] as const)
    it(`finds the first record of a time or later, within and between batches (${codec})`, async () => {
      const world = await openWorld()
      const { leaderEpoch } = await world.topic('t')
      // Times need not ascend: the first record at or after one is asked for, by offset.
      for (const times of [[1000, 1100, 1200], [3000, 2000], [2500], [5000, 5000]])
        assert.equal((await produce(world, 't', 0, batch(at(...times), { codec }))).error, undefined)
      const expected: [number, number, number][] = [
        [0, 0, 1000],
        [1000, 0, 1000],
        [1001, 1, 1100],
        [1200, 2, 1200],
        [1201, 3, 3000],
        [2500, 3, 3000],
        [3000, 3, 3000],
        [3001, 6, 5000],
        [5000, 6, 5000]
      ]
      for (const [time, offset, timestamp] of expected)
        assert.deepEqual(await list(world, time), { offset, timestamp, leaderEpoch }, `at ${time}`)
      assert.deepEqual(await list(world, 5001), nowhere)
      assert.deepEqual(await list(world, specialTimestamp.max), { offset: 6, timestamp: 5000, leaderEpoch })
      await world.close()
    })

  it('finds the time of the append where that is what a topic keeps', async () => {
    const world = await openWorld()
    const { leaderEpoch } = await world.topic('t', 1, { 'message.timestamp.type': 'LogAppendTime' })
    await put(world, 't', 0, ...at(1, 2))
    world.clock.advance(1000)
    const nowMs = world.clock.now()
    await put(world, 't', 0, ...at(3, 4))
    assert.deepEqual(await list(world, nowMs - 500), { offset: 2, timestamp: nowMs, leaderEpoch })
    assert.deepEqual(await list(world, specialTimestamp.max), { offset: 2, timestamp: nowMs, leaderEpoch })
    await world.close()
  })

  it('finds what was there before a restart, in the epoch of its append', async () => {
    let world = await openWorld()
    const { leaderEpoch } = await world.topic('t')
    await put(world, 't', 0, ...at(1000, 2000))
    await world.close()
    world = await openWorld({}, world.disk)
    await put(world, 't', 0, ...at(3000))
    assert.deepEqual(await list(world, 2000), { offset: 1, timestamp: 2000, leaderEpoch })
    assert.deepEqual(await list(world, 2001), { offset: 2, timestamp: 3000, leaderEpoch: leaderEpoch + 1 })
    assert.deepEqual(await list(world, specialTimestamp.earliest), { offset: 0, timestamp: -1, leaderEpoch })
    await world.close()
  })

  it('finds nothing that was deleted', async () => {
    const world = await openWorld()
    const partition = await world.topic('t')
    await put(world, 't', 0, ...at(9000, 1000, 2000))
    await put(world, 't', 0, ...at(3000))
    await partition.deletions.before(1)
    assert.equal(await offsetOf(world, specialTimestamp.earliest), 1)
    assert.equal(await offsetOf(world, 0), 1)
    assert.equal(await offsetOf(world, 1500), 2)
    assert.equal(await offsetOf(world, 5000), -1)
    assert.equal(await offsetOf(world, specialTimestamp.max), 3)
    await partition.deletions.before(-1)
    assert.equal(await offsetOf(world, specialTimestamp.earliest), 4)
    assert.equal(await offsetOf(world, specialTimestamp.latest), 4)
    assert.equal(await offsetOf(world, 0), -1)
    assert.equal(await offsetOf(world, specialTimestamp.max), -1)
    await world.close()
  })

  it('finds nothing that retention deleted', async () => {
    const world = await openWorld({ 'log.retention.check.interval.ms': '1000' })
    await world.topic('t', 1, { 'segment.bytes': '1048576', 'retention.bytes': '1500000' })
    const nowMs = world.clock.now()
    const large = Buffer.alloc(400_000, 'x')
    for (let i = 0; i < 8; i++) await put(world, 't', 0, { timestamp: nowMs + i * 10, value: large })
    world.clock.advance(1100)
    await settle(200)
    const first = await offsetOf(world, specialTimestamp.earliest)
    // Two records a segment: what is left is the least that still holds retention.bytes.
    assert.equal(first, 4)
    assert.equal(await offsetOf(world, nowMs + 10), 4)
    assert.equal(await offsetOf(world, nowMs + 51), 6)
    assert.equal(await offsetOf(world, specialTimestamp.max), 7)
    await world.close()
  })

  it('says what is wrong', async () => {
    const world = await openWorld()
    const { leaderEpoch } = await world.topic('t')
    assert.equal(await list(world, -1, -1, 'none'), 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.equal(await list(world, -1, leaderEpoch + 1), 'UNKNOWN_LEADER_EPOCH')
    await world.close()
    const again = await openWorld({}, world.disk)
    assert.equal(await list(again, -1, leaderEpoch), 'FENCED_LEADER_EPOCH')
    await again.close()
  })

  it('answers in every version', async () => {
    const world = await openWorld()
    await world.topic('t')
    await put(world, 't', 0, ...at(1000, 2000))
    for (let version = 1; version <= 11; version++) {
      const ask = (timestamp: number) => ({ partitionIndex: 0, timestamp })
      const { topics } = await world.ask(listOffsets, ListOffsets, version, {
        replicaId: -1,
        topics: [{ name: 't', partitions: [ask(-1), ask(-2), ask(1500), ask(9000), ask(-3)] }]
      })
      assert.deepEqual(
        topics[0].partitions.map(({ errorCode, timestamp, offset }) => [errorCode, timestamp, offset]),
        [
          [0, -1, 2],
          [0, -1, 0],
          [0, 2000, 1],
          [0, -1, -1],
          [0, 2000, 1]
        ],
        `version ${version}`
      )
    }
    await world.close()
  })
})
