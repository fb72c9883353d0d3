import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Partition } from '../../src/partition/partition.ts'
import type { Watcher } from '../../src/partition/types.ts'
import { batch, fetch, item, lines, openWorld, produce, put, settle, stateOf, valuesOf, type World } from './world.ts'

/** Counts who watches a partition, from outside. */
function countWatchers({ watchers }: Partition): () => number {
  const watching = new Set<Watcher>()
  const add = watchers.add.bind(watchers)
  const remove = watchers.delete.bind(watchers)
  watchers.add = watcher => {
    watching.add(watcher)
    add(watcher)
  }
  watchers.delete = watcher => {
    watching.delete(watcher)
    remove(watcher)
  }
  return () => watching.size
}

const kilobyte = 'x'.repeat(1000)

describe('fetch', () => {
  it('gives whole batches from the one that holds the offset', async () => {
    const world = await openWorld()
    await world.topic('t')
    await put(world, 't', 0, 'a', 'b', 'c')
    await put(world, 't', 0, 'd')
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 0)])), ['t-0: a b c d'])
    // A consumer skips what it did not ask for: the batch is sent as it is.
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 1)])), ['t-0: a b c d'])
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 3)])), ['t-0: d'])
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 4)])), ['t-0:'])
    await world.close()
  })

  it('says what is wrong with an offset, a partition, a topic or an epoch, and serves the rest', async () => {
    const world = await openWorld()
    const { topicId, leaderEpoch } = await world.topic('t')
    await put(world, 't', 0, 'a')
    const items = [
      item('t', 0, 2),
      item('t', 0, -1),
      item('t', 7, 0),
      item('none', 0, 0),
      item('', 0, 0, { topicId: 'BBBBBBBBBBBBBBBBBBBBBA' }),
      item('', 3, 0, { topicId }),
      item('t', 0, 0, { currentLeaderEpoch: leaderEpoch + 1 }),
      item('t', 0, 0, { currentLeaderEpoch: leaderEpoch }),
      item('', 0, 0, { topicId })
    ]
    // An error is told at once, however long the client would wait.
    assert.deepEqual(lines(await fetch(world, items, { maxWaitMs: 60_000, minBytes: 1_000_000 })), [
      't-0: OFFSET_OUT_OF_RANGE',
      't-0: OFFSET_OUT_OF_RANGE',
      't-7: UNKNOWN_TOPIC_OR_PARTITION',
      'none-0: UNKNOWN_TOPIC_OR_PARTITION',
      'BBBBBBBBBBBBBBBBBBBBBA-0: UNKNOWN_TOPIC_ID',
      `${topicId}-3: UNKNOWN_TOPIC_OR_PARTITION`,
      't-0: UNKNOWN_LEADER_EPOCH',
      't-0: a',
      't-0: a'
    ])
    await world.close()
  })

  it('fences a leader epoch of the past', async () => {
    let world = await openWorld()
    const { leaderEpoch } = await world.topic('t')
    await world.close()
    world = await openWorld({}, world.disk)
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 0, { currentLeaderEpoch: leaderEpoch })])), [
      't-0: FENCED_LEADER_EPOCH'
    ])
    await world.close()
  })

  it('keeps to the bytes asked for, but sends one batch that is larger', async () => {
    const world = await openWorld({ 'fetch.max.bytes': '8000' })
    await world.topic('t', 2)
    for (const index of [0, 1]) for (let i = 0; i < 5; i++) await put(world, 't', index, kilobyte)
    const counts = async (maxBytes: number, partitionMax: number) => {
      const result = await fetch(
        world,
        [0, 1].map(index => item('t', index, 0, { maxBytes: partitionMax })),
        { maxBytes }
      )
      const counted = result.partitions.map(partition => valuesOf(partition).length)
      result.release()
      return counted
    }
    assert.deepEqual(await counts(50_000, 50_000), [5, 2])
    assert.deepEqual(await counts(50_000, 2500), [2, 2])
    assert.deepEqual(await counts(3500, 50_000), [3, 0])
    // The one that is too large is only sent when nothing else was.
    assert.deepEqual(await counts(50_000, 10), [1, 0])
    assert.deepEqual(await counts(10, 50_000), [1, 0])
    assert.deepEqual(await counts(0, 0), [1, 0])
    await world.close()
  })

  it('serves every partition in turn when there is more than fits', async () => {
    const world = await openWorld()
    await world.topic('t', 3)
    for (const index of [0, 1, 2]) for (let i = 0; i < 6; i++) await put(world, 't', index, kilobyte)
    const first = await fetch(
      world,
      [0, 1, 2].map(index => item('t', index, 0)),
      { sessionEpoch: 0, maxBytes: 1500 }
    )
    const { sessionId } = first
    let answer = first
    const offsets = [0, 0, 0]
    const served: number[] = []
    for (let epoch = 1; epoch <= 6; epoch++) {
      const items = []
      for (const partition of answer.partitions) {
        const count = valuesOf(partition).length
        if (count === 0) continue
        served.push(partition.index)
        offsets[partition.index] += count
        items.push(item('t', partition.index, offsets[partition.index]))
      }
      answer.release()
      answer = await fetch(world, items, { sessionId, sessionEpoch: epoch, maxBytes: 1500 })
    }
    answer.release()
    assert.deepEqual(served, [0, 1, 2, 0, 1, 2])
    await world.close()
  })

  it('does not show what is not durable yet', async () => {
    const world = await openWorld()
    await world.topic('t')
    const produced = produce(world, 't', 0, batch(['a']))
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 0)])), ['t-0:'])
    await produced
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 0)])), ['t-0: a'])
    await world.close()
  })
})

describe('a fetch of records that are no longer in memory', () => {
  /** Two partitions whose first records only files have. */
  async function coldWorld(): Promise<World> {
    const world = await openWorld()
    await world.topic('t', 2)
    const large = 'x'.repeat(100_000)
    for (const index of [0, 1]) await put(world, 't', index, `first of ${index}`)
    for (let i = 0; i < 30; i++) for (const index of [0, 1]) await put(world, 't', index, large)
    return world
  }

  it('is answered as any other, in the order asked for', async () => {
    const world = await coldWorld()
    const items = [item('t', 1, 0, { maxBytes: 1000 }), item('t', 0, 30), item('t', 0, 0, { maxBytes: 1000 })]
    const result = await fetch(world, items)
    assert.deepEqual(
      result.partitions.map(partition => valuesOf(partition)[0].slice(0, 10)),
      ['first of 1', 'xxxxxxxxxx', 'first of 0']
    )
    result.release()
    let offset = 0
    for (let rounds = 0; offset < 31; rounds++) {
      assert(rounds < 10)
      const next = await fetch(world, [item('t', 0, offset, { maxBytes: 50_000_000 })])
      offset += valuesOf(next.partitions[0]).length
      next.release()
    }
    assert.equal(offset, 31)
    await world.close()
  })

  it('leaves nobody watching when its session ends while a file is read', async () => {
    const world = await coldWorld()
    const watchers = countWatchers(world.partition('t', 0))
    const watchersOfNext = countWatchers(world.partition('t', 1))
    const opened = await fetch(world, [item('t', 0, 31), item('t', 1, 31)], { sessionEpoch: 0 })
    const { sessionId } = opened
    assert.equal(watchers() + watchersOfNext(), 2)
    const reading = fetch(world, [item('t', 0, 0), item('t', 1, 0)], { sessionId, sessionEpoch: 1 })
    await fetch(world, [], { sessionId, sessionEpoch: -1 })
    const result = await reading
    assert.deepEqual(
      result.partitions.map(({ error }) => error),
      [undefined, undefined]
    )
    assert.equal(valuesOf(result.partitions[0])[0], 'first of 0')
    result.release()
    assert.equal(watchers() + watchersOfNext(), 0)
    await world.close()
  })
})

describe('a fetch that waits', () => {
  it('is answered when a record comes', async () => {
    const world = await openWorld()
    await world.topic('t')
    const waiting = fetch(world, [item('t', 0, 0)], { maxWaitMs: 500 })
    assert.equal(await stateOf(waiting), 'pending')
    await put(world, 't', 0, 'a')
    assert.deepEqual(lines(await waiting), ['t-0: a'])
    await world.close()
  })

  it('is answered with nothing when its time is over, and not before', async () => {
    const world = await openWorld()
    await world.topic('t')
    const waiting = fetch(world, [item('t', 0, 0)], { maxWaitMs: 500 })
    world.clock.advance(499)
    assert.equal(await stateOf(waiting), 'pending')
    world.clock.advance(20)
    assert.deepEqual(lines(await waiting), ['t-0:'])
    await world.close()
  })

  it('waits for the least number of bytes over all its partitions', async () => {
    const world = await openWorld()
    await world.topic('t', 2)
    const waiting = fetch(world, [item('t', 0, 0), item('t', 1, 0)], { maxWaitMs: 500, minBytes: 1500 })
    await put(world, 't', 0, kilobyte)
    assert.equal(await stateOf(waiting), 'pending')
    await put(world, 't', 1, kilobyte)
    assert.equal(lines(await waiting).length, 2)
    await world.close()
  })

  it('does not wait for more bytes than it may be answered with', async () => {
    const world = await openWorld()
    await world.topic('t')
    await put(world, 't', 0, kilobyte, kilobyte)
    const result = await fetch(world, [item('t', 0, 0)], { maxWaitMs: 60_000, minBytes: 5000, maxBytes: 1000 })
    assert.equal(valuesOf(result.partitions[0]).length, 2)
    result.release()
    await world.close()
  })

  it('hears of all partitions that one commit round advances', async () => {
    const world = await openWorld()
    await world.topic('t', 3)
    const waiting = fetch(
      world,
      [0, 1, 2].map(index => item('t', index, 0)),
      { maxWaitMs: 500 }
    )
    await settle()
    const records = ['a', 'b', 'c'].map((value, index) => ({ topic: 't', index, records: batch([value]) }))
    await world.broker.produce(1, 1000, records)
    assert.deepEqual(lines(await waiting), ['t-0: a', 't-1: b', 't-2: c'])
    await world.close()
  })

  it('hears that its topic is gone', async () => {
    const world = await openWorld()
    const { topicId } = await world.topic('t')
    const byName = fetch(world, [item('t', 0, 0)], { maxWaitMs: 500 })
    const byId = fetch(world, [item('', 0, 0, { topicId })], { maxWaitMs: 500, usesTopicIds: true })
    await settle()
    await world.control.deleteTopic(topicId)
    assert.deepEqual(lines(await byName), ['t-0: UNKNOWN_TOPIC_OR_PARTITION'])
    assert.deepEqual(lines(await byId), [`${topicId}-0: UNKNOWN_TOPIC_ID`])
    await world.close()
  })

  it('hears that its offset was deleted', async () => {
    const world = await openWorld()
    const partition = await world.topic('t')
    await put(world, 't', 0, 'a', 'b')
    const waiting = fetch(world, [item('t', 0, 0)], { maxWaitMs: 500, minBytes: 10_000 })
    await settle()
    await partition.deletions.before(2)
    assert.deepEqual(lines(await waiting), ['t-0: OFFSET_OUT_OF_RANGE'])
    await world.close()
  })

  it('is told that the broker stops', async () => {
    const world = await openWorld()
    await world.topic('t')
    const waiting = fetch(world, [item('t', 0, 0)], { maxWaitMs: 60_000 })
    await settle()
    await world.close()
    assert.deepEqual(lines(await waiting), ['t-0: NOT_LEADER_OR_FOLLOWER'])
  })

  it('leaves nothing behind: not when answered, not when its time is over, not when the client goes', async () => {
    const world = await openWorld()
    const partition = await world.topic('t')
    const watchers = countWatchers(partition)
    for (let i = 0; i < 10_000; i++) (await fetch(world, [item('t', 0, 0)])).release()
    assert.equal(watchers(), 0)
    const waiting = Array.from({ length: 1000 }, () => fetch(world, [item('t', 0, 0)], { maxWaitMs: 500 }))
    const leave: (() => void)[] = []
    const stayed = new Set<() => void>()
    const leaving = Array.from({ length: 1000 }, () =>
      fetch(world, [item('t', 0, 0)], { maxWaitMs: 500 }, gone => {
        leave.push(gone)
        stayed.add(gone)
        return () => void stayed.delete(gone)
      })
    )
    assert.equal(watchers(), 2000)
    for (const gone of leave) gone()
    await Promise.all(leaving)
    assert.equal(watchers(), 1000)
    assert.equal(stayed.size, 0)
    world.clock.advance(600)
    await Promise.all(waiting)
    assert.equal(watchers(), 0)
    await world.close()
  })
})
