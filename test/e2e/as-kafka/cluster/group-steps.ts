import { DeleteGroups } from '../../../../src/wire/kafka/messages/delete-groups.ts'
import { DescribeGroups } from '../../../../src/wire/kafka/messages/describe-groups.ts'
import { FindCoordinator } from '../../../../src/wire/kafka/messages/find-coordinator.ts'
import { Heartbeat } from '../../../../src/wire/kafka/messages/heartbeat.ts'
import { JoinGroup } from '../../../../src/wire/kafka/messages/join-group.ts'
import { LeaveGroup } from '../../../../src/wire/kafka/messages/leave-group.ts'
import { ListGroups } from '../../../../src/wire/kafka/messages/list-groups.ts'
import { OffsetCommit } from '../../../../src/wire/kafka/messages/offset-commit.ts'
import { OffsetDelete } from '../../../../src/wire/kafka/messages/offset-delete.ts'
import { OffsetFetch } from '../../../../src/wire/kafka/messages/offset-fetch.ts'
import { SyncGroup } from '../../../../src/wire/kafka/messages/sync-group.ts'
import { at, type Step, step } from '../step.ts'
import { nodes, topics } from './metadata-steps.ts'

const group = 'crew'
const topic = 'ring'

export const commit = (version: number, committedOffset: number) =>
  step('an offset', OffsetCommit, version, {
    groupId: group,
    generationIdOrMemberEpoch: -1,
    memberId: '',
    topics: [
      {
        name: topic,
        topicId: 'id of ring',
        partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: null }]
      }
    ]
  })
export const committed = (version: number) =>
  step('offsets', OffsetFetch, version, {
    ...(version < 8
      ? { groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }
      : { groups: [{ groupId: group, topics: [{ name: topic, topicId: 'id of ring', partitionIndexes: [0] }] }] })
  })

/** What brokers say of a group that they do not coordinate. */
const asked: readonly Step[] = [
  step('a member', JoinGroup, 9, {
    groupId: group,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }]
  }),
  step('of nobody', SyncGroup, 5, { groupId: group, generationId: 1, memberId: 'nobody', assignments: [] }),
  step('of nobody', Heartbeat, 4, { groupId: group, generationId: 1, memberId: 'nobody' }),
  step('of nobody', LeaveGroup, 5, { groupId: group, members: [{ memberId: 'nobody', groupInstanceId: null }] }),
  step('of nobody', LeaveGroup, 2, { groupId: group, memberId: 'nobody' }),
  commit(9, 7),
  commit(10, 7),
  commit(2, 7),
  committed(5),
  committed(7),
  committed(8),
  committed(9),
  committed(10),
  step('it', DescribeGroups, 4, { groups: [group] }),
  step('it', DescribeGroups, 6, { groups: [group] }),
  step('it', DeleteGroups, 2, { groupsNames: [group] }),
  step('offsets', OffsetDelete, 0, { groupId: group, topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }] })
]

export const groupSteps: readonly Step[] = [
  topics('topics', [topic]),
  ...nodes.flatMap(node =>
    [0, 3, 4, 6].map(version =>
      at(
        node,
        step(
          'of a group',
          FindCoordinator,
          version,
          version < 4 ? { key: group } : { coordinatorKeys: [group] },
          ...(version === 3 ? [{ why: 'no error, no words', from: 'NONE', to: '' }] : [])
        )
      )
    )
  ),
  ...asked.map(step => at({ notCoordinatorOf: group }, step)),
  at({ coordinatorOf: group }, commit(9, 5)),
  at({ coordinatorOf: group }, committed(9)),
  at({ coordinatorOf: group }, step('groups', ListGroups, 5, {})),
  at({ coordinatorOf: group }, step('it', DescribeGroups, 6, { groups: [group] }))
]
