import type { Reply, Turn } from '../statelog/turn.ts'
import { NaruError } from '../std/errors.ts'
import { randomUuid } from '../std/random.ts'
import type { ClassicGroup } from './group.ts'
import {
  bytesOf,
  emptyAssignment,
  type GroupMember,
  type JoinResponse,
  type MemberProtocol,
  refusedJoin
} from './member.ts'
import {
  addMember,
  armSession,
  completeIfJoined,
  currentGeneration,
  expireSession,
  prepareRebalance,
  rejoinMember,
  takeJoin
} from './rebalance.ts'
import { groupRecord } from './records.ts'
import type { GroupsState } from './state.ts'

export interface JoinRequest {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  /** How long the member may take to join again; -1 (version 0) stands for its session time-out. */
  readonly rebalanceTimeoutMs: number
  /** Empty for a newcomer. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly protocolType: string
  readonly protocols: readonly MemberProtocol[]
  readonly reason: string | null
}

/** Who joins, and what the version of its request can be answered. */
export interface JoiningClient {
  readonly clientId: string
  readonly clientHost: string
  /** From version 4 on a newcomer must come back with the id that it is given (KIP-394). */
  readonly memberIdRequired: boolean
  /** From version 9 on a static leader that came back learns the members without sharing out again (KIP-814). */
  readonly canSkipAssignment: boolean
}

/** Longer client ids are cut in member ids, so that those stay strings that the protocol can carry. */
const clientIdLengthMax = 1000

/** JoinGroup. The answer comes when the round has all its members: see rebalance.ts. */
export function join(
  state: GroupsState,
  turn: Turn,
  reply: Reply<JoinResponse>,
  asked: JoinRequest,
  client: JoiningClient
): void {
  const request = asked.rebalanceTimeoutMs < 0 ? { ...asked, rebalanceTimeoutMs: asked.sessionTimeoutMs } : asked
  const { groupId, memberId } = request
  const group = state.groups.get(groupId) ?? newGroup(state, turn, request)
  if (!hasBytesFor(state, group, memberId, request)) turn.answer(reply, refusedJoin('GROUP_MAX_SIZE_REACHED', ''))
  else if (!hasRoomFor(state, group, memberId)) {
    const member = group.members.get(memberId)
    if (member) group.answerJoin(turn, member, refusedJoin('GROUP_MAX_SIZE_REACHED', ''))
    group.remove(memberId)
    turn.answer(reply, refusedJoin('GROUP_MAX_SIZE_REACHED', ''))
  } else if (!group.accepts(request.protocolType, request.protocols))
    turn.answer(reply, refusedJoin('INCONSISTENT_GROUP_PROTOCOL', memberId))
  else if (memberId === '') joinNewcomer(state, turn, reply, group, request, client)
  else if (group.pending.has(memberId)) {
    if (request.groupInstanceId !== null) throw new NaruError('UNKNOWN_MEMBER_ID')
    admit(state, turn, reply, group, memberId, request, client)
  } else joinAgain(state, turn, reply, group, group.validated(memberId, request.groupInstanceId), request)
}

function newGroup(state: GroupsState, turn: Turn, request: JoinRequest): ClassicGroup {
  if (request.memberId !== '') throw new NaruError('UNKNOWN_MEMBER_ID', `Group ${request.groupId} not found.`)
  if (request.protocolType === '' || request.protocols.length === 0) throw new NaruError('INCONSISTENT_GROUP_PROTOCOL')
  state.checkRoom()
  const group = state.create(request.groupId)
  turn.write(
    groupRecord(
      group.id,
      group.snapshot(() => emptyAssignment)
    )
  )
  return group
}

function hasBytesFor(state: GroupsState, group: ClassicGroup, memberId: string, { protocols }: JoinRequest): boolean {
  const { groupBytesMax, pendingMembersMax } = state.config
  if (memberId === '' && group.pending.size >= pendingMembersMax) return false
  const before = bytesOf(group.members.get(memberId)?.protocols ?? [])
  return group.metadataBytes - before + bytesOf(protocols) <= groupBytesMax
}

/** During a rebalance those who are back count, so that the last ones to return are turned away. */
function hasRoomFor(state: GroupsState, group: ClassicGroup, memberId: string): boolean {
  const max = state.config.groupMaxSize
  switch (group.phase) {
    case 'Empty':
      return true
    case 'PreparingRebalance':
      return group.members.get(memberId)?.joinReply !== undefined || group.awaitingJoinCount < max
    default:
      return group.members.has(memberId) || group.members.size < max
  }
}

function joinNewcomer(
  state: GroupsState,
  turn: Turn,
  reply: Reply<JoinResponse>,
  group: ClassicGroup,
  request: JoinRequest,
  client: JoiningClient
): void {
  const { groupInstanceId } = request
  const prefix = groupInstanceId ?? client.clientId.slice(0, clientIdLengthMax)
  const memberId = `${prefix}-${uuidText(randomUuid(state.environment.random))}`
  if (groupInstanceId !== null) {
    const current = group.members.get(group.memberOfInstance(groupInstanceId) ?? '')
    if (current) replaceStatic(state, turn, reply, group, current, memberId, request, client)
    else admit(state, turn, reply, group, memberId, request, client)
  } else if (client.memberIdRequired) {
    const timer = state.timers.timer(expired => expireSession(state, expired, group, memberId))
    group.pending.set(memberId, timer)
    timer.arm(request.sessionTimeoutMs)
    turn.answer(reply, refusedJoin('MEMBER_ID_REQUIRED', memberId))
  } else admit(state, turn, reply, group, memberId, request, client)
}

function admit(
  state: GroupsState,
  turn: Turn,
  reply: Reply<JoinResponse>,
  group: ClassicGroup,
  memberId: string,
  request: JoinRequest,
  client: JoiningClient
): void {
  if (group.members.size === 0) group.protocolType = request.protocolType
  const identity = {
    id: memberId,
    instanceId: request.groupInstanceId,
    clientId: client.clientId,
    clientHost: client.clientHost
  }
  addMember(state, turn, group, state.member(group, identity, request, request.protocols), reply)
}

function joinAgain(
  state: GroupsState,
  turn: Turn,
  reply: Reply<JoinResponse>,
  group: ClassicGroup,
  member: GroupMember,
  request: JoinRequest
): void {
  const changed = !member.offers(request.protocols)
  const isLeader = group.leaderId === member.id
  const unchanged = group.phase === 'CompletingRebalance' ? !changed : group.phase === 'Stable' && !changed && !isLeader
  if (unchanged) {
    // Its answer got lost, most likely: it may go on in this generation.
    turn.answer(reply, currentGeneration(group, member))
    return
  }
  // A leader of a stable group asks for a new round because something else changed, such as a topic's partitions.
  const reason = changed ? 'changed what it offers' : 'rejoined'
  rejoinMember(state, turn, group, member, request, reply, `member ${member.id} ${reason}`)
}

/** A static member without its id (it restarted): it takes the place of its former self (KIP-345). */
function replaceStatic(
  state: GroupsState,
  turn: Turn,
  reply: Reply<JoinResponse>,
  group: ClassicGroup,
  former: GroupMember,
  memberId: string,
  request: JoinRequest,
  client: JoiningClient
): void {
  const leaderBefore = group.leaderId
  const identity = {
    id: memberId,
    instanceId: former.instanceId,
    clientId: former.clientId,
    clientHost: former.clientHost
  }
  const member = state.member(group, identity, former, former.protocols)
  group.replaceStatic(turn, former, member)
  takeJoin(turn, group, member, request, reply)
  armSession(member)
  if (group.phase === 'CompletingRebalance') {
    // The leader may be sharing out for the former id already.
    prepareRebalance(state, turn, group, `static member ${member.instanceId} came back`)
    return
  }
  if (group.phase !== 'Stable') {
    completeIfJoined(state, turn, group)
    return
  }
  if (group.electProtocol() !== group.protocolName) {
    prepareRebalance(state, turn, group, `static member ${member.instanceId} came back with other protocols`)
    return
  }
  // The group goes on as it is: only the new id must be kept.
  turn.write(
    groupRecord(
      group.id,
      group.snapshot(({ assignment }) => assignment)
    )
  )
  const isLeader = group.leaderId === member.id
  const response = currentGeneration(group, member)
  group.answerJoin(
    turn,
    member,
    client.canSkipAssignment
      ? { ...response, skipAssignment: isLeader }
      : { ...response, leader: leaderBefore ?? '', members: [] }
  )
}

function uuidText(id: Buffer): string {
  const hex = id.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
