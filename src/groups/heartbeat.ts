import { NaruError } from '../std/errors.ts'
import { armSession } from './rebalance.ts'
import type { GroupsState } from './state.ts'

export interface HeartbeatRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

/** Heartbeat: keeps the member's session, and tells it with REBALANCE_IN_PROGRESS that it has to join again. */
export function heartbeat(state: GroupsState, request: HeartbeatRequest): void {
  const group = state.groups.get(request.groupId)
  if (!group) throw new NaruError('UNKNOWN_MEMBER_ID')
  const member = group.validated(request.memberId, request.groupInstanceId)
  if (request.generationId !== group.generation) throw new NaruError('ILLEGAL_GENERATION')
  armSession(member)
  if (group.phase === 'PreparingRebalance') throw new NaruError('REBALANCE_IN_PROGRESS')
}
