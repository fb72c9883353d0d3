import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GroupMember } from '../../src/client/group.ts'
import { keepingAlive, systemClock } from '../../src/run/system.ts'
import { FindCoordinator } from '../../src/wire/kafka/messages/find-coordinator.ts'
import { JoinGroup } from '../../src/wire/kafka/messages/join-group.ts'
import { LeaveGroup } from '../../src/wire/kafka/messages/leave-group.ts'
import { OffsetCommit } from '../../src/wire/kafka/messages/offset-commit.ts'
import { SyncGroup } from '../../src/wire/kafka/messages/sync-group.ts'
import { FakeBrokers } from './fake-broker.ts'

/** A group of one at a broker: it has joined as `m` in generation 3. */
async function joined() {
  const coordinator = { errorCode: 0, nodeId: 1, host: 'fake', port: 1 }
  const brokers = new FakeBrokers()
    .on(FindCoordinator, ({ coordinatorKeys }) => ({
      ...coordinator,
      coordinators: coordinatorKeys.map(key => ({ ...coordinator, key }))
    }))
    .on(JoinGroup, () => ({
      errorCode: 0,
      generationId: 3,
      protocolName: 'range',
      leader: 'other',
      memberId: 'm',
      members: []
    }))
    .on(SyncGroup, () => ({ errorCode: 0, assignment: Buffer.alloc(0) }))
    .on(LeaveGroup, () => ({ errorCode: 0, members: [] }))
  const cluster = brokers.cluster(systemClock)
  const member = new GroupMember(cluster, ['t'], { groupId: 'g' })
  return { brokers, cluster, member }
}

const offsets = [{ topic: 't', partition: 0, offset: 7 }]

describe('a member of a group', () => {
  it('commits as who it was when it was asked to, though it loses its place while that is tried again', async () => {
    const { brokers, cluster, member } = await joined()
    const asked: [string, number][] = []
    brokers.on(OffsetCommit, ({ memberId, generationIdOrMemberEpoch }) => {
      asked.push([memberId, generationIdOrMemberEpoch])
      if (asked.length > 1) return { topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: 0 }] }] }
      member.leave().catch(() => {})
      return 'hang up'
    })
    await member.join()
    // Nothing else does while it waits to be tried again.
    await keepingAlive(member.commit(offsets))
    assert.deepEqual(asked, [
      ['m', 3],
      ['m', 3]
    ])
    await assert.rejects(member.commit(offsets), { code: 'UNKNOWN_MEMBER_ID' })
    cluster.close()
  })
})
