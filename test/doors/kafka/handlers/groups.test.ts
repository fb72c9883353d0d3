import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyApi, Handler } from '../../../../src/doors/kafka/handler.ts'
import { deleteGroups } from '../../../../src/doors/kafka/handlers/delete-groups.ts'
import { describeGroups } from '../../../../src/doors/kafka/handlers/describe-groups.ts'
import { findCoordinator } from '../../../../src/doors/kafka/handlers/find-coordinator.ts'
import { heartbeat } from '../../../../src/doors/kafka/handlers/heartbeat.ts'
import { joinGroup } from '../../../../src/doors/kafka/handlers/join-group.ts'
import { leaveGroup } from '../../../../src/doors/kafka/handlers/leave-group.ts'
import { listGroups } from '../../../../src/doors/kafka/handlers/list-groups.ts'
import { offsetCommit } from '../../../../src/doors/kafka/handlers/offset-commit.ts'
import { offsetDelete } from '../../../../src/doors/kafka/handlers/offset-delete.ts'
import { offsetFetch } from '../../../../src/doors/kafka/handlers/offset-fetch.ts'
import { syncGroup } from '../../../../src/doors/kafka/handlers/sync-group.ts'
import type { Message } from '../../../../src/schema/message.ts'
import { codeOf, messageOf } from '../../../../src/std/errors.ts'
import { metadata, World } from '../../../groups/harness.ts'

import { contextOf } from './group-handlers.ts'

type Tree = Record<string, unknown>

const untyped = (message: unknown): Message<Tree, Tree> => message as Message<Tree, Tree>

/** Sends a request as a client of that version would, over the bytes of both messages. */
async function ask(world: World, handler: Handler<AnyApi>, version: number, request: Tree): Promise<Tree> {
  const { api } = handler
  const bytes = untyped(api.request).encode(request, version)
  const decoded = untyped(api.request).decode(bytes, version)
  const answer = await Promise.resolve(handler.answer(decoded, contextOf(world.coordinator, version))).catch(error =>
    handler.refuse(decoded, codeOf(error), messageOf(error), version)
  )
  return untyped(api.response).decode(untyped(api.response).encode(answer as Tree, version), version)
}

const range = ([from, to]: readonly [number, number]): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at)

const joining = { groupId: 'group', sessionTimeoutMs: 10_000, protocolType: 'consumer' }
const protocols = [{ name: 'range', metadata: metadata('orders') }]
const at = (list: unknown, index = 0): Tree => (list as Tree[])[index]

const synced = { groupId: 'group', generationId: 1, protocolType: 'consumer', protocolName: 'range' }

/** A group with one member, joined and synced in these versions. */
async function joined(world: World, joinVersion: number, syncVersion: number): Promise<Tree> {
  const request = { ...joining, memberId: '', protocols }
  let answer: Promise<Tree> = ask(world, joinGroup, joinVersion, request)
  if (joinVersion >= 4) {
    const required = await answer
    assert.equal(required.errorCode, 79)
    answer = ask(world, joinGroup, joinVersion, { ...request, memberId: required.memberId })
  }
  await world.advance(6100)
  const join = await answer
  assert.equal(join.errorCode, 0)
  assert.equal(join.generationId, 1)
  assert.equal(join.protocolName, 'range')
  assert.equal(join.leader, join.memberId)
  assert.deepEqual((at(join.members).metadata as Buffer).equals(metadata('orders')), true)
  const { memberId } = join
  const assignments = [{ memberId, assignment: Buffer.from('mine') }]
  const sync = await ask(world, syncGroup, syncVersion, { ...synced, memberId, assignments })
  assert.equal(sync.errorCode, 0)
  assert.equal((sync.assignment as Buffer).toString(), 'mine')
  return join
}

test('JoinGroup and SyncGroup work in every version', async () => {
  for (const version of range(joinGroup.versions)) {
    const world = await World.start()
    await joined(world, version, Math.min(version, syncGroup.versions[1]))
    const refused = await ask(world, joinGroup, version, { ...joining, memberId: 'nobody', protocols })
    assert.equal(refused.errorCode, 25)
    assert.equal(refused.memberId, 'nobody')
  }
})

test('Heartbeat and LeaveGroup work in every version', async () => {
  for (const version of range(leaveGroup.versions)) {
    const world = await World.start()
    const { memberId } = await joined(world, 9, 5)
    const beat = { groupId: 'group', generationId: 1, memberId }
    const heartbeatVersion = Math.min(version, heartbeat.versions[1])
    assert.equal((await ask(world, heartbeat, heartbeatVersion, beat)).errorCode, 0)
    const leaving = version < 3 ? { memberId } : { members: [{ memberId, groupInstanceId: null }] }
    const left = await ask(world, leaveGroup, version, { groupId: 'group', ...leaving })
    assert.equal(left.errorCode, 0)
    if (version >= 3) assert.equal(at(left.members).errorCode, 0)
    const again = await ask(world, leaveGroup, version, { groupId: 'group', ...leaving })
    assert.equal(version < 3 ? again.errorCode : at(again.members).errorCode, 25)
    assert.equal((await ask(world, heartbeat, heartbeatVersion, beat)).errorCode, 25)
  }
})

test('OffsetCommit and OffsetFetch work in every version, by name and by id', async () => {
  for (const version of range(offsetFetch.versions)) {
    const world = await World.start()
    const topicId = world.topics.idOf('orders')
    const commitVersion = Math.max(version, offsetCommit.versions[0])
    const name = (used: number): Tree => (used >= 10 ? { topicId } : { name: 'orders' })
    const partition = { partitionIndex: 2, committedOffset: 77, committedMetadata: 'note' }
    const committed = await ask(world, offsetCommit, commitVersion, {
      groupId: 'group',
      memberId: '',
      topics: [{ ...name(commitVersion), partitions: [partition, { ...partition, partitionIndex: 99 }] }]
    })
    assert.deepEqual(
      (at(committed.topics).partitions as Tree[]).map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode]),
      [
        [2, 0],
        [99, 3]
      ]
    )
    const topics = [{ ...name(version), partitionIndexes: [2, 3] }]
    const fetch = async (asked: Tree[] | null): Promise<Tree> => {
      const request =
        version < 8 ? { groupId: 'group', topics: asked } : { groups: [{ groupId: 'group', topics: asked }] }
      const answer = await ask(world, offsetFetch, version, request)
      const group = version < 8 ? answer : at(answer.groups)
      assert.equal(group.errorCode, 0)
      assert.equal(at(group.topics)[version >= 10 ? 'topicId' : 'name'], version >= 10 ? topicId : 'orders')
      return at(group.topics)
    }
    const [found, missing] = (await fetch(topics)).partitions as Tree[]
    assert.deepEqual([found.committedOffset, found.metadata, found.errorCode], [77, 'note', 0])
    assert.deepEqual([missing.committedOffset, missing.metadata, missing.errorCode], [-1, '', 0])
    if (version >= 2) assert.equal(((await fetch(null)).partitions as Tree[]).length, 1)
  }
})

test('OffsetFetch asks for several groups at once, each answered for itself', async () => {
  const world = new World({ offsetsTopicPartitions: 2 })
  await world.coordinator.becomeLeader(world.coordinator.coordinatorFor('here'), world.log)
  const groups = ['here', 'there', 'elsewhere', 'somewhere'].map(groupId => ({ groupId, topics: null }))
  const answer = await ask(world, offsetFetch, 8, { groups })
  const led = world.coordinator.coordinatorFor('here')
  assert.deepEqual(
    (answer.groups as Tree[]).map(({ groupId, errorCode }) => [groupId, errorCode]),
    groups.map(({ groupId }) => [groupId, world.coordinator.coordinatorFor(groupId) === led ? 0 : 16])
  )
})

test('FindCoordinator works in every version, and refuses what has no coordinator', async () => {
  const world = await World.start()
  for (const version of range(findCoordinator.versions)) {
    const request = version < 4 ? { key: 'group' } : { coordinatorKeys: ['group', 'other'] }
    const answer = await ask(world, findCoordinator, version, request)
    const found = version < 4 ? answer : at(answer.coordinators, 1)
    assert.deepEqual([found.nodeId, found.host, found.port, found.errorCode], [1, 'localhost', 9092, 0])
    if (version < 1) continue
    const refused = await ask(world, findCoordinator, version, { ...request, keyType: 1 })
    assert.equal((version < 4 ? refused : at(refused.coordinators)).errorCode, 53)
  }
})

test('DescribeGroups, ListGroups and DeleteGroups work in every version', async () => {
  for (const version of range(describeGroups.versions)) {
    const world = await World.start()
    const { memberId } = await joined(world, 9, 5)
    const described = await ask(world, describeGroups, version, { groups: ['group', 'nothing'] })
    const group = at(described.groups)
    assert.deepEqual([group.errorCode, group.groupState, group.protocolData], [0, 'Stable', 'range'])
    const member = at(group.members)
    assert.deepEqual([member.memberId, member.clientId, member.clientHost], [memberId, 'app', '/10.0.0.7'])
    assert.equal((member.memberAssignment as Buffer).toString(), 'mine')
    assert.equal(group.authorizedOperations, -2147483648)
    const unknown = at(described.groups, 1)
    assert.deepEqual([unknown.errorCode, unknown.groupState], [version >= 6 ? 69 : 0, 'Dead'])
    const listVersion = Math.min(version, listGroups.versions[1])
    const listed = await ask(world, listGroups, listVersion, {})
    assert.deepEqual([at(listed.groups).groupId, at(listed.groups).protocolType], ['group', 'consumer'])
    assert.equal(at(listed.groups).groupState, listVersion >= 4 ? 'Stable' : '')
    const deleted = await ask(world, deleteGroups, Math.min(version, 2), { groupsNames: ['group', 'nothing'] })
    assert.deepEqual(
      (deleted.results as Tree[]).map(({ errorCode }) => errorCode),
      [68, 69]
    )
  }
})

test('OffsetDelete answers place by place', async () => {
  const world = await World.start()
  await joined(world, 9, 5)
  const partitions = [{ partitionIndex: 0 }]
  const topics = ['orders', 'events'].map(name => ({ name, partitions }))
  const answer = await ask(world, offsetDelete, 0, { groupId: 'group', topics })
  assert.deepEqual(
    (answer.topics as Tree[]).map(topic => at(topic.partitions).errorCode),
    [86, 0]
  )
})

test('a request that fails as a whole can be answered in every version', () => {
  const handlers: [Handler<AnyApi>, Tree][] = [
    [findCoordinator, { coordinatorKeys: ['a'] }],
    [joinGroup, { memberId: 'm' }],
    [syncGroup, {}],
    [heartbeat, {}],
    [leaveGroup, {}],
    [offsetCommit, { topics: [{ name: 'a', topicId: 'orders-id-AAAAAAAAAAAA', partitions: [{ partitionIndex: 1 }] }] }],
    [offsetFetch, { topics: [{ name: 'a', partitionIndexes: [1] }], groups: [{ groupId: 'g' }] }],
    [describeGroups, { groups: ['g'] }],
    [listGroups, {}],
    [deleteGroups, { groupsNames: ['g'] }],
    [offsetDelete, {}]
  ]
  for (const [handler, request] of handlers)
    for (const version of range(handler.versions)) {
      const refused = handler.refuse(request, 'NOT_COORDINATOR', 'moved', version) as Tree
      const bytes = untyped(handler.api.response).encode(refused, version)
      const text = JSON.stringify(untyped(handler.api.response).decode(bytes, version))
      assert.match(text, /"errorCode":16/, `${handler.api.name} ${version}`)
    }
})
