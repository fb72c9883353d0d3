import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Deleted, deleteRecords } from '../../src/broker/delete-records.ts'
import type { IsrKeeper } from '../../src/partition/leader.ts'
import { partitionTopicOptions } from '../../src/partition/options.ts'
import { Partition } from '../../src/partition/partition.ts'
import { buildBatch } from '../../src/record/build.ts'
import type { ManualClock } from '../../src/std/clock.ts'
import { OptionValues } from '../../src/std/option.ts'
import { logId, openStore, setting, syncConfig } from '../storage/support.ts'

/** Five records, all committed, on nodes 1 to 3, of which 1 leads; those that live have broker epochs. */
async function replicated() {
  const world = setting()
  const store = await openStore(world)
  const id = logId(1)
  const config = { ...new OptionValues({}).of(partitionTopicOptions), requireKeys: false }
  const identity = { topic: 't', topicId: id.topicId, index: id.partition }
  const partition = await Partition.open(await store.open(id, syncConfig), identity, config, world.clock)
  const epochs = new Map([
    [2, 20],
    [3, 30]
  ])
  const keeper: IsrKeeper = { brokerEpochOf: nodeId => epochs.get(nodeId), caughtUp() {}, fellBehind() {} }
  partition.lead(1, { epoch: 5, replicas: [1, 2, 3], isr: [1, 2, 3] }, keeper)
  const clock = world.clock as ManualClock
  const fetches = (nodeId: number, startOffset: number, brokerEpoch = epochs.get(nodeId)!) => {
    partition.leader?.acknowledge(nodeId, brokerEpoch, 5, startOffset, clock.monotonic(), partition.highWatermark)
    partition.commit()
  }
  for (let i = 0; i < 5; i++) partition.append(buildBatch([{ timestamp: 1, value: Buffer.from('x') }]))
  await partition.whenDurable(5)
  fetches(2, 0)
  fetches(3, 0)
  assert.equal(partition.highWatermark, 5)
  return { partition, clock, epochs, fetches, store }
}

/** What came of it by now. */
function watched(answer: Promise<Deleted>) {
  const state: { answer?: Deleted | string } = {}
  answer.then(
    deleted => (state.answer = deleted),
    error => (state.answer = error.code)
  )
  return async () => {
    for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
    return state.answer
  }
}

describe('deleting records of a replicated partition', () => {
  it('is answered when all replicas begin there', async () => {
    const { partition, clock, fetches, store } = await replicated()
    const now = watched(deleteRecords(partition, 3, 1000, clock))
    assert.equal(await now(), undefined)
    assert.equal(partition.startOffset, 3)
    fetches(2, 3)
    assert.equal(await now(), undefined, 'node 3 has them still')
    fetches(3, 2)
    assert.equal(await now(), undefined, 'node 3 has one of them still')
    fetches(3, 3)
    assert.deepEqual(await now(), { lowWatermark: 3 })
    assert.deepEqual(await watched(deleteRecords(partition, 1, 1000, clock))(), { lowWatermark: 3 }, 'long gone')
    await store.close()
  })

  it('says so when its time is over; the records are gone from the leader all the same', async () => {
    const { partition, clock, fetches, store } = await replicated()
    const now = watched(deleteRecords(partition, -1, 1000, clock))
    assert.equal(await now(), undefined)
    fetches(2, 5)
    clock.advance(999)
    assert.equal(await now(), undefined)
    clock.advance(1)
    assert.deepEqual(await now(), { lowWatermark: 0, error: 'REQUEST_TIMED_OUT' })
    assert.equal(partition.startOffset, 5)
    await store.close()
  })

  it('waits for nobody without time', async () => {
    const { partition, clock, fetches, store } = await replicated()
    const timedOut = { lowWatermark: 0, error: 'REQUEST_TIMED_OUT' } as const
    assert.deepEqual(await deleteRecords(partition, 2, 0, clock), timedOut)
    fetches(2, 2)
    fetches(3, 2)
    assert.deepEqual(await deleteRecords(partition, 2, 0, clock), { lowWatermark: 2 })
    await store.close()
  })

  it('does not wait for dead brokers, nor count what a former life of a broker has told', async () => {
    const { partition, clock, epochs, fetches, store } = await replicated()
    const now = watched(deleteRecords(partition, 2, 1000, clock))
    epochs.delete(3)
    fetches(2, 2)
    assert.deepEqual(await now(), { lowWatermark: 2 })
    epochs.set(3, 31)
    const again = watched(deleteRecords(partition, 2, 1000, clock))
    fetches(3, 2, 30)
    assert.equal(await again(), undefined)
    fetches(3, 2)
    assert.deepEqual(await again(), { lowWatermark: 2 })
    await store.close()
  })

  it('is done when the last one that it waits for dies and nothing else happens', async () => {
    const { partition, clock, epochs, fetches, store } = await replicated()
    const now = watched(deleteRecords(partition, 2, 1000, clock))
    assert.equal(await now(), undefined)
    fetches(2, 2)
    epochs.delete(3)
    clock.advance(1000)
    assert.deepEqual(await now(), { lowWatermark: 2 })
    await store.close()
  })

  it('is refused beyond the high watermark, and ends with the leadership', async () => {
    const { partition, clock, store } = await replicated()
    assert.equal(await watched(deleteRecords(partition, 6, 1000, clock))(), 'OFFSET_OUT_OF_RANGE')
    const now = watched(deleteRecords(partition, 2, 1000, clock))
    assert.equal(await now(), undefined)
    partition.follow(6)
    assert.equal(await now(), 'NOT_LEADER_OR_FOLLOWER')
    clock.advance(2000)
    await store.close()
  })
})
