import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { deleteRecords } from '../../src/doors/kafka/handlers/delete-records.ts'
import { offsetForLeaderEpoch } from '../../src/doors/kafka/handlers/offset-for-leader-epoch.ts'
import * as header from '../../src/record/header.ts'
import { SeededRandom } from '../../src/std/random.ts'
import { DeleteRecords } from '../../src/wire/kafka/messages/delete-records.ts'
import { OffsetForLeaderEpoch } from '../../src/wire/kafka/messages/offset-for-leader-epoch.ts'
import { fetch, item, lines, openWorld, put, settle, type World } from './world.ts'

async function deleteBefore(world: World, offset: number, topic = 't'): Promise<[number, number]> {
  const { topics } = await world.ask(deleteRecords, DeleteRecords, 2, {
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }],
    timeoutMs: 1000
  })
  const { errorCode, lowWatermark } = topics[0].partitions[0]
  return [errorCode, lowWatermark]
}

async function epochEnd(world: World, leaderEpoch: number, currentLeaderEpoch = -1) {
  const { topics } = await world.ask(offsetForLeaderEpoch, OffsetForLeaderEpoch, 4, {
    topics: [{ topic: 't', partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] }]
  })
  const { errorCode, leaderEpoch: epoch, endOffset } = topics[0].partitions[0]
  return errorCode === 0 ? { epoch, endOffset } : errorCode
}

const restart = async (world: World) => {
  await world.close()
  return openWorld({}, world.disk, world.clock)
}

describe('delete records', () => {
  it('moves the start up, never beyond what is committed, and never back', async () => {
    let world = await openWorld()
    await world.topic('t')
    await put(world, 't', 0, 'a', 'b', 'c')
    await put(world, 't', 0, 'd')
    assert.deepEqual(await deleteBefore(world, 2), [0, 2])
    assert.deepEqual(await deleteBefore(world, 1), [0, 2])
    assert.deepEqual(await deleteBefore(world, 5), [1, -1])
    assert.deepEqual(await deleteBefore(world, -2), [1, -1])
    assert.deepEqual(await deleteBefore(world, 0, 'none'), [3, -1])
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 1)])), ['t-0: OFFSET_OUT_OF_RANGE'])
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 2)])), ['t-0: a b c d'])
    world = await restart(world)
    assert.equal(world.partition('t').startOffset, 2)
    assert.deepEqual(await deleteBefore(world, -1), [0, 4])
    assert.equal(await put(world, 't', 0, 'e'), 4)
    world = await restart(world)
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 4)])), ['t-0: e'])
    await world.close()
  })
})

describe('leader epochs', () => {
  it('grow with every start and stand in the batches', async () => {
    let world = await openWorld()
    await world.topic('t')
    const epochs: number[] = []
    for (let round = 0; round < 4; round++) {
      await put(world, 't', 0, `round ${round}`)
      epochs.push(world.partition('t').leaderEpoch)
      world = await restart(world)
    }
    assert.deepEqual(
      epochs,
      epochs.map((_, round) => epochs[0] + round)
    )
    const result = await fetch(world, [item('t', 0, 0)])
    const kept: number[] = []
    for (const chunk of result.partitions[0].records)
      for (let at = 0; at < chunk.length; at += header.batchBytes(chunk, at)) kept.push(header.leaderEpoch(chunk, at))
    result.release()
    assert.deepEqual(kept, epochs)
    await world.close()
  })

  it('end where the next one with records begins', async () => {
    let world = await openWorld()
    const { leaderEpoch: first } = await world.topic('t')
    assert.deepEqual(await epochEnd(world, first), { epoch: first, endOffset: 0 })
    world = await restart(world)
    // Nothing was written yet: the epoch before ended where everything begins.
    assert.deepEqual(await epochEnd(world, first), { epoch: first, endOffset: 0 })
    await put(world, 't', 0, 'a', 'b')
    world = await restart(world)
    world = await restart(world)
    await put(world, 't', 0, 'c')
    const now = first + 3
    assert.equal(world.partition('t').leaderEpoch, now)
    assert.deepEqual(await epochEnd(world, first + 1), { epoch: first + 1, endOffset: 2 })
    assert.deepEqual(await epochEnd(world, first + 2), { epoch: first + 1, endOffset: 2 })
    assert.deepEqual(await epochEnd(world, now), { epoch: now, endOffset: 3 })
    assert.deepEqual(await epochEnd(world, now + 1), { epoch: -1, endOffset: -1 })
    assert.deepEqual(await epochEnd(world, -1), { epoch: -1, endOffset: -1 })
    assert.equal(await epochEnd(world, first, now - 1), 74)
    assert.equal(await epochEnd(world, first, now + 1), 75)
    await world.close()
  })

  it('whose records are deleted do not look like a cut log to a consumer that has read them all', async () => {
    let world = await openWorld()
    const { leaderEpoch } = await world.topic('t')
    await put(world, 't', 0, 'a', 'b')
    world = await restart(world)
    await put(world, 't', 0, 'c')
    await deleteBefore(world, 2)
    // A consumer at offset 2 asks where the epoch of its last record ended; "unknown" would make it reset.
    assert.deepEqual(await epochEnd(world, leaderEpoch), { epoch: leaderEpoch, endOffset: 2 })
    await world.close()
  })
})

describe('retention', () => {
  const often = { 'log.retention.check.interval.ms': '60000' }
  const large = (timestamp: number) => ({ timestamp, value: Buffer.alloc(400_000, 'x') })

  it('deletes by time, and takes a new time at once', async () => {
    let world = await openWorld(often)
    const { topicId } = await world.topic('t', 1, { 'segment.bytes': '1048576', 'retention.ms': '3600000' })
    const startMs = world.clock.now()
    for (let i = 0; i < 6; i++) await put(world, 't', 0, large(startMs + i * 60_000))
    const pass = async (ms: number) => {
      world.clock.advance(ms)
      await settle(200)
      return world.partition('t').startOffset
    }
    assert.equal(await pass(3_600_000), 0)
    // The first segment holds records 0 and 1, the newest of which is a minute younger than the first.
    assert.equal(await pass(120_000), 2)
    await world.control.updateTopicConfigs(topicId, configs => ({ ...configs, 'retention.ms': '-1' }))
    assert.equal(await pass(3_600_000), 2)
    await world.control.updateTopicConfigs(topicId, configs => ({ ...configs, 'retention.ms': '1000' }))
    assert.equal(await pass(60_000), 6)
    assert.equal(await put(world, 't', 0, large(world.clock.now())), 6)
    world = await restart(world)
    assert.equal(world.partition('t').startOffset, 6)
    await world.close()
  })

  it('deletes by size, but never what is still written to', async () => {
    const world = await openWorld(often)
    const { topicId } = await world.topic('t', 1, { 'segment.bytes': '1048576', 'retention.bytes': '0' })
    const nowMs = world.clock.now()
    for (let i = 0; i < 5; i++) await put(world, 't', 0, large(nowMs))
    world.clock.advance(60_000)
    await settle(200)
    assert.equal(world.partition('t').startOffset, 4)
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 3)])), ['t-0: OFFSET_OUT_OF_RANGE'])
    await world.control.updateTopicConfigs(topicId, () => ({ 'retention.bytes': '-1' }))
    world.clock.advance(60_000)
    await settle()
    assert.equal(world.partition('t').startOffset, 4)
    await world.close()
  })
})

describe('topics', () => {
  it('that were deleted leave nothing to one of the same name', async () => {
    let world = await openWorld()
    const { topicId } = await world.topic('t')
    await put(world, 't', 0, 'old')
    await world.control.deleteTopic(topicId)
    const again = await world.topic('t')
    assert.notEqual(again.topicId, topicId)
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 0)])), ['t-0:'])
    await put(world, 't', 0, 'new')
    world = await restart(world)
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 0)])), ['t-0: new'])
    assert(!world.store.ids().some(id => id.topicId === topicId))
    await world.close()
  })

  it('that grow serve their new partitions at once', async () => {
    const world = await openWorld()
    const { topicId } = await world.topic('t')
    await world.control.addPartitions(topicId, 1, [[1], [1]])
    await put(world, 't', 2, 'a')
    assert.deepEqual(lines(await fetch(world, [item('t', 2, 0)])), ['t-2: a'])
    await world.close()
  })

  it('whose deletion a crash cut short are gone after the next start, the only one too', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(11), faults: { slow: 0 } })
    let world = await openWorld({}, disk)
    await world.topic('kept')
    const { topicId } = await world.topic('t')
    await put(world, 'kept', 0, 'a')
    await put(world, 't', 0, 'b')
    // The topic ends in the metastore; power fails before its log follows.
    world.store.remove = () => new Promise(() => {})
    void world.control.deleteTopic(topicId)
    await settle(50)
    assert.equal(world.control.image.topicById(topicId), undefined)
    disk.crash()
    world = await openWorld({}, disk.afterCrash())
    assert(!world.store.ids().some(id => id.topicId === topicId))
    assert.deepEqual(lines(await fetch(world, [item('kept', 0, 0)])), ['kept-0: a'])
    await world.close()
  })
})
