import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metadata, rejectsWith, settle, type TestMember, World, watch } from './harness.ts'

const text = (bytes: Buffer): string => bytes.toString()

test('a group forms after its initial delay; the leader hears of all, and each gets its assignment', async () => {
  const world = await World.start()
  const [first, second] = [world.member({}, 'a'), world.member({}, 'b')]
  const joins = [watch(first.join()), watch(second.join())]
  await world.advance(2900)
  assert.deepEqual(joins, [{}, {}])
  await world.advance(3200)
  const [leader] = joins.map(({ value }) => value)
  assert.equal(leader?.generationId, 1)
  assert.equal(leader?.leader, first.memberId)
  assert.equal(leader?.protocolName, 'range')
  assert.deepEqual(leader?.members.map(({ memberId }) => memberId).sort(), [first.memberId, second.memberId].sort())
  assert.equal(joins[1].value?.leader, first.memberId)
  assert.deepEqual(joins[1].value?.members, [])
  const waiting = watch(second.sync())
  await settle()
  assert.deepEqual(waiting, {})
  assert.equal(text((await first.sync()).assignment), first.memberId)
  await settle()
  assert.equal(waiting.value && text(waiting.value.assignment), second.memberId)
  assert.equal(waiting.value?.protocolType, 'consumer')
  await Promise.all([first.heartbeat(), second.heartbeat()])
  assert.equal((await world.coordinator.describe('group')).state, 'Stable')
})

test('newcomers prolong the initial wait, up to the rebalance time-out', async () => {
  const world = await World.start()
  const joins: ReturnType<typeof watch>[] = []
  for (let at = 0; at < 5; at++) {
    joins.push(watch(world.member({ rebalanceTimeoutMs: 7000 }, `m${at}`).join()))
    await world.advance(2000)
  }
  // 3 s, prolonged by 3 s and by the last second of seven.
  assert.equal(joins[0].value !== undefined, true)
  assert.equal((joins[0].value as { members: unknown[] }).members.length, 4)
})

test('without a delay a single member has its group at once', async () => {
  const world = await World.start({ initialRebalanceDelayMs: 0 })
  const member = world.member()
  const join = member.join()
  await world.advance(20)
  assert.equal((await join).generationId, 1)
})

test('a newcomer of version 4 must come back with the id it is given, one of version 3 need not', async () => {
  const world = await World.start()
  const newcomer = world.member({}, 'app')
  const refused = await newcomer.rawJoin(4)
  assert.equal(refused.error, 'MEMBER_ID_REQUIRED')
  assert.match(refused.memberId, /^app-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual((await world.coordinator.describe('group')).members, [])
  const old = world.member({}, 'old')
  const joined = old.join(3)
  await world.advance(7000)
  // The id that was given out holds the group up until its session time-out.
  assert.equal((await joined).generationId, 1)
  await rejectsWith(world.member({ memberId: 'made-up' }).rawJoin(4, { memberId: 'made-up' }), 'UNKNOWN_MEMBER_ID')
})

test('a member that joins makes the others rejoin, and everybody moves to the next generation', async () => {
  const world = await World.start()
  const [first] = await world.group(1)
  const second = world.member({}, 'b')
  const joining = watch(second.join())
  await settle()
  await rejectsWith(first.heartbeat(), 'REBALANCE_IN_PROGRESS')
  assert.deepEqual(joining, {})
  assert.equal((await first.join()).generationId, 2)
  await settle()
  assert.equal(joining.value?.generationId, 2)
  const syncs = await world.syncAll([first, second])
  assert.deepEqual(
    syncs.map(({ assignment }) => text(assignment)),
    [first.memberId, second.memberId]
  )
  await rejectsWith(world.coordinator.heartbeat({ ...first.identity, generationId: 1 }), 'ILLEGAL_GENERATION')
})

test('members that do not rejoin within the rebalance time-out are out', async () => {
  const world = await World.start()
  const [first, silent] = await world.group(2, { rebalanceTimeoutMs: 8000, sessionTimeoutMs: 30_000 })
  const rejoin = watch(first.join())
  await world.advance(7900)
  await silent.heartbeat().catch(() => undefined)
  assert.deepEqual(rejoin, {})
  await world.advance(200)
  assert.equal(rejoin.value?.generationId, 2)
  assert.equal(rejoin.value?.members.length, 1)
  await rejectsWith(silent.heartbeat(), 'UNKNOWN_MEMBER_ID')
})

test('a member that is not heard of for its session time-out is out; heartbeats keep the others', async () => {
  const world = await World.start()
  const [first, second] = await world.group(2)
  for (let at = 0; at < 3; at++) {
    await world.advance(4000)
    await first.heartbeat().catch(() => undefined)
  }
  await rejectsWith(first.heartbeat(), 'REBALANCE_IN_PROGRESS')
  await rejectsWith(second.heartbeat(), 'UNKNOWN_MEMBER_ID')
  const again = await first.join()
  assert.equal(again.members.length, 1)
  await first.sync()
  await world.advance(11_000)
  assert.equal((await world.coordinator.describe('group')).state, 'Empty')
})

test('members that join and never sync are out after the rebalance time-out', async () => {
  const world = await World.start()
  const members = [world.member({ sessionTimeoutMs: 100_000 }, 'a'), world.member({ sessionTimeoutMs: 100_000 }, 'b')]
  const joins = members.map(member => member.join())
  await world.advance(6100)
  await Promise.all(joins)
  const [leader, silent] = members
  await leader.sync()
  await world.advance(59_000)
  await leader.heartbeat()
  await world.advance(2000)
  await rejectsWith(leader.heartbeat(), 'REBALANCE_IN_PROGRESS')
  await rejectsWith(silent.heartbeat(), 'UNKNOWN_MEMBER_ID')
})

test('who leaves is gone at once, in batches too, and a last one leaves an empty group', async () => {
  const world = await World.start()
  const [first, second, third] = await world.group(3)
  const left = await world.coordinator.leave({
    groupId: 'group',
    members: [
      { memberId: second.memberId, groupInstanceId: null, reason: 'closing' },
      { memberId: third.memberId, groupInstanceId: null, reason: null },
      { memberId: 'nobody', groupInstanceId: null, reason: null }
    ]
  })
  assert.deepEqual(
    left.members.map(({ error }) => error),
    [undefined, undefined, 'UNKNOWN_MEMBER_ID']
  )
  await rejectsWith(first.heartbeat(), 'REBALANCE_IN_PROGRESS')
  assert.equal((await first.join()).members.length, 1)
  await first.sync()
  await first.leave()
  const described = await world.coordinator.describe('group')
  assert.equal(described.state, 'Empty')
  assert.equal(described.protocolType, 'consumer')
  await rejectsWith(first.heartbeat(), 'UNKNOWN_MEMBER_ID')
  assert.deepEqual(await world.coordinator.leave({ groupId: 'no such', members: [] }), { members: [] })
})

test('a member that leaves during a round no longer holds it up', async () => {
  const world = await World.start()
  const [first, second] = await world.group(2)
  const rejoin = watch(first.join())
  await settle()
  assert.deepEqual(rejoin, {})
  await second.leave()
  await settle()
  assert.equal(rejoin.value?.generationId, 2)
})

test('when the leader goes, one of those who joined leads', async () => {
  const world = await World.start()
  const [leader, second, third] = await world.group(3)
  await leader.leave()
  const joins = [second.join(), third.join()]
  await Promise.all(joins)
  assert.equal(second.isLeader, true)
  assert.equal(second.joined?.members.length, 2)
})

test('the protocol is one that all offer, and the one that most prefer', async () => {
  const world = await World.start()
  const offering = (...names: string[]): TestMember =>
    world.member({ protocols: names.map(name => ({ name, metadata: Buffer.from(name) })) }, names.join(''))
  const members = [
    offering('a', 'b', 'c'),
    offering('c', 'b'),
    offering('b', 'c'),
    offering('c', 'b', 'a'),
    offering('c', 'b', 'd')
  ]
  const joins = members.map(member => member.join())
  await world.advance(7000)
  for (const joined of await Promise.all(joins)) assert.equal(joined.protocolName, 'c')
  assert.deepEqual(
    members[0].joined?.members.map(({ metadata: bytes }) => text(bytes)),
    ['c', 'c', 'c', 'c', 'c']
  )
  await rejectsWith(offering('a').join(), 'INCONSISTENT_GROUP_PROTOCOL')
  await rejectsWith(world.member({ protocolType: 'connect' }).join(), 'INCONSISTENT_GROUP_PROTOCOL')
  await rejectsWith(world.member({ groupId: 'other', protocols: [] }).join(), 'INCONSISTENT_GROUP_PROTOCOL')
})

test('a follower that joins again unchanged stays in its generation; with other metadata it starts a round', async () => {
  const world = await World.start()
  const [leader, follower] = await world.group(2)
  assert.equal((await follower.join()).generationId, 1)
  await leader.heartbeat()
  const changed = watch(follower.join(9, { protocols: [{ name: 'range', metadata: metadata('events') }] }))
  await settle()
  assert.deepEqual(changed, {})
  await rejectsWith(leader.heartbeat(), 'REBALANCE_IN_PROGRESS')
  await leader.join()
  await settle()
  assert.equal(changed.value?.generationId, 2)
})

test('a leader of a stable group that joins again starts a round', async () => {
  const world = await World.start()
  const [leader, follower] = await world.group(2)
  const rejoin = watch(leader.join())
  await settle()
  assert.deepEqual(rejoin, {})
  await follower.join()
  await settle()
  assert.equal(rejoin.value?.generationId, 2)
})

test('syncs are checked: member, generation, protocol, phase', async () => {
  const world = await World.start()
  const [leader, follower] = await world.group(2)
  const base = { ...follower.identity, protocolType: 'consumer', protocolName: 'range', assignments: [] }
  const { coordinator } = world
  assert.equal(text((await coordinator.sync(base)).assignment), follower.memberId)
  await rejectsWith(coordinator.sync({ ...base, groupId: 'other' }), 'UNKNOWN_MEMBER_ID')
  await rejectsWith(coordinator.sync({ ...base, groupId: '' }), 'INVALID_GROUP_ID')
  await rejectsWith(coordinator.sync({ ...base, memberId: 'nobody' }), 'UNKNOWN_MEMBER_ID')
  await rejectsWith(coordinator.sync({ ...base, generationId: 0 }), 'ILLEGAL_GENERATION')
  await rejectsWith(coordinator.sync({ ...base, protocolType: 'connect' }), 'INCONSISTENT_GROUP_PROTOCOL')
  await rejectsWith(coordinator.sync({ ...base, protocolName: 'roundrobin' }), 'INCONSISTENT_GROUP_PROTOCOL')
  void leader.join().catch(() => undefined)
  await settle()
  await rejectsWith(coordinator.sync(base), 'REBALANCE_IN_PROGRESS')
})

test('a newcomer during the sync sends those who wait back to join', async () => {
  const world = await World.start()
  const [leader, follower] = [world.member({}, 'a'), world.member({}, 'b')]
  const joins = [leader.join(), follower.join()]
  await world.advance(6100)
  await Promise.all(joins)
  const waiting = watch(follower.sync())
  await settle()
  const third = watch(world.member({}, 'c').join())
  await settle()
  assert.equal((waiting.error as Error).message, 'REBALANCE_IN_PROGRESS')
  await Promise.all([leader.join(), follower.join()])
  await settle()
  assert.equal(third.value?.generationId, 2)
})

test('session time-outs must lie within the bounds', async () => {
  const world = await World.start({ sessionTimeoutMinMs: 6000, sessionTimeoutMaxMs: 30_000 })
  await rejectsWith(world.member({ sessionTimeoutMs: 5999 }).join(), 'INVALID_SESSION_TIMEOUT')
  await rejectsWith(world.member({ sessionTimeoutMs: 30_001 }).join(), 'INVALID_SESSION_TIMEOUT')
  await rejectsWith(world.member({ groupId: '' }).join(), 'INVALID_GROUP_ID')
})

test('a full group takes nobody in, and after a shrink the last to return are turned away', async () => {
  const world = await World.start({ groupMaxSize: 2 })
  const members = await world.group(2)
  const refused = await world.member({}, 'late').rawJoin(3)
  assert.equal(refused.error, 'GROUP_MAX_SIZE_REACHED')
  for (const member of members) await member.heartbeat()
})

test('an unanswered join is overtaken by the next one of the same member', async () => {
  const world = await World.start()
  const [first, second] = await world.group(2)
  const lost = watch(first.rawJoin())
  await settle()
  const again = watch(first.join())
  await settle()
  assert.equal(lost.value?.error, 'REBALANCE_IN_PROGRESS')
  await second.join()
  await settle()
  assert.equal(again.value?.generationId, 2)
})
