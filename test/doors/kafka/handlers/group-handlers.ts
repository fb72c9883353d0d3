import type { Broker } from '../../../../src/broker/broker.ts'
import type { Handler, RequestContext } from '../../../../src/doors/kafka/handler.ts'
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
import type { GroupCoordinator } from '../../../../src/groups/coordinator.ts'

/** Every handler that asks only the group coordinator. */
export const groupHandlers: readonly Handler[] = [
  findCoordinator,
  joinGroup,
  syncGroup,
  heartbeat,
  leaveGroup,
  offsetCommit,
  offsetFetch,
  describeGroups,
  listGroups,
  deleteGroups,
  offsetDelete
]

/** A request's context on a broker that is nothing but its groups. */
export function contextOf(groups: GroupCoordinator, apiVersion: number, clientId = 'app'): RequestContext {
  return {
    broker: {
      groups,
      coordinatorOf: (groupId: string) => groups.find(groupId),
      lostLeaders: { settled: () => undefined }
    } as unknown as Broker,
    apiVersion,
    responseRoom: 1024 * 1024,
    reserve: () => () => {},
    clientId,
    clientSoftwareName: '',
    clientSoftwareVersion: '',
    clientHost: '10.0.0.7',
    connectionId: 1,
    localPort: 9092,
    onClose: () => () => undefined,
    introduce: () => undefined,
    fail: () => undefined
  }
}
