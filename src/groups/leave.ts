import type { Turn } from '../statelog/turn.ts'
import { type ErrorCode, NaruError } from '../std/errors.ts'
import type { ClassicGroup } from './group.ts'
import { afterLeaving, removeMember } from './rebalance.ts'
import type { GroupsState } from './state.ts'

export interface LeaveRequest {
  readonly groupId: string
  readonly members: readonly {
    /** Empty to remove a static member by its instance id. */
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly reason: string | null
  }[]
}

export interface LeaveResponse {
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly error?: ErrorCode
  }[]
}

/** LeaveGroup: each member is answered for itself; one rebalance follows for all that left. */
export function leave(state: GroupsState, turn: Turn, request: LeaveRequest): LeaveResponse {
  const group = state.groups.get(request.groupId)
  const members = request.members.map(({ memberId, groupInstanceId }) => {
    const error = group ? removeOne(turn, group, memberId, groupInstanceId) : 'UNKNOWN_MEMBER_ID'
    return { memberId, groupInstanceId, error }
  })
  const reasons = request.members.map(({ memberId, groupInstanceId, reason }) => {
    return `${memberId || groupInstanceId}${reason ? ` (${reason})` : ''}`
  })
  if (group && members.some(({ error }) => error === undefined))
    afterLeaving(state, turn, group, `left: ${reasons.join(', ')}`)
  return { members }
}

function removeOne(turn: Turn, group: ClassicGroup, id: string, instanceId: string | null): ErrorCode | undefined {
  if (group.pending.has(id)) {
    group.remove(id)
    return undefined
  }
  const memberId = id === '' && instanceId !== null ? (group.memberOfInstance(instanceId) ?? '') : id
  try {
    removeMember(turn, group, group.validated(memberId, instanceId))
    return undefined
  } catch (error) {
    if (error instanceof NaruError) return error.code
    throw error
  }
}
