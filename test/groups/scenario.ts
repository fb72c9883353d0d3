/** What clients do to groups, request by request, for comparing brokers: see as-kafka.test.ts. */

import type { Api } from '../../src/schema/message.ts'
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

/** Sends one request of a version as one client (a connection each) and gives the answer. */
export type Ask = (client: string, api: Api, version: number, request: Tree) => Promise<Tree>

/** Broker settings that the scenario counts on, by Kafka's names. */
export const settings = {
  'group.initial.rebalance.delay.ms': '300',
  'group.min.session.timeout.ms': '1000',
  'group.max.session.timeout.ms': '60000',
  'group.max.size': '3',
  'offset.metadata.max.bytes': '20'
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Runs everything; `tell` hears each answer in the order of the scenario. Topics orders and events have 8 partitions. */
export async function play(ask: Ask, orders: string, tell: (step: string, answer: unknown) => void): Promise<void> {
  const say = async (step: string, client: string, api: Api, version: number, request: Tree): Promise<Tree> => {
    const answer = await ask(client, api, version, request)
    tell(`${step} (${api.name} ${version})`, answer)
    return answer
  }
  const protocols = [{ name: 'range', metadata: metadata('orders') }]
  const member = {
    groupId: 'group',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 5000,
    memberId: '',
    protocolType: 'consumer',
    protocols
  }
  const offset = { partitionIndex: 0, committedOffset: 1, committedMetadata: '' }
  const orders0 = [{ name: 'orders', partitions: [offset] }]
  const simple = { groupId: 'simple', generationIdOrMemberEpoch: -1, memberId: '' }

  // Refused at the door.
  await say('join without a group id', 'a', JoinGroup, 9, { ...member, groupId: '' })
  await say('join with too short a session', 'a', JoinGroup, 9, { ...member, sessionTimeoutMs: 999 })
  await say('join with too long a session', 'a', JoinGroup, 9, { ...member, sessionTimeoutMs: 60_001 })
  await say('join an unknown group with a member id', 'a', JoinGroup, 9, { ...member, memberId: 'made-up' })
  await say('join without protocols', 'a', JoinGroup, 9, { ...member, groupId: 'bare', protocols: [] })
  await say('join without a protocol type', 'a', JoinGroup, 9, { ...member, groupId: 'bare', protocolType: '' })
  const nobody = { groupId: 'nothing', generationId: 1, memberId: 'nobody' }
  const range = { protocolType: 'consumer', protocolName: 'range', assignments: [] }
  for (const version of [0, 4]) await say('heartbeat to an unknown group', 'a', Heartbeat, version, nobody)
  await say('heartbeat without a group id', 'a', Heartbeat, 4, { ...nobody, groupId: '' })
  await say('sync with an unknown group', 'a', SyncGroup, 5, { ...nobody, ...range })
  await say('sync without a group id', 'a', SyncGroup, 5, { ...nobody, ...range, groupId: '' })
  await say('sync without a protocol', 'a', SyncGroup, 5, { ...nobody, assignments: [] })
  await say('leave an unknown group', 'a', LeaveGroup, 2, nobody)
  const nobodies = [
    { memberId: 'nobody', groupInstanceId: null },
    { memberId: '', groupInstanceId: 'i-9' }
  ]
  await say('leave an unknown group', 'a', LeaveGroup, 5, { groupId: 'nothing', members: nobodies })
  await say('leave without a group id', 'a', LeaveGroup, 5, { groupId: '', members: nobodies })

  // A group forms.
  const first = await say('join as a newcomer', 'a', JoinGroup, 9, member)
  await say('describe with a pending member', 'z', DescribeGroups, 5, { groups: ['group'] })
  const a = { ...member, memberId: first.memberId }
  const aJoined = await say('join again with the id', 'a', JoinGroup, 9, a)
  const aIs = { groupId: 'group', generationId: aJoined.generationId, memberId: first.memberId }
  await say('describe between join and sync', 'z', DescribeGroups, 5, { groups: ['group'] })
  await say('join again unchanged before the sync', 'a', JoinGroup, 9, a)
  await say('heartbeat before the sync', 'a', Heartbeat, 4, aIs)
  const aCommits = { groupId: 'group', memberId: aIs.memberId, generationIdOrMemberEpoch: 1, topics: orders0 }
  await say('commit before the sync', 'a', OffsetCommit, 9, aCommits)
  await say('join with another protocol type', 'b', JoinGroup, 9, { ...member, protocolType: 'connect' })
  await say('join with no protocol in common', 'b', JoinGroup, 9, {
    ...member,
    protocols: [{ name: 'sticky', metadata: metadata('orders') }]
  })
  const aSync = { ...aIs, protocolType: 'consumer', protocolName: 'range', assignments: [] }
  await say('sync with another generation', 'a', SyncGroup, 5, { ...aSync, generationId: 2 })
  await say('sync as nobody', 'a', SyncGroup, 5, { ...aSync, memberId: 'nobody' })
  await say('sync with another protocol type', 'a', SyncGroup, 5, { ...aSync, protocolType: 'connect' })
  await say('sync with another protocol', 'a', SyncGroup, 5, { ...aSync, protocolName: 'sticky' })
  const toA = [{ memberId: aIs.memberId, assignment: Buffer.from('for a') }]
  await say('sync as the leader', 'a', SyncGroup, 5, { ...aSync, assignments: toA })
  await say('sync again', 'a', SyncGroup, 5, aSync)
  await say('sync again in an old version', 'a', SyncGroup, 0, aSync)
  await say('heartbeat', 'a', Heartbeat, 4, aIs)
  await say('heartbeat of another generation', 'a', Heartbeat, 4, { ...aIs, generationId: 7 })
  await say('heartbeat as nobody', 'a', Heartbeat, 4, { ...aIs, memberId: 'nobody' })
  await say('heartbeat with an instance id', 'a', Heartbeat, 4, { ...aIs, groupInstanceId: 'i-9' })
  for (const version of [0, 4, 5, 6])
    await say('describe', 'z', DescribeGroups, version, {
      groups: ['group', 'nothing'],
      includeAuthorizedOperations: false
    })

  // Offsets of a member.
  await say('commit', 'a', OffsetCommit, 9, {
    ...aCommits,
    topics: [{ name: 'orders', partitions: [{ ...offset, committedLeaderEpoch: 4, committedMetadata: 'hello' }] }]
  })
  await say('commit by topic id', 'a', OffsetCommit, 10, {
    ...aCommits,
    topics: [
      { topicId: orders, partitions: [{ ...offset, partitionIndex: 1, committedOffset: 11 }] },
      { topicId: 'unknown-id-AAAAAAAAAAA', partitions: [offset] }
    ]
  })
  await say('commit of another generation', 'a', OffsetCommit, 9, { ...aCommits, generationIdOrMemberEpoch: 7 })
  await say('commit as nobody', 'a', OffsetCommit, 9, { ...aCommits, memberId: 'nobody' })
  await say('commit without membership to a group with members', 'a', OffsetCommit, 9, {
    ...simple,
    groupId: 'group',
    topics: orders0
  })
  await say('commit with an instance id', 'a', OffsetCommit, 9, { ...aCommits, groupInstanceId: 'i-9' })
  for (const version of [8, 9])
    await say('commit to an unknown group with a generation', 'a', OffsetCommit, version, {
      ...aCommits,
      groupId: 'nothing'
    })
  await say('commit to a group without a name', 'a', OffsetCommit, 9, { ...simple, groupId: '', topics: orders0 })
  await say('commit some that fail', 'a', OffsetCommit, 8, {
    ...simple,
    topics: [
      {
        name: 'orders',
        partitions: [
          offset,
          { ...offset, partitionIndex: 8 },
          { ...offset, partitionIndex: 1, committedMetadata: 'x'.repeat(21) }
        ]
      },
      { name: 'nowhere', partitions: [offset] }
    ]
  })
  await say('commit only what does not exist', 'a', OffsetCommit, 8, {
    ...simple,
    groupId: 'nothing',
    generationIdOrMemberEpoch: 5,
    topics: [{ name: 'nowhere', partitions: [offset] }]
  })
  await say('commit nothing', 'a', OffsetCommit, 8, { ...simple, groupId: 'empty', topics: [] })
  await say('commit -2 and null metadata', 'a', OffsetCommit, 2, {
    ...simple,
    topics: [{ name: 'events', partitions: [{ ...offset, committedOffset: -2, committedMetadata: null }] }]
  })
  const ask1 = [{ name: 'orders', partitionIndexes: [0, 1, 7, 99] }]
  for (const version of [1, 2, 5, 7]) await say('fetch', 'a', OffsetFetch, version, { groupId: 'group', topics: ask1 })
  await say('fetch everything', 'a', OffsetFetch, 7, { groupId: 'group', topics: null, requireStable: true })
  await say('fetch nothing', 'a', OffsetFetch, 7, { groupId: 'group', topics: [] })
  await say('fetch an unknown group', 'a', OffsetFetch, 7, { groupId: 'nothing', topics: ask1 })
  await say('fetch everything of an unknown group', 'a', OffsetFetch, 7, { groupId: 'nothing', topics: null })
  await say('fetch from several groups', 'a', OffsetFetch, 9, {
    groups: [
      { groupId: 'group', topics: ask1 },
      { groupId: 'simple', topics: null },
      { groupId: 'nothing', topics: [{ name: 'nowhere', partitionIndexes: [0] }] }
    ]
  })
  await say('fetch by topic id', 'a', OffsetFetch, 10, {
    groups: [
      {
        groupId: 'group',
        topics: [
          { topicId: orders, partitionIndexes: [1] },
          { topicId: 'unknown-id-AAAAAAAAAAA', partitionIndexes: [0] }
        ]
      },
      { groupId: 'group', topics: null }
    ]
  })

  // A second member, and a third.
  const second = await say('join as a second member', 'b', JoinGroup, 5, member)
  const b = { ...member, memberId: second.memberId }
  const bJoining = say('a second member joins', 'b', JoinGroup, 5, b)
  await sleep(100)
  await say('heartbeat during the rebalance', 'a', Heartbeat, 4, aIs)
  await say('commit during the rebalance', 'a', OffsetCommit, 9, aCommits)
  await say('sync during the rebalance', 'a', SyncGroup, 5, aSync)
  await say('describe during the rebalance', 'z', DescribeGroups, 5, { groups: ['group'] })
  await say('delete during the rebalance', 'z', DeleteGroups, 2, { groupsNames: ['group'] })
  const aAgain = await ask('a', JoinGroup, 9, a)
  const bJoined = await bJoining
  tell('the first member joins', { ...aAgain, members: sorted(aAgain.members) })
  const gen2 = { groupId: 'group', generationId: 2, protocolType: 'consumer', protocolName: 'range' }
  const bSync = say('the second member syncs', 'b', SyncGroup, 5, {
    ...gen2,
    memberId: second.memberId,
    assignments: []
  })
  await sleep(100)
  const toBoth = [...toA, { memberId: second.memberId, assignment: Buffer.from('for b') }]
  const leads = bJoined.leader === second.memberId
  if (leads) throw new Error('the second member leads')
  const aSynced = await ask('a', SyncGroup, 5, { ...gen2, memberId: aIs.memberId, assignments: toBoth })
  await bSync
  tell('the first member syncs', aSynced)
  await say('a follower joins again unchanged', 'b', JoinGroup, 7, b)
  const third = await ask('c', JoinGroup, 3, { ...member, sessionTimeoutMs: 1000, memberId: 'made-up' })
  tell('join with a made-up id', third)
  await say('delete a group with members', 'z', DeleteGroups, 2, { groupsNames: ['group', 'nothing', ''] })
  const places = [
    { name: 'orders', partitions: [{ partitionIndex: 0 }] },
    { name: 'events', partitions: [{ partitionIndex: 0 }] },
    { name: 'nowhere', partitions: [{ partitionIndex: 0 }] }
  ]
  await say('delete offsets of a group with members', 'z', OffsetDelete, 0, { groupId: 'group', topics: places })
  await say('delete offsets of an unknown group', 'z', OffsetDelete, 0, { groupId: 'nothing', topics: places })

  // They leave.
  await say('leave as nobody', 'b', LeaveGroup, 2, { groupId: 'group', memberId: 'nobody' })
  await say('leave', 'b', LeaveGroup, 2, { groupId: 'group', memberId: second.memberId })
  await say('heartbeat after another left', 'a', Heartbeat, 4, { ...aIs, generationId: 2 })
  await say('leave in a batch', 'a', LeaveGroup, 5, {
    groupId: 'group',
    members: [{ memberId: aIs.memberId, groupInstanceId: null }, ...nobodies]
  })
  await sleep(100)
  await say('describe an empty group', 'z', DescribeGroups, 5, { groups: ['group'] })
  await say('heartbeat to an empty group', 'a', Heartbeat, 4, { ...aIs, generationId: 2 })
  await say('sync with an empty group', 'a', SyncGroup, 5, { ...aSync, generationId: 2 })
  await say('commit as a former member', 'a', OffsetCommit, 9, { ...aCommits, generationIdOrMemberEpoch: 2 })
  await say('commit without membership to an empty group', 'a', OffsetCommit, 9, {
    ...simple,
    groupId: 'group',
    topics: orders0
  })
  await say('delete offsets of an empty group', 'z', OffsetDelete, 0, { groupId: 'group', topics: places.slice(0, 2) })
  const listed = await ask('z', ListGroups, 5, { statesFilter: ['Empty'], typesFilter: ['classic'] })
  const names = ['group', 'simple']
  tell('list', (listed.groups as Tree[]).filter(({ groupId }) => names.includes(groupId as string)).sort(by('groupId')))
  await say('list what there is none of', 'z', ListGroups, 5, { statesFilter: ['stable'], typesFilter: [] })
  await say('delete', 'z', DeleteGroups, 2, { groupsNames: ['group', 'simple'] })
  await say('delete again', 'z', DeleteGroups, 2, { groupsNames: ['group'] })
  await say('fetch from a deleted group', 'a', OffsetFetch, 7, { groupId: 'simple', topics: null })

  // Static members.
  const still = { ...member, groupId: 'static', groupInstanceId: 'i-1' }
  const s1 = await say('a static member joins', 'a', JoinGroup, 9, still)
  const s1Is = { groupId: 'static', generationId: 1, memberId: s1.memberId, groupInstanceId: 'i-1' }
  const named = { protocolType: 'consumer', protocolName: 'range' }
  const s1Sync = { ...s1Is, ...named, assignments: [{ memberId: s1.memberId, assignment: Buffer.from('for i-1') }] }
  await say('a static member syncs', 'a', SyncGroup, 5, s1Sync)
  const s2 = await say('it comes back without its id', 'b', JoinGroup, 9, still)
  const s2Is = { ...s1Is, memberId: s2.memberId }
  await say('it comes back in an older version', 'c', JoinGroup, 8, still)
  const s3 = await ask('c', DescribeGroups, 5, { groups: ['static'] })
  tell('describe static members', s3)
  await say('a fenced member sends a heartbeat', 'b', Heartbeat, 4, s2Is)
  await say('a fenced member syncs', 'b', SyncGroup, 5, { ...s2Is, ...named, assignments: [] })
  await say('a fenced member joins', 'b', JoinGroup, 9, { ...still, memberId: s2.memberId })
  await say('a fenced member commits', 'b', OffsetCommit, 9, { ...s2Is, generationIdOrMemberEpoch: 1, topics: orders0 })
  await say('a fenced member leaves', 'b', LeaveGroup, 5, { groupId: 'static', members: [s2Is] })
  await say('an administrator removes it', 'z', LeaveGroup, 5, {
    groupId: 'static',
    members: [{ memberId: '', groupInstanceId: 'i-1' }]
  })

  // Limits and time-outs.
  const small = { ...member, groupId: 'full', sessionTimeoutMs: 1500, rebalanceTimeoutMs: 1500 }
  const crowd = await Promise.all(['a', 'b', 'c'].map(client => ask(client, JoinGroup, 3, small)))
  tell(
    'three join at once',
    crowd.map(({ errorCode, generationId }) => ({ errorCode, generationId }))
  )
  await say('one too many', 'd', JoinGroup, 3, small)
  const leader = crowd.find(({ leader: id, memberId }) => id === memberId) as Tree
  const full = { groupId: 'full', generationId: 1 }
  const everyone = crowd.map(({ memberId }) => ({ memberId, assignment: Buffer.from('some') }))
  await ask('a', SyncGroup, 3, { ...full, memberId: leader.memberId, assignments: everyone })
  for (let at = 0; at < 5; at++) {
    await sleep(500)
    await ask('a', Heartbeat, 3, { ...full, memberId: leader.memberId })
  }
  await say('heartbeat when others were silent', 'a', Heartbeat, 3, { ...full, memberId: leader.memberId })
  const last = await ask('a', JoinGroup, 3, { ...small, memberId: leader.memberId })
  tell('join when others were silent', { ...last, members: (last.members as Tree[]).length })
  await sleep(2200)
  await say('heartbeat after its own session ended', 'a', Heartbeat, 3, {
    ...full,
    generationId: 2,
    memberId: leader.memberId
  })
  await say('describe what is left', 'z', DescribeGroups, 5, { groups: ['full'] })
}

function by(key: string): (a: Tree, b: Tree) => number {
  return (a, b) => (String(a[key]) < String(b[key]) ? -1 : 1)
}

function sorted(members: unknown): Tree[] {
  return [...(members as Tree[])].sort(by('memberId'))
}
