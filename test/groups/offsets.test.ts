import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitAlone, committed, item, rejectsWith, settle, World, watch } from './harness.ts'

const day = 86_400_000

test('a member commits and reads back, with metadata and leader epoch; others are told what is wrong with them', async () => {
  const world = await World.start()
  const [member] = await world.group(1)
  assert.equal(await member.commit(42), undefined)
  const [topic] = await world.coordinator.fetchOffsets(
    'group',
    [{ name: 'orders', topicId: '', partitions: [0, 1] }],
    false
  )
  assert.deepEqual(topic.partitions, [
    { partition: 0, offset: 42, leaderEpoch: 3, metadata: '' },
    { partition: 1, offset: -1, leaderEpoch: -1, metadata: '' }
  ])
  const commit = (changed: object): Promise<unknown> =>
    world.coordinator
      .commitOffsets(
        { ...member.identity, retentionTimeMs: -1, knowsGroupNotFound: false, items: [item(1)], ...changed },
        false
      )
      .then(results => results[0])
  assert.equal(await commit({ memberId: 'nobody' }), 'UNKNOWN_MEMBER_ID')
  assert.equal(await commit({ generationId: 7 }), 'ILLEGAL_GENERATION')
  assert.equal(await commit({ memberId: '', generationId: -1 }), 'UNKNOWN_MEMBER_ID')
  assert.equal(await commit({ groupId: 'other' }), 'ILLEGAL_GENERATION')
  assert.equal(await commit({ groupId: 'other', knowsGroupNotFound: true }), 'GROUP_ID_NOT_FOUND')
  assert.deepEqual(await committed(world), { 'orders/0': 42 })
})

test('commits are taken while a round gathers, and refused between join and sync', async () => {
  const world = await World.start()
  const [member] = await world.group(1)
  const second = world.member({}, 'b')
  const joining = second.join()
  await settle()
  assert.equal(await member.commit(7), undefined)
  await member.join()
  await joining
  assert.equal(await member.commit(8), 'REBALANCE_IN_PROGRESS')
  await world.syncAll([member, second])
  assert.equal(await second.commit(9, 1), undefined)
  assert.deepEqual(await committed(world), { 'orders/0': 7, 'orders/1': 9 })
})

test('a commit keeps the session alive', async () => {
  const world = await World.start()
  const [member] = await world.group(1)
  for (let at = 0; at < 4; at++) {
    await world.advance(8000)
    assert.equal(await member.commit(at), undefined)
  }
})

test('clients without membership commit to groups without members, the nameless one too', async () => {
  const world = await World.start()
  assert.deepEqual(await commitAlone(world, [item(5), item(6, 1)]), [undefined, undefined])
  assert.deepEqual(await commitAlone(world, [item(1)], ''), [undefined])
  assert.deepEqual(await committed(world), { 'orders/0': 5, 'orders/1': 6 })
  assert.deepEqual(await committed(world, ''), { 'orders/0': 1 })
  assert.equal((await world.coordinator.describe('group')).state, 'Empty')
  await world.group(1)
  assert.deepEqual(await commitAlone(world, [item(7)]), ['UNKNOWN_MEMBER_ID'])
  const next = await world.reload()
  assert.deepEqual(await committed(next), { 'orders/0': 5, 'orders/1': 6 })
})

test('each offset is answered for itself: unknown topics and partitions, metadata that is too large', async () => {
  const world = await World.start({ offsetMetadataMaxBytes: 10 })
  const items = [item(1), item(2, 0, 'nowhere'), item(3, 8), item(4, -1), item(5, 1, 'orders', 'x'.repeat(11))]
  assert.deepEqual(await commitAlone(world, items), [
    undefined,
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'OFFSET_METADATA_TOO_LARGE'
  ])
  const [member] = await world.group(1)
  const results = await world.coordinator.commitOffsets(
    { ...member.identity, generationId: 9, retentionTimeMs: -1, knowsGroupNotFound: true, items: items.slice(0, 2) },
    false
  )
  assert.deepEqual(results, ['ILLEGAL_GENERATION', 'UNKNOWN_TOPIC_OR_PARTITION'])
})

test('topics by id', async () => {
  const world = await World.start()
  const orders = world.topics.idOf('orders') ?? ''
  const unknown = 'unknown-id-AAAAAAAAAAA'
  const byId = (topicId: string) => ({ ...item(5, 2, ''), topicId })
  const results = await world.coordinator.commitOffsets(
    {
      groupId: 'group',
      memberId: '',
      generationId: -1,
      groupInstanceId: null,
      retentionTimeMs: -1,
      knowsGroupNotFound: true,
      items: [byId(orders), byId(unknown)]
    },
    true
  )
  assert.deepEqual(results, [undefined, 'UNKNOWN_TOPIC_ID'])
  const asked = [orders, unknown].map(topicId => ({ name: '', topicId, partitions: [2] }))
  const fetched = await world.coordinator.fetchOffsets('group', asked, true)
  assert.deepEqual(
    fetched.map(({ topicId, error, partitions }) => [topicId, error, partitions[0].offset]),
    [
      [orders, undefined, 5],
      [unknown, 'UNKNOWN_TOPIC_ID', -1]
    ]
  )
  const [all] = await world.coordinator.fetchOffsets('group', null, true)
  assert.equal(all.topicId, orders)
})

test('offsets end with their topic, also when a crash came before they were removed', async () => {
  const world = await World.start()
  await commitAlone(world, [item(1), item(2, 0, 'events')])
  const deleted = world.topics.ids.get('events')!
  world.topics.ids.delete('events')
  await world.coordinator.topicDeleted('events', deleted)
  assert.deepEqual(await committed(world), { 'orders/0': 1 })
  world.topics.ids.set('orders', 'orders-again-AAAAAAAAA')
  const next = await world.reload()
  assert.deepEqual(await committed(next), {})
  await commitAlone(next, [item(3)])
  assert.deepEqual(await committed(next), { 'orders/0': 3 })
})

test('offsets of a topic that was made again stay when the end of the former one is told late', async () => {
  const world = await World.start()
  const deleted = world.topics.ids.get('events')!
  world.topics.ids.set('events', 'events-again-AAAAAAAAA')
  await commitAlone(world, [item(7, 0, 'events')])
  await world.coordinator.topicDeleted('events', deleted)
  assert.deepEqual(await committed(world), { 'events/0': 7 })
})

test('nothing is answered that could still be lost', async () => {
  const world = await World.start()
  await commitAlone(world, [item(1)])
  world.log.commitByHand = true
  const commit = watch(commitAlone(world, [item(2)]))
  const fetch = watch(committed(world))
  await settle()
  assert.deepEqual([commit, fetch], [{}, {}])
  world.log.loseLeadership()
  await settle()
  assert.deepEqual(commit.value, ['NOT_COORDINATOR'])
  assert.equal((fetch.error as Error & { code: string }).code, 'NOT_COORDINATOR')
  await rejectsWith(committed(world), 'NOT_COORDINATOR')
  assert.deepEqual(await committed(await world.reload()), { 'orders/0': 1 })
})

test('offsets of an empty group end after their retention, counted from when it became empty', async () => {
  const world = await World.start({ offsetsRetentionMinutes: 24 * 60 })
  const [member] = await world.group(1)
  await member.commit(1)
  for (let hour = 0; hour < 30; hour++) {
    await member.heartbeat()
    for (let at = 0; at < 450; at++) {
      world.clock.advance(8000)
      await settle()
      await member.heartbeat()
    }
    if (hour === 2) break
  }
  await member.leave()
  await world.advance(day - 20 * 60_000)
  assert.deepEqual(await committed(world), { 'orders/0': 1 })
  await world.advance(40 * 60_000)
  assert.deepEqual(await committed(world), {})
  assert.equal((await world.coordinator.describe('group')).state, 'Dead')
  assert.equal((await (await world.reload()).coordinator.describe('group')).state, 'Dead')
})

test('offsets of simple consumers end after their last commit, or when the commit said so', async () => {
  const world = await World.start({ offsetsRetentionMinutes: 24 * 60 })
  await commitAlone(world, [item(1), item(2, 1)])
  await commitAlone(world, [item(9)], 'short', { retentionTimeMs: 60_000 })
  await world.advance(day / 2)
  assert.deepEqual(await committed(world, 'short'), {})
  await commitAlone(world, [item(3)])
  await world.advance(day / 2 + 20 * 60_000)
  assert.deepEqual(await committed(world), { 'orders/0': 3 })
})

test('a stable group loses only offsets of topics that it does not subscribe to any more', async () => {
  const world = await World.start({ offsetsRetentionMinutes: 60, offsetsRetentionCheckIntervalMs: 60_000n })
  await commitAlone(world, [item(1), item(2, 0, 'events')])
  const [member] = await world.group(1, { sessionTimeoutMs: 1_800_000 })
  for (let at = 0; at < 4; at++) {
    await world.advance(20 * 60_000)
    await member.heartbeat()
  }
  assert.deepEqual(await committed(world), { 'orders/0': 1 })
})

test('many offsets end in several turns, and the shard goes on', async () => {
  const world = await World.start({ offsetsRetentionMinutes: 1, offsetsRetentionCheckIntervalMs: 60_000n })
  for (let at = 0; at < 3000; at++)
    void commitAlone(world, [item(at, 0), item(at, 1), item(at, 2, 'events')], `group ${at}`)
  await settle()
  assert.equal((await world.coordinator.list({ states: [], types: [] })).length, 3000)
  await world.advance(61_000)
  await commitAlone(world, [item(1)], 'another')
  await world.advance(1000)
  const left = await world.coordinator.list({ states: [], types: [] })
  assert.deepEqual(
    left.map(({ groupId }) => groupId),
    ['another']
  )
})
