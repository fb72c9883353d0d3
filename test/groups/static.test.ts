import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metadata, rejectsWith, settle, World, watch } from './harness.ts'

const assignment = (response: { assignment: Buffer }): string => response.assignment.toString()

test('a static member that restarts keeps its place without a rebalance; its former self is fenced', async () => {
  const world = await World.start()
  const [leader, dynamic] = [world.member({}, 'a'), world.member({ groupInstanceId: 'i-1' }, 'b')]
  const joins = [leader.join(), dynamic.join()]
  await world.advance(6100)
  await Promise.all(joins)
  const before = await world.syncAll([leader, dynamic])
  const reborn = world.member({ groupInstanceId: 'i-1' }, 'b')
  const joined = await reborn.join()
  assert.equal(joined.generationId, 1)
  assert.notEqual(reborn.memberId, dynamic.memberId)
  assert.match(reborn.memberId, /^i-1-/)
  await leader.heartbeat()
  assert.equal(assignment(await reborn.sync()), assignment(before[1]))
  await rejectsWith(dynamic.heartbeat(), 'FENCED_INSTANCE_ID')
  await rejectsWith(dynamic.sync(), 'FENCED_INSTANCE_ID')
  await rejectsWith(dynamic.rawJoin(), 'FENCED_INSTANCE_ID')
  assert.equal(await dynamic.commit(1), 'FENCED_INSTANCE_ID')
  assert.equal(await reborn.commit(1), undefined)
  const next = await world.reload()
  const members = (await next.coordinator.describe('group')).members.map(({ memberId }) => memberId)
  assert.deepEqual(members.sort(), [leader.memberId, reborn.memberId].sort())
})

test('a static leader that restarts is told to skip sharing out; before version 9 it is not told that it leads', async () => {
  const world = await World.start()
  const [leader] = await world.group(1, { groupInstanceId: 'i-1' })
  const reborn = world.member({ groupInstanceId: 'i-1' })
  const joined = await reborn.join(9)
  assert.equal(joined.skipAssignment, true)
  assert.equal(joined.leader, reborn.memberId)
  assert.equal(joined.members.length, 1)
  const older = world.member({ groupInstanceId: 'i-1' })
  const answer = await older.join(8)
  assert.equal(answer.skipAssignment, false)
  assert.equal(answer.leader, reborn.memberId)
  assert.deepEqual(answer.members, [])
  assert.equal(assignment(await older.sync()), leader.memberId)
})

test('a static member that restarts with other protocols starts a round', async () => {
  const world = await World.start()
  const both = [
    { name: 'range', metadata: Buffer.from('r') },
    { name: 'sticky', metadata: Buffer.from('s') }
  ]
  const [first] = await world.group(1, { groupInstanceId: 'i-1', protocols: both })
  const reborn = world.member({ groupInstanceId: 'i-1', protocols: [both[1], both[0]] })
  const joined = watch(reborn.join())
  await settle()
  assert.equal(joined.value?.generationId, 2)
  assert.equal(joined.value?.protocolName, 'sticky')
  await rejectsWith(first.heartbeat(), 'FENCED_INSTANCE_ID')
})

test('static members may miss a round, a leader too: they stay until their session ends', async () => {
  const world = await World.start()
  const options = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 5000 }
  const [late, other] = [world.member({ ...options, groupInstanceId: 'i-1' }, 'a'), world.member(options, 'b')]
  const joins = [late.join(), other.join()]
  await world.advance(6100)
  await Promise.all(joins)
  await world.syncAll([late, other])
  assert.equal(late.isLeader, true)
  const rejoin = watch(other.join(9, { protocols: [{ name: 'range', metadata: metadata('events') }] }))
  await world.advance(5100)
  assert.equal(rejoin.value?.generationId, 2)
  assert.equal(rejoin.value?.leader, other.memberId)
  assert.equal(rejoin.value?.members.length, 2)
  await other.sync()
  await world.advance(20_000)
  await other.heartbeat().catch(() => undefined)
  await world.advance(6000)
  await rejectsWith(late.heartbeat(), 'UNKNOWN_MEMBER_ID')
})

test('an administrator removes a static member by its instance id', async () => {
  const world = await World.start()
  await world.group(1, { groupInstanceId: 'i-1' })
  const remove = (groupInstanceId: string) =>
    world.coordinator.leave({ groupId: 'group', members: [{ memberId: '', groupInstanceId, reason: null }] })
  assert.equal((await remove('i-2')).members[0].error, 'UNKNOWN_MEMBER_ID')
  assert.deepEqual((await remove('i-1')).members, [{ memberId: '', groupInstanceId: 'i-1', error: undefined }])
  assert.equal((await world.coordinator.describe('group')).state, 'Empty')
})

test('two members with one instance id: the join that waits is fenced by the newer one', async () => {
  const world = await World.start()
  const older = watch(world.member({ groupInstanceId: 'i-1' }, 'a').rawJoin())
  await settle()
  const newer = watch(world.member({ groupInstanceId: 'i-1' }, 'b').rawJoin())
  await world.advance(3100)
  await world.advance(3100)
  assert.equal(older.value?.error, 'FENCED_INSTANCE_ID')
  assert.equal(newer.value?.generationId, 1)
})
