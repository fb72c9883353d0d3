import type { Turn } from '../statelog/turn.ts'
import { assert } from '../std/assert.ts'
import { NaruError } from '../std/errors.ts'
import type { WheelTimer } from '../std/timer-wheel.ts'
import {
  bytesOf,
  type GroupMember,
  type JoinResponse,
  type MemberProtocol,
  refusedJoin,
  refusedSync
} from './member.ts'
import { GroupOffsets } from './offsets.ts'
import type { GroupMetadata } from './records.ts'
import { subscribedTopics } from './subscription.ts'

/** The states of a classic group, by Kafka's names. A group that is gone (Dead) is not kept. */
export type GroupPhase = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

/** The protocol type of consumers, whose metadata names the topics that they subscribe to. */
const consumerProtocolType = 'consumer'

/** Timers of a group; the state arms what they do. */
export interface GroupTimers {
  readonly join: WheelTimer
  readonly sync: WheelTimer
}

/**
 * A classic group: its members and where it is in a rebalance. `metadata` and `offsets` are what the log holds and
 * change in replay only; the rest is the round in progress, which a reload forgets as if it had never begun.
 */
export class ClassicGroup {
  readonly id: string
  readonly timers: GroupTimers
  readonly offsets = new GroupOffsets()
  /** The group's newest record; undefined for a group that only commits offsets. */
  metadata: GroupMetadata | undefined

  phase: GroupPhase = 'Empty'
  previousPhase: GroupPhase = 'Empty'
  phaseSinceMs: number
  generation = 0
  protocolType: string | undefined
  protocolName: string | null = null
  leaderId: string | undefined
  /** Topics of all members' subscriptions; undefined when they can't be known. */
  subscribed: ReadonlySet<string> | undefined
  readonly members = new Map<string, GroupMember>()
  /** Ids given out with MEMBER_ID_REQUIRED and not used yet, each with the timer that forgets it. */
  readonly pending = new Map<string, WheelTimer>()
  /** Members of this generation that have not asked for their assignment yet. */
  readonly pendingSync = new Set<string>()
  /** While the group forms: what is left of the time in which newcomers may prolong the wait. */
  initialWait: { readonly delayMs: number; readonly remainingMs: number } | undefined
  newMemberAdded = false
  /** Of all that its members offer. */
  metadataBytes = 0
  private awaitingJoin = 0
  private readonly instances = new Map<string, string>()
  /** How many members offer a protocol. */
  private readonly offered = new Map<string, number>()

  constructor(id: string, nowMs: number, makeTimers: (group: ClassicGroup) => GroupTimers) {
    this.id = id
    this.phaseSinceMs = nowMs
    this.timers = makeTimers(this)
  }

  get awaitingJoinCount(): number {
    return this.awaitingJoin
  }

  get isConsumerGroup(): boolean {
    return this.protocolType === consumerProtocolType
  }

  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
    return longest
  }

  /** Whether a rebalance can begin, rather than being in progress. */
  get canRebalance(): boolean {
    return this.phase !== 'PreparingRebalance'
  }

  get allJoined(): boolean {
    return this.members.size === this.awaitingJoin && this.pending.size === 0
  }

  memberOfInstance(instanceId: string): string | undefined {
    return this.instances.get(instanceId)
  }

  /** A member of this generation, or UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID when its instance has a newer member. */
  validated(memberId: string, instanceId: string | null): GroupMember {
    if (instanceId !== null) {
      const current = this.instances.get(instanceId)
      if (current === undefined) throw new NaruError('UNKNOWN_MEMBER_ID')
      if (current !== memberId) throw new NaruError('FENCED_INSTANCE_ID')
    }
    const member = this.members.get(memberId)
    if (!member) throw new NaruError('UNKNOWN_MEMBER_ID')
    return member
  }

  add(member: GroupMember): void {
    if (member.instanceId !== null) {
      assert(!this.instances.has(member.instanceId), `${this.id} has a member for ${member.instanceId}`)
      this.instances.set(member.instanceId, member.id)
    }
    this.leaderId ??= member.id
    this.members.set(member.id, member)
    this.countOffers(member, 1)
    if (member.joinReply) this.awaitingJoin++
    this.dropPending(member.id)
  }

  /** Takes a member, or a pending one, out; its parked requests must have been answered. */
  remove(memberId: string): void {
    this.dropPending(memberId)
    this.pendingSync.delete(memberId)
    const member = this.members.get(memberId)
    if (!member) return
    this.members.delete(memberId)
    member.session.cancel()
    this.countOffers(member, -1)
    if (member.joinReply) this.awaitingJoin--
    if (member.instanceId !== null) this.instances.delete(member.instanceId)
    if (this.leaderId === memberId) this.leaderId = this.members.keys().next().value
  }

  /** A static member came back under a new id: its place, its protocols and its assignment stay. */
  replaceStatic(turn: Turn, old: GroupMember, replacement: GroupMember): void {
    assert(old.instanceId !== null, 'only static members are replaced')
    this.answerJoin(turn, old, refusedJoin('FENCED_INSTANCE_ID', old.id))
    if (old.syncReply) turn.answer(old.syncReply, refusedSync('FENCED_INSTANCE_ID'))
    const wasLeader = this.leaderId === old.id
    this.remove(old.id)
    this.add(replacement)
    replacement.assignment = old.assignment
    if (wasLeader) this.leaderId = replacement.id
  }

  /** Takes what a member says on joining again. */
  update(member: GroupMember, protocols: readonly MemberProtocol[]): void {
    this.countOffers(member, -1)
    member.protocols = protocols
    this.countOffers(member, 1)
  }

  park(member: GroupMember, reply: GroupMember['joinReply']): void {
    if (!member.joinReply) this.awaitingJoin++
    member.joinReply = reply
  }

  /** Answers the member's parked join, if it has one. */
  answerJoin(turn: Turn, member: GroupMember, response: JoinResponse): void {
    if (!member.joinReply) return
    turn.answer(member.joinReply, response)
    member.joinReply = undefined
    this.awaitingJoin--
  }

  /** Whether someone with these protocols can be a member: of another type, or with none in common, nobody can. */
  accepts(protocolType: string, protocols: readonly MemberProtocol[]): boolean {
    if (this.phase === 'Empty') return protocolType !== '' && protocols.length > 0
    return protocolType === this.protocolType && protocols.some(({ name }) => this.offeredByAll(name))
  }

  /** The protocol that all members offer and most prefer (each votes for the first that all offer). */
  electProtocol(): string {
    const votes = new Map<string, number>()
    for (const member of this.members.values()) {
      const vote = member.protocols.find(({ name }) => this.offeredByAll(name))
      assert(vote, `${member.id} of ${this.id} offers no protocol that all offer`)
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    let elected = ''
    for (const [name, count] of votes) if (count > (votes.get(elected) ?? 0)) elected = name
    return elected
  }

  /** Makes sure that the leader is somebody who joined; false when nobody did. */
  electJoinedLeader(): boolean {
    if (this.leaderId === undefined) return false
    if (this.members.get(this.leaderId)?.joinReply) return true
    for (const member of this.members.values())
      if (member.joinReply) {
        this.leaderId = member.id
        return true
      }
    return false
  }

  enter(phase: GroupPhase, nowMs: number): void {
    this.previousPhase = this.phase
    this.phase = phase
    this.phaseSinceMs = nowMs
  }

  /** All who will take part have joined: the next generation begins. */
  beginGeneration(nowMs: number): void {
    // As Kafka's, an int32 that starts again from 1 rather than going negative, which means "no generation".
    this.generation = this.generation === 0x7fff_ffff ? 1 : this.generation + 1
    this.pendingSync.clear()
    this.protocolName = this.members.size > 0 ? this.electProtocol() : null
    this.learnSubscriptions()
    this.enter(this.members.size > 0 ? 'CompletingRebalance' : 'Empty', nowMs)
  }

  /** Reads the topics that consumers subscribe to out of their metadata. */
  learnSubscriptions(): void {
    this.subscribed =
      this.isConsumerGroup && (this.protocolName !== null || this.members.size === 0)
        ? subscribedTopics([...this.members.values()].map(member => member.metadataFor(this.protocolName)))
        : undefined
  }

  /** Whether offsets of the topic are in use; where subscriptions can't be known, those of consumers are. */
  isSubscribedTo(topic: string): boolean {
    return this.subscribed ? this.subscribed.has(topic) : this.isConsumerGroup
  }

  /** What the leader is told about everybody. */
  roster(): JoinResponse['members'] {
    return [...this.members.values()].map(member => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      metadata: member.metadataFor(this.protocolName)
    }))
  }

  /** The group as its record holds it, with these assignments. */
  snapshot(assignmentOf: (member: GroupMember) => Buffer): GroupMetadata {
    return {
      protocolType: this.protocolType ?? '',
      generation: this.generation,
      protocol: this.protocolName,
      leader: this.leaderId ?? null,
      currentStateTimestamp: this.phaseSinceMs,
      members: [...this.members.values()].map(member => ({
        memberId: member.id,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: member.metadataFor(this.protocolName),
        assignment: assignmentOf(member)
      }))
    }
  }

  /** Ends what only this leader knows: the group was deleted. */
  dispose(): void {
    this.timers.join.cancel()
    this.timers.sync.cancel()
    for (const timer of this.pending.values()) timer.cancel()
    for (const member of this.members.values()) member.session.cancel()
  }

  private offeredByAll(protocolName: string): boolean {
    return (this.offered.get(protocolName) ?? 0) === this.members.size
  }

  private dropPending(memberId: string): void {
    this.pending.get(memberId)?.cancel()
    this.pending.delete(memberId)
  }

  private countOffers(member: GroupMember, amount: number): void {
    this.metadataBytes += amount * bytesOf(member.protocols)
    // A name offered twice counts once: it must not make up for a member that lacks it.
    for (const name of new Set(member.protocols.map(protocol => protocol.name)))
      this.offered.set(name, (this.offered.get(name) ?? 0) + amount)
  }
}
