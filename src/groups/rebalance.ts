import type { Reply, Turn } from '../statelog/turn.ts'
import type { ErrorCode } from '../std/errors.ts'
import type { ClassicGroup } from './group.ts'
import {
  emptyAssignment,
  type GroupMember,
  type JoinResponse,
  type MemberProtocol,
  refusedJoin,
  refusedSync,
  type SyncResponse
} from './member.ts'
import { groupRecord } from './records.ts'
import type { GroupsState } from './state.ts'

/** A new member can't send heartbeats before it has its id: it is given up when its join has waited this long. */
const newMemberJoinTimeoutMs = 5 * 60 * 1000

/** Expects the next sign of life within the member's session time-out. */
export function armSession(member: GroupMember): void {
  member.session.arm(member.sessionTimeoutMs)
}

/** A newcomer: it joins the round in progress, or begins one. */
export function addMember(
  state: GroupsState,
  turn: Turn,
  group: ClassicGroup,
  member: GroupMember,
  reply: Reply<JoinResponse>
): void {
  member.isNew = true
  member.joinReply = reply
  if (group.phase === 'PreparingRebalance' && group.previousPhase === 'Empty') group.newMemberAdded = true
  group.add(member)
  member.session.arm(newMemberJoinTimeoutMs)
  rebalanceOrComplete(state, turn, group, `member ${member.id} joins`)
}

/** A known member joins again, with what it says now. */
export function rejoinMember(
  state: GroupsState,
  turn: Turn,
  group: ClassicGroup,
  member: GroupMember,
  request: {
    readonly protocols: readonly MemberProtocol[]
    readonly rebalanceTimeoutMs: number
    readonly sessionTimeoutMs: number
  },
  reply: Reply<JoinResponse>,
  reason: string
): void {
  takeJoin(turn, group, member, request, reply)
  rebalanceOrComplete(state, turn, group, reason)
}

/** Parks a member's join; a join that it had sent before is overtaken. */
export function takeJoin(
  turn: Turn,
  group: ClassicGroup,
  member: GroupMember,
  request: {
    readonly protocols: readonly MemberProtocol[]
    readonly rebalanceTimeoutMs: number
    readonly sessionTimeoutMs: number
  },
  reply: Reply<JoinResponse>
): void {
  group.answerJoin(turn, member, refusedJoin('REBALANCE_IN_PROGRESS', member.id))
  group.update(member, request.protocols)
  member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
  member.sessionTimeoutMs = request.sessionTimeoutMs
  group.park(member, reply)
}

export function rebalanceOrComplete(state: GroupsState, turn: Turn, group: ClassicGroup, reason: string): void {
  if (group.canRebalance) prepareRebalance(state, turn, group, reason)
  else completeIfJoined(state, turn, group)
}

/** Asks all members to join again. An empty group first waits for others that are about to join. */
export function prepareRebalance(state: GroupsState, turn: Turn, group: ClassicGroup, reason: string): void {
  if (group.phase === 'CompletingRebalance')
    for (const member of group.members.values()) {
      member.assignment = emptyAssignment
      if (refuseSync(turn, member, 'REBALANCE_IN_PROGRESS')) armSession(member)
    }
  group.pendingSync.clear()
  group.timers.sync.cancel()
  const initial = group.phase === 'Empty'
  group.enter('PreparingRebalance', state.nowMs)
  state.environment.logger.info({ group: group.id, generation: group.generation, reason }, 'group begins a rebalance')
  if (initial) {
    const delayMs = state.config.initialRebalanceDelayMs
    group.newMemberAdded = false
    waitForMore(group, delayMs, Math.max(group.rebalanceTimeoutMs - delayMs, 0))
  } else if (group.allJoined) completeJoin(state, turn, group)
  else group.timers.join.arm(group.rebalanceTimeoutMs)
}

/** Completes the round early, once nobody is missing; the first round of a group always waits for its delay. */
export function completeIfJoined(state: GroupsState, turn: Turn, group: ClassicGroup): void {
  if (group.phase === 'PreparingRebalance' && !group.initialWait && group.allJoined) completeJoin(state, turn, group)
}

/** The group's join timer fired: the wait for newcomers, or the rebalance time-out, is over. */
export function joinDue(state: GroupsState, turn: Turn, group: ClassicGroup): void {
  const wait = group.initialWait
  if (wait && group.newMemberAdded && wait.remainingMs > 0) {
    group.newMemberAdded = false
    const delayMs = Math.min(state.config.initialRebalanceDelayMs, wait.remainingMs)
    waitForMore(group, delayMs, Math.max(wait.remainingMs - wait.delayMs, 0))
  } else completeJoin(state, turn, group)
}

function waitForMore(group: ClassicGroup, delayMs: number, remainingMs: number): void {
  group.initialWait = { delayMs, remainingMs }
  group.timers.join.arm(delayMs)
}

/** Begins the next generation with those who joined; static members may be late, others are removed. */
function completeJoin(state: GroupsState, turn: Turn, group: ClassicGroup): void {
  group.timers.join.cancel()
  group.initialWait = undefined
  const { logger } = state.environment
  const late = [...group.members.values()].filter(member => !member.joinReply && member.instanceId === null)
  for (const member of late) group.remove(member.id)
  if (late.length > 0)
    logger.info({ group: group.id, members: late.map(member => member.id) }, 'removed members that did not rejoin')
  if (group.members.size > 0 && !group.electJoinedLeader()) {
    // Only static members, none of them here: they keep their places until their sessions end.
    group.timers.join.arm(group.rebalanceTimeoutMs)
    return
  }
  group.beginGeneration(state.nowMs)
  if (group.phase === 'Empty') {
    turn.write(
      groupRecord(
        group.id,
        group.snapshot(() => emptyAssignment)
      )
    )
    logger.info({ group: group.id, generation: group.generation }, 'group is empty now')
    return
  }
  logger.info({ group: group.id, generation: group.generation, members: group.members.size }, 'group has joined')
  for (const member of group.members.values()) {
    group.answerJoin(turn, member, currentGeneration(group, member))
    armSession(member)
    member.isNew = false
    group.pendingSync.add(member.id)
  }
  group.timers.sync.arm(group.rebalanceTimeoutMs)
}

/** What a member is told about the generation that it belongs to. */
export function currentGeneration(group: ClassicGroup, member: GroupMember): JoinResponse {
  return {
    generationId: group.generation,
    protocolType: group.protocolType ?? null,
    protocolName: group.protocolName,
    leader: group.leaderId ?? '',
    skipAssignment: false,
    memberId: member.id,
    members: group.leaderId === member.id ? group.roster() : []
  }
}

/** Answers the member's parked sync; false when it has none. */
export function answerSync(turn: Turn, member: GroupMember, response: SyncResponse): boolean {
  if (!member.syncReply) return false
  turn.answer(member.syncReply, response)
  member.syncReply = undefined
  return true
}

export function refuseSync(turn: Turn, member: GroupMember, error: ErrorCode): boolean {
  return answerSync(turn, member, refusedSync(error))
}

/** Takes a member out for good; its client, if it is still there, learns that it has to join anew. */
export function removeMember(turn: Turn, group: ClassicGroup, member: GroupMember): void {
  group.answerJoin(turn, member, refusedJoin('UNKNOWN_MEMBER_ID', ''))
  refuseSync(turn, member, 'UNKNOWN_MEMBER_ID')
  group.remove(member.id)
}

/** Members have gone: the others share out again, or stop waiting for them. */
export function afterLeaving(state: GroupsState, turn: Turn, group: ClassicGroup, reason: string): void {
  if (group.phase === 'Stable' || group.phase === 'CompletingRebalance') prepareRebalance(state, turn, group, reason)
  else completeIfJoined(state, turn, group)
}

/** The session timer of a member, or of an id that was given out, fired. */
export function expireSession(state: GroupsState, turn: Turn, group: ClassicGroup, memberId: string): void {
  if (group.pending.has(memberId)) {
    group.remove(memberId)
    completeIfJoined(state, turn, group)
    return
  }
  const member = group.members.get(memberId)
  if (!member || member.excusedFromHeartbeat) return
  state.environment.logger.info({ group: group.id, member: memberId }, 'removed a member whose session ended')
  removeMember(turn, group, member)
  afterLeaving(state, turn, group, `the session of member ${memberId} ended`)
}

/** Members that joined and never asked for their assignment hold everybody up: they go. */
export function expireSync(state: GroupsState, turn: Turn, group: ClassicGroup): void {
  if (group.phase !== 'CompletingRebalance' && group.phase !== 'Stable') return
  const silent = [...group.pendingSync]
  if (silent.length === 0) return
  for (const memberId of silent) {
    const member = group.members.get(memberId)
    if (member) removeMember(turn, group, member)
  }
  prepareRebalance(state, turn, group, `members did not sync: ${silent.join(', ')}`)
}

/** A member asked for its assignment; when all have, nobody needs to be waited for. */
export function hasSynced(group: ClassicGroup, memberId: string): void {
  group.pendingSync.delete(memberId)
  if (group.pendingSync.size === 0) group.timers.sync.cancel()
}
