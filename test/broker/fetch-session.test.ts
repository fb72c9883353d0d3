import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { FetchItem } from '../../src/broker/fetch-session.ts'
import type { FetchRequest, FetchResult } from '../../src/broker/fetch-types.ts'
import { fetch as fetchHandler } from '../../src/doors/kafka/handlers/fetch.ts'
import { Fetch } from '../../src/wire/kafka/messages/fetch.ts'
import { fetch, item, lines, openWorld, put, settle, stateOf, type World } from './world.ts'

/** A consumer that keeps to one session, as KIP-227 has it. */
class Client {
  sessionId = 0
  epoch = 0
  private readonly world: World
  private readonly usesTopicIds: boolean

  constructor(world: World, usesTopicIds = false) {
    this.world = world
    this.usesTopicIds = usesTopicIds
  }

  async fetch(items: readonly FetchItem[] = [], more: Partial<FetchRequest> = {}): Promise<FetchResult> {
    const result = await fetch(this.world, items, {
      sessionId: this.sessionId,
      sessionEpoch: this.epoch,
      usesTopicIds: this.usesTopicIds,
      ...more
    })
    if (result.error) return result
    this.sessionId = result.sessionId
    this.epoch = this.epoch === 0x7fff_ffff ? 1 : this.epoch + 1
    return result
  }

  async lines(items: readonly FetchItem[] = [], more: Partial<FetchRequest> = {}): Promise<string[]> {
    const result = await this.fetch(items, more)
    return result.error ? [result.error] : lines(result)
  }
}

describe('a fetch session', () => {
  it('answers with all partitions once, then only with those that have something to say', async () => {
    const world = await openWorld()
    const partition = await world.topic('t', 3)
    await put(world, 't', 1, 'a')
    const client = new Client(world)
    assert.deepEqual(await client.lines([item('t', 0, 0), item('t', 1, 0), item('t', 2, 0)]), [
      't-0:',
      't-1: a',
      't-2:'
    ])
    assert.notEqual(client.sessionId, 0)
    assert.deepEqual(await client.lines([item('t', 1, 1)]), [])
    await put(world, 't', 2, 'b')
    assert.deepEqual(await client.lines(), ['t-2: b'])
    // The client did not move on: it has not seen the record yet, and gets it again.
    assert.deepEqual(await client.lines(), ['t-2: b'])
    assert.deepEqual(await client.lines([item('t', 2, 1)]), [])
    // A new log start is news, though there is no record with it.
    await put(world, 't', 0, 'c', 'd')
    assert.deepEqual(await client.lines(), ['t-0: c d'])
    assert.deepEqual(await client.lines([item('t', 0, 2)]), [])
    await partition.deletions.before(1)
    const { partitions } = await client.fetch()
    assert.deepEqual(
      partitions.map(({ index, logStartOffset, highWatermark }) => ({ index, logStartOffset, highWatermark })),
      [{ index: 0, logStartOffset: 1, highWatermark: 2 }]
    )
    assert.deepEqual(await client.lines(), [])
    await world.close()
  })

  it('tells of a log start that retention moved', async () => {
    const world = await openWorld({ 'log.retention.check.interval.ms': '60000' })
    await world.topic('t', 1, { 'retention.ms': '1000' })
    await put(world, 't', 0, 'a', 'b')
    const client = new Client(world)
    await client.lines([item('t', 0, 0)])
    assert.deepEqual(await client.lines([item('t', 0, 2)]), [])
    world.clock.advance(60_000)
    await settle(100)
    const { partitions } = await client.fetch()
    assert.deepEqual(
      partitions.map(({ index, logStartOffset }) => ({ index, logStartOffset })),
      [{ index: 0, logStartOffset: 2 }]
    )
    await world.close()
  })

  it('tells of a high watermark that moved, though the consumer is ahead of what it may see', async () => {
    const world = await openWorld()
    await world.topic('t')
    await put(world, 't', 0, 'a')
    const client = new Client(world)
    assert.deepEqual(await client.lines([item('t', 0, 1)]), ['t-0:'])
    await put(world, 't', 0, 'b', 'c')
    // It asks for what lies behind everything: no records, but a new end to measure its lag by.
    const { partitions } = await client.fetch([item('t', 0, 3)])
    assert.deepEqual(
      partitions.map(({ highWatermark, records }) => ({ highWatermark, records })),
      [{ highWatermark: 3, records: [] }]
    )
    await world.close()
  })

  it('waits, and is answered with what advanced only', async () => {
    const world = await openWorld()
    await world.topic('t', 3)
    const client = new Client(world)
    await client.fetch([item('t', 0, 0), item('t', 1, 0), item('t', 2, 0)])
    const waiting = client.lines([], { maxWaitMs: 500 })
    assert.equal(await stateOf(waiting), 'pending')
    await put(world, 't', 1, 'a')
    assert.deepEqual(await waiting, ['t-1: a'])
    const idle = client.lines([item('t', 1, 1)], { maxWaitMs: 500 })
    await settle()
    world.clock.advance(520)
    assert.deepEqual(await idle, [])
    await world.close()
  })

  it('leaves out forgotten partitions, changes and adds others', async () => {
    const world = await openWorld()
    const { topicId } = await world.topic('t', 3)
    const client = new Client(world)
    await client.fetch([item('t', 0, 0), item('t', 1, 0)])
    assert.deepEqual(await client.lines([item('t', 2, 0)], { forgotten: [{ topic: 't', topicId, indexes: [0, 9] }] }), [
      't-2:'
    ])
    for (const index of [0, 1, 2]) await put(world, 't', index, `a${index}`, `b${index}`)
    assert.deepEqual(await client.lines([item('t', 1, 2)]), ['t-1:', 't-2: a2 b2'])
    await world.close()
  })

  it('ends, and says so, when everything is forgotten', async () => {
    const world = await openWorld()
    await world.topic('t')
    const client = new Client(world)
    await client.fetch([item('t', 0, 0)])
    const { sessionId } = client
    const forgotten = [{ topic: 't', topicId: world.partition('t').topicId, indexes: [0] }]
    assert.equal((await client.fetch([], { forgotten, maxWaitMs: 60_000 })).sessionId, 0)
    assert.equal((await fetch(world, [], { sessionId, sessionEpoch: 2 })).error, 'FETCH_SESSION_ID_NOT_FOUND')
    await world.close()
  })

  it('names topics the way it began', async () => {
    const world = await openWorld()
    const { topicId } = await world.topic('t')
    const byName = new Client(world)
    await byName.fetch([item('t', 0, 0)])
    assert.deepEqual(await byName.lines([], { usesTopicIds: true }), ['FETCH_SESSION_TOPIC_ID_ERROR'])
    const byId = new Client(world, true)
    assert.deepEqual(await byId.lines([item('', 0, 0, { topicId })]), ['t-0:'])
    await put(world, 't', 0, 'a')
    assert.deepEqual(await byId.lines(), ['t-0: a'])
    assert.deepEqual(await byId.lines([], { usesTopicIds: false }), ['FETCH_SESSION_TOPIC_ID_ERROR'])
    assert.deepEqual(await byId.lines([], { forgotten: [{ topic: '', topicId, indexes: [0] }] }), [])
    await world.close()
  })

  it('refuses a session that it does not know and an epoch that is not next', async () => {
    const world = await openWorld()
    await world.topic('t')
    const client = new Client(world)
    await client.fetch([item('t', 0, 0)])
    await client.fetch()
    for (const sessionEpoch of [1, 3])
      assert.equal(
        (await fetch(world, [], { sessionId: client.sessionId, sessionEpoch })).error,
        'INVALID_FETCH_SESSION_EPOCH'
      )
    const sessionId = client.sessionId === 5 ? 6 : 5
    assert.equal((await fetch(world, [], { sessionId, sessionEpoch: 2 })).error, 'FETCH_SESSION_ID_NOT_FOUND')
    // What was refused changed nothing.
    assert.deepEqual(await client.lines(), [])
    await world.close()
  })

  it('goes on at epoch 1 after the last one', async () => {
    const world = await openWorld()
    await world.topic('t')
    const client = new Client(world)
    await client.fetch([item('t', 0, 0)])
    const session = world.broker.fetcher.sessions.resume(client.sessionId, 1, false, false, 0)
    assert(typeof session !== 'string')
    session.epoch = 0x7fff_ffff
    client.epoch = 0x7fff_ffff
    assert.deepEqual(await client.lines(), [])
    assert.equal(client.epoch, 1)
    assert.deepEqual(await client.lines(), [])
    await world.close()
  })

  it('is closed by its client, or replaced by a new one', async () => {
    const world = await openWorld()
    await world.topic('t')
    const client = new Client(world)
    await client.fetch([item('t', 0, 0)])
    const { sessionId } = client
    const again = await fetch(world, [item('t', 0, 0)], { sessionId, sessionEpoch: 0 })
    assert.notEqual(again.sessionId, sessionId)
    assert.equal((await fetch(world, [], { sessionId, sessionEpoch: 1 })).error, 'FETCH_SESSION_ID_NOT_FOUND')
    const last = await fetch(world, [item('t', 0, 0)], { sessionId: again.sessionId, sessionEpoch: -1 })
    assert.equal(last.sessionId, 0)
    assert.equal(world.broker.fetcher.sessions.size, 0)
    await world.close()
  })

  it('repeats an error with every answer, and begins anew when it is over', async () => {
    const world = await openWorld()
    await world.topic('other')
    const client = new Client(world)
    assert.deepEqual(await client.lines([item('t', 0, 0), item('other', 0, 0)]), [
      't-0: UNKNOWN_TOPIC_OR_PARTITION',
      'other-0:'
    ])
    assert.deepEqual(await client.lines([], { maxWaitMs: 60_000 }), ['t-0: UNKNOWN_TOPIC_OR_PARTITION'])
    const { topicId } = await world.topic('t')
    assert.deepEqual(await client.lines(), ['t-0:'])
    assert.deepEqual(await client.lines(), [])
    const waiting = client.lines([], { maxWaitMs: 60_000 })
    await settle()
    await world.control.deleteTopic(topicId)
    assert.deepEqual(await waiting, ['t-0: UNKNOWN_TOPIC_OR_PARTITION'])
    // Made again, a topic of the same name is served from its new log.
    await world.topic('t')
    await put(world, 't', 0, 'new')
    assert.deepEqual(await client.lines(), ['t-0: new'])
    await world.close()
  })

  it('makes room for another one only after two idle minutes; without room there is none', async () => {
    const world = await openWorld({ 'max.incremental.fetch.session.cache.slots': '2' })
    await world.topic('t')
    const clients = [new Client(world), new Client(world)]
    for (const client of clients) await client.fetch([item('t', 0, 0)])
    const third = await fetch(world, [item('t', 0, 0)], { sessionEpoch: 0 })
    assert.equal(third.sessionId, 0)
    assert.deepEqual(lines(third), ['t-0:'])
    world.clock.advance(119_000)
    await clients[0].fetch()
    world.clock.advance(2000)
    assert.notEqual((await fetch(world, [item('t', 0, 0)], { sessionEpoch: 0 })).sessionId, 0)
    assert.deepEqual(await clients[0].lines(), [])
    assert.deepEqual(await clients[1].lines(), ['FETCH_SESSION_ID_NOT_FOUND'])
    await world.close()
  })

  it('of a consumer makes room for that of a follower, which keeps it', async () => {
    const world = await openWorld({ 'max.incremental.fetch.session.cache.slots': '2' })
    await world.topic('t')
    const consumers = [new Client(world), new Client(world)]
    for (const consumer of consumers) await consumer.fetch([item('t', 0, 0)])
    const follower = new Client(world)
    await follower.fetch([item('t', 0, 0)], { replica: { nodeId: 2, brokerEpoch: 1 } })
    assert.notEqual(follower.sessionId, 0)
    assert.deepEqual(await consumers[0].lines(), ['FETCH_SESSION_ID_NOT_FOUND'])
    assert.deepEqual(await consumers[1].lines(), [])
    const third = new Client(world)
    await third.fetch([item('t', 0, 0)])
    assert.equal(third.sessionId, 0)
    await world.close()
  })

  it('makes room for the partitions of another one, too, after two idle minutes', async () => {
    const world = await openWorld({ 'naru.fetch.session.partitions.max': '5' })
    await world.topic('t', 4)
    const all = [0, 1, 2, 3].map(index => item('t', index, 0))
    const [first, second] = [new Client(world), new Client(world)]
    await first.fetch(all)
    await second.fetch(all)
    assert.equal(second.sessionId, 0)
    world.clock.advance(121_000)
    const third = new Client(world)
    await third.fetch(all)
    assert.notEqual(third.sessionId, 0)
    assert.deepEqual(await first.lines(), ['FETCH_SESSION_ID_NOT_FOUND'])
    await world.close()
  })

  it('is not met by chance after a restart', async () => {
    let world = await openWorld()
    await world.topic('t')
    const old = new Client(world)
    await old.fetch([item('t', 0, 0)])
    await world.close()
    world = await openWorld({}, world.disk)
    const ids = new Set<number>()
    for (let i = 0; i < 100; i++) ids.add((await fetch(world, [item('t', 0, 0)], { sessionEpoch: 0 })).sessionId)
    assert.equal(ids.size, 100)
    assert(
      [...ids].some(id => id > 1000),
      'ids are not counted'
    )
    await world.close()
  })

  it('survives a client that closes it from elsewhere while a fetch waits on it', async () => {
    const world = await openWorld()
    await world.topic('t')
    const client = new Client(world)
    await client.fetch([item('t', 0, 0)])
    const waiting = client.lines([], { maxWaitMs: 500 })
    await settle()
    await fetch(world, [], { sessionId: client.sessionId, sessionEpoch: -1 })
    await put(world, 't', 0, 'a')
    world.clock.advance(520)
    assert.deepEqual(await waiting, [])
    await world.close()
  })

  it('gives errors and ids their place in every version', async () => {
    const world = await openWorld()
    const { topicId } = await world.topic('t')
    await put(world, 't', 0, 'a')
    for (let version = 4; version <= 18; version++) {
      const partition = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }
      const topics = [{ topic: 't', topicId, partitions: [partition, { ...partition, partition: 1 }] }]
      const base = { maxWaitMs: 0, minBytes: 1, sessionEpoch: 0, topics, forgottenTopicsData: [] }
      const response = await world.ask(fetchHandler, Fetch, version, base)
      assert.equal(response.sessionId !== 0, version >= 7)
      const answers = response.responses.flatMap(topic => topic.partitions)
      assert.deepEqual(
        answers.map(({ partitionIndex, errorCode, highWatermark }) => ({ partitionIndex, errorCode, highWatermark })),
        [
          { partitionIndex: 0, errorCode: 0, highWatermark: 1 },
          { partitionIndex: 1, errorCode: 3, highWatermark: -1 }
        ]
      )
      for (const named of response.responses)
        if (version < 13) assert.equal(named.topic, 't')
        else assert.equal(named.topicId, topicId)
      if (version < 7) continue
      const unknown = await world.ask(fetchHandler, Fetch, version, { ...base, sessionId: 1, sessionEpoch: 5 })
      assert.equal(unknown.errorCode, 70)
    }
    await world.close()
  })
})
