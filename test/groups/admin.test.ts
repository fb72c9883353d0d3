import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commitAlone, committed, item, metadata, rejectsWith, settle, World } from './harness.ts'

test('describe shows members, and what they say once it is settled', async () => {
  const world = await World.start()
  const [first, second] = await world.group(2)
  const described = await world.coordinator.describe('group')
  assert.equal(described.protocolType, 'consumer')
  assert.equal(described.protocolData, 'range')
  assert.deepEqual(
    described.members.map(({ clientId, clientHost, memberAssignment, memberMetadata }) => [
      clientId,
      clientHost,
      memberAssignment.toString(),
      memberMetadata.equals(metadata('orders'))
    ]),
    [
      ['app0', '/127.0.0.1', first.memberId, true],
      ['app1', '/127.0.0.1', second.memberId, true]
    ]
  )
  void first.join()
  await settle()
  const rebalancing = await world.coordinator.describe('group')
  assert.equal(rebalancing.state, 'PreparingRebalance')
  assert.equal(rebalancing.protocolData, '')
  assert.equal(rebalancing.members[0].memberMetadata.length, 0)
  assert.equal((await world.coordinator.describe('nothing')).state, 'Dead')
})

test('groups are listed with their state and type, filtered by both', async () => {
  const world = await World.start()
  await world.group(1)
  await commitAlone(world, [item(1)], 'simple')
  const list = async (states: string[], types: string[] = []) =>
    (await world.coordinator.list({ states, types })).map(({ groupId, state }) => `${groupId} ${state}`)
  assert.deepEqual(await list([]), ['group Stable', 'simple Empty'])
  assert.deepEqual(await list(['STABLE']), ['group Stable'])
  assert.deepEqual(await list(['Empty', 'Dead']), ['simple Empty'])
  assert.deepEqual(await list([], ['Classic']), ['group Stable', 'simple Empty'])
  assert.deepEqual(await list([], ['consumer']), [])
})

test('only a group without members is deleted, with its offsets, for good', async () => {
  const world = await World.start()
  const [member] = await world.group(1)
  await member.commit(1)
  await rejectsWith(world.coordinator.deleteGroup('group'), 'NON_EMPTY_GROUP')
  await rejectsWith(world.coordinator.deleteGroup('nothing'), 'GROUP_ID_NOT_FOUND')
  await member.leave()
  await world.coordinator.deleteGroup('group')
  assert.deepEqual(await committed(world), {})
  await rejectsWith(world.coordinator.deleteGroup('group'), 'GROUP_ID_NOT_FOUND')
  const next = await world.reload()
  assert.deepEqual(await next.coordinator.list({ states: [], types: [] }), [])
  assert.deepEqual(await committed(next), {})
})

test('offsets are deleted unless a member subscribes to their topic', async () => {
  const world = await World.start()
  await commitAlone(world, [item(1), item(2, 0, 'events')])
  const [member] = await world.group(1)
  const places = [
    { topic: 'orders', partition: 0 },
    { topic: 'events', partition: 0 },
    { topic: 'events', partition: 1 },
    { topic: 'nowhere', partition: 0 }
  ]
  assert.deepEqual(await world.coordinator.deleteOffsets('group', places), [
    'GROUP_SUBSCRIBED_TO_TOPIC',
    undefined,
    undefined,
    'UNKNOWN_TOPIC_OR_PARTITION'
  ])
  assert.deepEqual(await committed(world), { 'orders/0': 1 })
  await member.leave()
  assert.deepEqual(await world.coordinator.deleteOffsets('group', places.slice(0, 1)), [undefined])
  assert.deepEqual(await committed(world), {})
  await rejectsWith(world.coordinator.deleteOffsets('nothing', places), 'GROUP_ID_NOT_FOUND')
})

test('a group is kept where its id hashes to, as Kafka counts', async () => {
  const world = new World({ offsetsTopicPartitions: 50 })
  // Java: Math.abs-free "my-group".hashCode() & 0x7fffffff, modulo 50.
  const expected = [...'my-group'].reduce((hash, letter) => (31 * hash + letter.charCodeAt(0)) | 0, 0) & 0x7fffffff
  assert.equal(world.coordinator.coordinatorFor('my-group'), expected % 50)
  assert.equal(world.coordinator.coordinatorFor(''), 0)
  await rejectsWith(world.coordinator.describe('my-group'), 'NOT_COORDINATOR')
  assert.deepEqual(world.coordinator.find('my-group'), { nodeId: 1, host: 'localhost', port: 9092 })
})
