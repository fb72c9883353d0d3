import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NaruError } from '../../src/std/errors.ts'
import { committed, rejectsWith, settle, World, watch } from './harness.ts'

test('after a restart members keep their ids, generation and assignment: a heartbeat is all they send', async () => {
  const world = await World.start()
  const members = await world.group(3)
  await members[0].commit(10)
  const before = await world.coordinator.describe('group')
  const next = await world.reload()
  assert.deepEqual(await next.coordinator.describe('group'), before)
  for (const member of members) await next.coordinator.heartbeat(member.identity)
  assert.deepEqual(await committed(next), { 'orders/0': 10 })
  const follower = members[1]
  const synced = await next.coordinator.sync({
    ...follower.identity,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: []
  })
  assert.equal(synced.assignment.toString(), follower.memberId)
})

test('after a restart silent members are out when their session ends, counted from the restart', async () => {
  const world = await World.start()
  const [first, second] = await world.group(2)
  await world.advance(9000)
  const next = await world.reload()
  await next.advance(9000)
  await next.coordinator.heartbeat(first.identity)
  await next.advance(1500)
  await rejectsWith(next.coordinator.heartbeat(second.identity), 'UNKNOWN_MEMBER_ID')
  await rejectsWith(next.coordinator.heartbeat(first.identity), 'REBALANCE_IN_PROGRESS')
})

test('a restart in the middle of a round falls back to the generation that was completed', async () => {
  const world = await World.start()
  const [member] = await world.group(1)
  void world
    .member({}, 'b')
    .join()
    .catch(() => undefined)
  await settle()
  const next = await world.reload()
  await next.coordinator.heartbeat(member.identity)
  assert.equal((await next.coordinator.describe('group')).members.length, 1)
})

test('a heartbeat that finds the coordinator loading is answered calmly; everything else has to wait', async () => {
  const world = await World.start()
  const [member] = await world.group(1)
  const next = new World(world.config, world.log.successor(), world.clock)
  const loaded = next.coordinator.becomeLeader(0, next.log)
  await next.coordinator.heartbeat(member.identity)
  await rejectsWith(next.coordinator.describe('group'), 'COORDINATOR_LOAD_IN_PROGRESS')
  await rejectsWith(next.coordinator.list({ states: [], types: [] }), 'COORDINATOR_LOAD_IN_PROGRESS')
  await loaded
  assert.equal((await next.coordinator.describe('group')).state, 'Stable')
})

test('when the assignments cannot be kept nobody gets them, and everybody looks for the coordinator again', async () => {
  const world = await World.start()
  const [leader, follower] = [world.member({}, 'a'), world.member({}, 'b')]
  const joins = [leader.join(), follower.join()]
  await world.advance(6100)
  await Promise.all(joins)
  const waiting = watch(follower.sync())
  await settle()
  world.log.nextAppendError = new NaruError('NOT_ENOUGH_REPLICAS')
  const leading = watch(leader.sync())
  await settle()
  for (const { error } of [waiting, leading]) assert.equal((error as NaruError).code, 'COORDINATOR_NOT_AVAILABLE')
  // The group is what the log holds: empty, as it was created.
  await rejectsWith(leader.heartbeat(), 'UNKNOWN_MEMBER_ID')
  assert.equal((await world.coordinator.describe('group')).state, 'Empty')
})

test('an assignment is not handed out before it is committed', async () => {
  const world = await World.start()
  const member = world.member()
  const join = member.join()
  await world.advance(6100)
  await join
  world.log.commitByHand = true
  const sync = watch(member.sync())
  await settle()
  assert.deepEqual(sync, {})
  world.log.commit()
  await settle()
  assert.equal(sync.value?.assignment.toString(), member.memberId)
})

test('a group that is over its maximum size after a restart rebalances', async () => {
  const world = await World.start()
  const members = await world.group(3)
  const next = new World({ ...world.config, groupMaxSize: 2 }, world.log.successor(), world.clock)
  await next.coordinator.becomeLeader(0, next.log)
  for (const member of members) await rejectsWith(next.coordinator.heartbeat(member.identity), 'REBALANCE_IN_PROGRESS')
})

test('resigning refuses whoever waits', async () => {
  const world = await World.start()
  const join = watch(world.member().rawJoin(3))
  await settle()
  world.coordinator.resign(0)
  await settle()
  assert.equal((join.error as NaruError).code, 'NOT_COORDINATOR')
  await rejectsWith(world.coordinator.describe('group'), 'NOT_COORDINATOR')
  assert.equal(world.clock.nextDueMs(), undefined)
})
