/** More of what clients do to groups: see scenario.ts, after which it is played. */

import { DeleteGroups } from '../../src/wire/kafka/messages/delete-groups.ts'
import { DescribeGroups } from '../../src/wire/kafka/messages/describe-groups.ts'
import { Heartbeat } from '../../src/wire/kafka/messages/heartbeat.ts'
import { JoinGroup } from '../../src/wire/kafka/messages/join-group.ts'
import { LeaveGroup } from '../../src/wire/kafka/messages/leave-group.ts'
import { ListGroups } from '../../src/wire/kafka/messages/list-groups.ts'
import { OffsetCommit } from '../../src/wire/kafka/messages/offset-commit.ts'
import { OffsetDelete } from '../../src/wire/kafka/messages/offset-delete.ts'
import { OffsetFetch } from '../../src/wire/kafka/messages/offset-fetch.ts'
import { SyncGroup } from '../../src/wire/kafka/messages/sync-group.ts'
import type { Tree } from '../support/asking-client.ts'
import { metadata } from './harness.ts'
import { type Ask, sleep } from './scenario.ts'

const range = { name: 'range', metadata: metadata('orders') }
const sticky = { name: 'cooperative-sticky', metadata: metadata('orders') }
const member = {
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 5000,
  memberId: '',
  protocolType: 'consumer',
  protocols: [range]
}
const offset = { partitionIndex: 0, committedOffset: 1, committedMetadata: '' }

/** Topics orders and events have 8 partitions. */
export async function playMore(ask: Ask, orders: string, tell: (step: string, answer: unknown) => void): Promise<void> {
  const say: Ask = async (client, api, version, request) => {
    const answer = await ask(client, api, version, request)
    tell(`${stepName} (${api.name} ${version})`, answer)
    return answer
  }
  let stepName = ''
  const step = (name: string): Ask => {
    return (client, api, version, request) => {
      stepName = name
      return say(client, api, version, request)
    }
  }
  await connectors(ask, step, tell)
  await preferences(ask, step, tell)
  await staticMembers(ask, step, tell)
  await latecomers(ask, step, tell)
  await offsets(step, orders)
  await lists(step)
}

type Steps = (name: string) => Ask
type Tell = (step: string, answer: unknown) => void

/** Joins with a member id of its own: gives the request to join again with, and what it is in its generation. */
async function joined(ask: Ask, client: string, request: Tree): Promise<{ again: Tree; answer: Tree }> {
  const first = await ask(client, JoinGroup, 9, request)
  const again = { ...request, memberId: first.memberId }
  return { again, answer: await ask(client, JoinGroup, 9, again) }
}

function identity(groupId: string, { memberId, generationId }: Tree): Tree {
  return { groupId, memberId, generationId }
}

/** Starts one after the other, so that they arrive in that order, and waits for all. */
async function inOrder(...starts: (() => Promise<Tree>)[]): Promise<Tree[]> {
  const answers: Promise<Tree>[] = []
  for (const start of starts) {
    answers.push(start())
    await sleep(50)
  }
  return Promise.all(answers)
}

/** A group that is not of consumers, as Kafka Connect has them. */
async function connectors(ask: Ask, step: Steps, tell: Tell): Promise<void> {
  const protocols = [{ name: 'sessioned', metadata: Buffer.from('anything') }]
  const worker = { ...member, groupId: 'connect', protocolType: 'connect', protocols }
  const { answer } = await joined(ask, 'a', worker)
  tell('a worker joins', answer)
  const is = identity('connect', answer)
  const named = { protocolType: 'connect', protocolName: 'sessioned' }
  const assignments = [{ memberId: answer.memberId, assignment: Buffer.from('connectors') }]
  await step('a worker syncs')('a', SyncGroup, 5, { ...is, ...named, assignments })
  await step('a consumer joins workers')('b', JoinGroup, 9, { ...member, groupId: 'connect' })
  await step('a worker commits')('a', OffsetCommit, 9, {
    groupId: 'connect',
    memberId: is.memberId,
    generationIdOrMemberEpoch: is.generationId,
    topics: [{ name: 'orders', partitions: [offset] }]
  })
  await step('describe workers')('z', DescribeGroups, 6, { groups: ['connect'] })
  const places = [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }]
  await step('delete offsets of workers')('z', OffsetDelete, 0, { groupId: 'connect', topics: places })
  await step('a worker leaves, twice')('a', LeaveGroup, 5, {
    groupId: 'connect',
    members: [
      { memberId: is.memberId, groupInstanceId: null, reason: 'done' },
      { memberId: is.memberId, groupInstanceId: null, reason: null }
    ]
  })
  await step('nobody leaves')('a', LeaveGroup, 5, { groupId: 'connect', members: [] })
  await sleep(100)
  await step('a consumer joins what workers left')('b', JoinGroup, 3, { ...member, groupId: 'connect' })
  await step('describe what changed hands')('z', DescribeGroups, 6, { groups: ['connect'] })
}

/** Members vote for a protocol; one that only some offer is none. */
async function preferences(ask: Ask, step: Steps, tell: Tell): Promise<void> {
  const group = { ...member, groupId: 'votes', protocols: [sticky, range] }
  const pairs = await inOrder(
    () => ask('a', JoinGroup, 3, group),
    () => ask('b', JoinGroup, 3, group),
    () => ask('c', JoinGroup, 3, { ...group, protocols: [range, sticky] })
  )
  tell(
    'three vote',
    pairs.map(({ protocolName, generationId }) => ({ protocolName, generationId }))
  )
  const leader = pairs.find(({ leader: id, memberId }) => id === memberId) as Tree
  const others = pairs.filter(one => one !== leader)
  const is = (one: Tree) => identity('votes', one)
  const named = { protocolType: 'consumer', protocolName: 'cooperative-sticky' }
  const waiting = others.map((one, at) => ask(`${at}`, SyncGroup, 5, { ...is(one), ...named, assignments: [] }))
  await sleep(100)
  const assignments = [leader, ...others].map(({ memberId }) => ({ memberId, assignment: Buffer.from('some') }))
  await step('the leader shares out, also to nobody')('a', SyncGroup, 5, {
    ...is(leader),
    ...named,
    assignments: [...assignments.slice(1), { memberId: 'nobody', assignment: Buffer.from('lost') }]
  })
  tell('what the others got', await Promise.all(waiting))
  // A follower gives up one protocol: the group rebalances to the other.
  const only = { ...group, memberId: others[0].memberId, protocols: [range] }
  const changed = ask('b', JoinGroup, 9, only)
  await sleep(100)
  await step('heartbeat of the leader')('z', Heartbeat, 4, is(leader))
  const back = await Promise.all([
    changed,
    ...[leader, others[1]].map(({ memberId }, at) => ask(`${at}`, JoinGroup, 9, { ...group, memberId }))
  ])
  tell(
    'they agree on another protocol',
    back.map(({ protocolName, generationId, errorCode }) => ({ protocolName, generationId, errorCode }))
  )
  await step('a newcomer with what only some offer')('d', JoinGroup, 9, { ...group, protocols: [sticky] })
  await step('all leave at once')('z', LeaveGroup, 3, {
    groupId: 'votes',
    members: pairs.map(({ memberId }) => ({ memberId, groupInstanceId: null }))
  })
}

/** Members with an instance id that come back in the middle of things. */
async function staticMembers(ask: Ask, step: Steps, tell: Tell): Promise<void> {
  const still = { ...member, groupId: 'still' }
  const join = (client: string, instance: string, more: Tree = {}) =>
    ask(client, JoinGroup, 9, { ...still, groupInstanceId: instance, ...more })
  const [one, two] = await inOrder(
    () => join('a', 'i-1'),
    () => join('b', 'i-2')
  )
  tell(
    'two static members join',
    [one, two].map(({ errorCode, generationId }) => ({ errorCode, generationId }))
  )
  const [leader, follower] = one.leader === one.memberId ? [one, two] : [two, one]
  const instanceOf = (who: Tree) => (who === one ? 'i-1' : 'i-2')
  const named = { protocolType: 'consumer', protocolName: 'range' }
  const is = (who: Tree, memberId = who.memberId) => ({
    groupId: 'still',
    generationId: 1,
    memberId,
    groupInstanceId: instanceOf(who)
  })
  const waiting = ask('b', SyncGroup, 5, { ...is(follower), ...named, assignments: [] })
  await sleep(100)
  const assignments = [leader, follower].map(({ memberId }) => ({ memberId, assignment: Buffer.from('some') }))
  await step('the static leader shares out')('a', SyncGroup, 5, { ...is(leader), ...named, assignments })
  await waiting
  const back = await join('b', instanceOf(follower))
  tell('a static follower comes back', { ...back, members: (back.members as Tree[]).length })
  await step('the group is stable still')('a', Heartbeat, 4, is(leader))
  await step('it syncs under its new id')('b', SyncGroup, 5, {
    ...is(follower, back.memberId as string),
    ...named,
    assignments: []
  })
  const again = await join('a', instanceOf(leader))
  tell('the static leader comes back', { ...again, members: (again.members as Tree[]).length })
  await step('an instance id with the member id of another')('c', Heartbeat, 4, is(leader, back.memberId as string))
  await step('an instance id that nobody has')('c', Heartbeat, 4, { ...is(leader), groupInstanceId: 'i-9' })
  await step('it joins with a member id nobody has')('c', JoinGroup, 9, {
    ...still,
    groupInstanceId: 'i-9',
    memberId: 'made-up'
  })
  // It comes back with other protocols: the group has to share out anew.
  const renewing = join('b', instanceOf(follower), { protocols: [{ name: 'other', metadata: metadata('orders') }] })
  tell('a static follower comes back with what nobody offers', await renewing)
  await step('leave with the wrong member id')('z', LeaveGroup, 5, {
    groupId: 'still',
    members: [
      { memberId: 'nobody', groupInstanceId: 'i-1' },
      { memberId: 'nobody', groupInstanceId: null },
      { memberId: '', groupInstanceId: 'i-9' }
    ]
  })
  await step('delete a group of static members')('z', DeleteGroups, 2, { groupsNames: ['still', 'still'] })
  await step('both leave')('z', LeaveGroup, 5, {
    groupId: 'still',
    members: ['i-1', 'i-2'].map(groupInstanceId => ({ memberId: '', groupInstanceId }))
  })
  await sleep(100)
  await step('describe what they left')('z', DescribeGroups, 6, { groups: ['still'] })
}

/** A member that sends heartbeats and does not join again; ids that were given out and not used. */
async function latecomers(ask: Ask, step: Steps, tell: Tell): Promise<void> {
  const slow = { ...member, groupId: 'slow', rebalanceTimeoutMs: 800 }
  const first = await joined(ask, 'a', slow)
  const is = identity('slow', first.answer)
  const named = { protocolType: 'consumer', protocolName: 'range' }
  const assignments = [{ memberId: is.memberId, assignment: Buffer.from('all') }]
  await ask('a', SyncGroup, 5, { ...is, ...named, assignments })
  const pending = await ask('c', JoinGroup, 9, { ...slow, sessionTimeoutMs: 1000 })
  await step('an id is given out')('z', DescribeGroups, 5, { groups: ['slow'] })
  const second = await ask('b', JoinGroup, 9, slow)
  const joining = ask('b', JoinGroup, 9, { ...slow, memberId: second.memberId })
  await sleep(300)
  await step('the slow one is told to join')('a', Heartbeat, 4, is)
  await step('the pending one leaves')('c', LeaveGroup, 5, {
    groupId: 'slow',
    members: [{ memberId: pending.memberId, groupInstanceId: null }]
  })
  const answer = await joining
  tell('the other one joins without it', { ...answer, members: (answer.members as Tree[]).length })
  await step('the slow one is out')('a', Heartbeat, 4, is)
  await step('the slow one joins again')('a', JoinGroup, 9, first.again)
  await step('the pending id is used')('c', JoinGroup, 9, { ...slow, memberId: pending.memberId })
  // The new member never asks for its assignment: when the others have waited long enough it is out.
  await sleep(1500)
  await step('describe those that never synced')('z', DescribeGroups, 5, { groups: ['slow'] })
}

/** Offsets in requests that name things twice, not at all, or that make no sense. */
async function offsets(step: Steps, orders: string): Promise<void> {
  const simple = { groupId: 'odd', generationIdOrMemberEpoch: -1, memberId: '' }
  await step('commit nothing')('a', OffsetCommit, 9, { ...simple, topics: [] })
  await step('describe what nothing made')('z', DescribeGroups, 5, { groups: ['odd'] })
  await step('commit twice in a request')('a', OffsetCommit, 8, {
    ...simple,
    topics: [
      { name: 'orders', partitions: [offset, { ...offset, committedOffset: 2 }] },
      { name: 'orders', partitions: [{ ...offset, committedOffset: 3 }] }
    ]
  })
  await step('commit what makes no sense')('a', OffsetCommit, 8, {
    ...simple,
    topics: [
      {
        name: 'orders',
        partitions: [
          { ...offset, partitionIndex: -1 },
          { ...offset, partitionIndex: 1, committedOffset: -7, committedLeaderEpoch: -9 },
          { ...offset, partitionIndex: 2, committedMetadata: null }
        ]
      }
    ]
  })
  await step('commit with a member id to no group')('a', OffsetCommit, 8, {
    groupId: 'odder',
    generationIdOrMemberEpoch: -1,
    memberId: 'nobody',
    topics: [{ name: 'orders', partitions: [offset] }]
  })
  await step('commit by id, twice')('a', OffsetCommit, 10, {
    ...simple,
    topics: [
      { topicId: orders, partitions: [{ ...offset, partitionIndex: 3 }] },
      { topicId: orders, partitions: [{ ...offset, partitionIndex: 3, committedOffset: 9 }] },
      { topicId: orders, partitions: [{ ...offset, partitionIndex: 99 }] }
    ]
  })
  const partitionIndexes = [0, 1, 2, 3, 99, -1]
  for (const version of [1, 5, 7])
    await step('fetch what came of it')('a', OffsetFetch, version, {
      groupId: 'odd',
      topics: [{ name: 'orders', partitionIndexes }],
      requireStable: version >= 7
    })
  await step('fetch twice, of nothing, and of all')('a', OffsetFetch, 9, {
    groups: [
      { groupId: 'odd', topics: [{ name: 'orders', partitionIndexes: [0, 0] }] },
      { groupId: 'odd', topics: [] },
      { groupId: '', topics: null },
      { groupId: 'odd', topics: null }
    ],
    requireStable: true
  })
  await step('fetch of no group')('a', OffsetFetch, 8, { groups: [] })
  await step('fetch as a member that is none')('a', OffsetFetch, 9, {
    groups: [{ groupId: 'odd', memberId: 'nobody', memberEpoch: 3, topics: null }]
  })
  await step('fetch by id of what there is not')('a', OffsetFetch, 10, {
    groups: [
      {
        groupId: 'odd',
        topics: [
          { topicId: orders, partitionIndexes: [0, 99] },
          { topicId: orders, partitionIndexes: [3] }
        ]
      }
    ]
  })
  await step('delete offsets twice, and what there is not')('z', OffsetDelete, 0, {
    groupId: 'odd',
    topics: [
      { name: 'orders', partitions: [{ partitionIndex: 0 }, { partitionIndex: 0 }, { partitionIndex: 99 }] },
      { name: 'events', partitions: [{ partitionIndex: 0 }] },
      { name: '', partitions: [{ partitionIndex: 0 }] }
    ]
  })
  await step('delete no offsets')('z', OffsetDelete, 0, { groupId: 'odd', topics: [] })
  await step('delete offsets of a group without a name')('z', OffsetDelete, 0, { groupId: '', topics: [] })
  await step('delete no group')('z', DeleteGroups, 2, { groupsNames: [] })
  await step('delete a group twice')('z', DeleteGroups, 2, { groupsNames: ['odd', 'odd'] })
}

/** Filters of lists. */
async function lists(step: Steps): Promise<void> {
  for (const typesFilter of [['consumer'], ['CLASSIC'], ['share'], ['nothing']])
    await step(`list ${typesFilter}`)('z', ListGroups, 5, { statesFilter: ['Dead'], typesFilter })
  await step('list an unknown state')('z', ListGroups, 4, { statesFilter: ['nothing'] })
  await step('describe nothing')('z', DescribeGroups, 6, { groups: [] })
  await step('describe a group without a name')('z', DescribeGroups, 6, { groups: ['', ''] })
}
