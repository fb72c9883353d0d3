import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf } from '../../src/std/errors.ts'
import { settle, World } from './harness.ts'

const commit = (world: World, groupId: string, partitions: number[]) =>
  world.coordinator.commitOffsets(
    {
      groupId,
      generationId: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1,
      knowsGroupNotFound: true,
      items: partitions.map(partition => ({
        name: 'orders',
        topicId: '',
        partition,
        offset: 5,
        leaderEpoch: -1,
        metadata: null
      }))
    },
    false
  )

const newcomer = { clientId: 'app', clientHost: '10.0.0.1', memberIdRequired: true, canSkipAssignment: true }

test('groups are bounded, those that are there go on', async () => {
  const world = await World.start({ groupsMax: 2 })
  assert.deepEqual(await commit(world, 'a', [0]), [undefined])
  const [member] = await world.group(1, { groupId: 'b' })
  assert.deepEqual(await commit(world, 'c', [0]), ['POLICY_VIOLATION'])
  await assert.rejects(world.member({ groupId: 'd' }).join(), { code: 'POLICY_VIOLATION' })
  assert.deepEqual(await commit(world, 'a', [0, 1]), [undefined, undefined])
  assert.equal(member.joined?.error, undefined)
})

test('committed offsets are bounded, those that are there are moved', async () => {
  let world = await World.start({ offsetsMax: 3 })
  assert.deepEqual(await commit(world, 'a', [0, 1]), [undefined, undefined])
  assert.deepEqual(await commit(world, 'b', [0, 1]), [undefined, 'POLICY_VIOLATION'])
  world = await world.reload()
  assert.deepEqual(await commit(world, 'a', [0, 1, 2]), [undefined, undefined, 'POLICY_VIOLATION'])
  await world.coordinator.deleteGroup('a')
  assert.deepEqual(await commit(world, 'b', [0, 1, 2]), [undefined, undefined, undefined])
})

test('ids that are given out and never used are bounded', async () => {
  const world = await World.start({ pendingMembersMax: 3 })
  const { request } = world.member()
  const errors: unknown[] = []
  for (let i = 0; i < 5; i++) errors.push((await world.coordinator.join(request, newcomer)).error)
  assert.deepEqual(errors, [...Array(3).fill('MEMBER_ID_REQUIRED'), ...Array(2).fill('GROUP_MAX_SIZE_REACHED')])
  await world.advance(request.sessionTimeoutMs + 1000)
  assert.equal((await world.coordinator.join(request, newcomer)).error, 'MEMBER_ID_REQUIRED')
})

test('what members say of themselves is bounded over the group; so is the plan', async () => {
  const world = await World.start({ groupBytesMax: 100_000 })
  const [member] = await world.group(1)
  const large = { ...world.member().request, protocols: [{ name: 'range', metadata: Buffer.alloc(99_980) }] }
  const refused = await world.coordinator.join(large, { ...newcomer, memberIdRequired: false })
  assert.equal(refused.error, 'GROUP_MAX_SIZE_REACHED')
  // The member that is there is none the worse for it, and may not grow that large either.
  await world.coordinator.heartbeat({
    groupId: 'group',
    generationId: member.generation,
    memberId: member.memberId,
    groupInstanceId: null
  })
  const grown = { ...large, memberId: member.memberId, protocols: [{ name: 'range', metadata: Buffer.alloc(100_001) }] }
  assert.equal((await world.coordinator.join(grown, newcomer)).error, 'GROUP_MAX_SIZE_REACHED')
  const again = member.join()
  await settle()
  await world.advance(world.config.initialRebalanceDelayMs * 3)
  await again
  const plan = world.coordinator.sync({
    groupId: 'group',
    generationId: member.generation,
    memberId: member.memberId,
    groupInstanceId: null,
    protocolType: null,
    protocolName: null,
    assignments: [{ memberId: member.memberId, assignment: Buffer.alloc(100_001) }]
  })
  assert.equal(codeOf(await plan.catch(error => error)), 'INVALID_REQUEST')
})
