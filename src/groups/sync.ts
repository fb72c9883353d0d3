import type { Reply, Turn } from '../statelog/turn.ts'
import { NaruError } from '../std/errors.ts'
import type { ClassicGroup } from './group.ts'
import { emptyAssignment, type GroupMember, type SyncResponse } from './member.ts'
import { answerSync, armSession, hasSynced, refuseSync } from './rebalance.ts'
import { groupRecord } from './records.ts'
import type { GroupsState } from './state.ts'

export interface SyncRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** Null before version 5: not checked. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  /** From the leader only. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

/**
 * SyncGroup: the leader brings the assignments, the others wait for it. They are kept in one record; its replay makes
 * the group Stable, and everybody who waits is answered when it is committed.
 */
export function sync(state: GroupsState, turn: Turn, reply: Reply<SyncResponse>, request: SyncRequest): void {
  const group = state.groups.get(request.groupId)
  if (!group || group.phase === 'Empty') throw new NaruError('UNKNOWN_MEMBER_ID')
  const member = group.validated(request.memberId, request.groupInstanceId)
  if (request.generationId !== group.generation) throw new NaruError('ILLEGAL_GENERATION')
  if (differs(request.protocolType, group.protocolType) || differs(request.protocolName, group.protocolName))
    throw new NaruError('INCONSISTENT_GROUP_PROTOCOL')
  if (group.phase === 'PreparingRebalance') throw new NaruError('REBALANCE_IN_PROGRESS')
  hasSynced(group, member.id)
  if (group.phase === 'Stable') {
    turn.answer(reply, assigned(group, member.assignment))
    return
  }
  let bytes = 0
  for (const { assignment } of request.assignments) bytes += assignment.length
  if (bytes > state.config.groupBytesMax)
    throw new NaruError('INVALID_REQUEST', `The plan has ${bytes} bytes, above naru.group.bytes.max.`)
  refuseSync(turn, member, 'REBALANCE_IN_PROGRESS')
  member.syncReply = reply
  if (group.leaderId === member.id) distribute(turn, group, request.assignments)
}

function distribute(turn: Turn, group: ClassicGroup, assignments: SyncRequest['assignments']): void {
  const byMember = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]))
  const assignmentOf = (member: GroupMember): Buffer => byMember.get(member.id) ?? emptyAssignment
  turn.write(groupRecord(group.id, group.snapshot(assignmentOf)))
  for (const member of group.members.values())
    if (answerSync(turn, member, assigned(group, assignmentOf(member)))) armSession(member)
}

function assigned(group: ClassicGroup, assignment: Buffer): SyncResponse {
  return { protocolType: group.protocolType ?? null, protocolName: group.protocolName, assignment }
}

function differs(asked: string | null, actual: string | null | undefined): boolean {
  return asked !== null && actual !== null && actual !== undefined && asked !== actual
}
