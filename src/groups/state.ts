import type { StateTimers } from '../statelog/timers.ts'
import type { Turn } from '../statelog/turn.ts'
import type { ReplayedState, StateRecord } from '../statelog/types.ts'
import type { Clock } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { Random } from '../std/random.ts'
import { expireRegularly } from './expire.ts'
import { ClassicGroup } from './group.ts'
import { GroupMember, type MemberIdentity } from './member.ts'
import type { GroupConfig } from './options.ts'
import { armSession, expireSession, expireSync, joinDue, prepareRebalance } from './rebalance.ts'
import { decodeGroupRecord, type GroupMetadata } from './records.ts'

/** What groups are given from outside. */
export interface GroupEnvironment {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly config: GroupConfig
}

/** The groups of one partition of `__consumer_offsets`. */
export class GroupsState implements ReplayedState {
  readonly groups = new Map<string, ClassicGroup>()
  readonly environment: GroupEnvironment
  readonly timers: StateTimers
  /** Committed offsets of all groups. */
  offsetCount = 0
  private live = false

  constructor(environment: GroupEnvironment, timers: StateTimers) {
    this.environment = environment
    this.timers = timers
  }

  get config(): GroupConfig {
    return this.environment.config
  }

  get nowMs(): number {
    return this.environment.clock.now()
  }

  /** The group, or GROUP_ID_NOT_FOUND. */
  existing(groupId: string): ClassicGroup {
    const group = this.groups.get(groupId)
    if (!group) throw new NaruError('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`)
    return group
  }

  /** Throws POLICY_VIOLATION when there are as many groups as there may be. */
  checkRoom(): void {
    const { groupsMax } = this.config
    if (this.groups.size >= groupsMax)
      throw new NaruError('POLICY_VIOLATION', `There are ${groupsMax} groups (naru.groups.per.partition.max).`)
  }

  /** A new, empty group. It is there for the handler at once; its first record makes it last. */
  create(groupId: string): ClassicGroup {
    const group = new ClassicGroup(groupId, this.nowMs, made => ({
      join: this.timers.timer(turn => joinDue(this, turn, made)),
      sync: this.timers.timer(turn => expireSync(this, turn, made))
    }))
    this.groups.set(groupId, group)
    return group
  }

  member(
    group: ClassicGroup,
    identity: MemberIdentity,
    timeouts: { readonly rebalanceTimeoutMs: number; readonly sessionTimeoutMs: number },
    protocols: GroupMember['protocols']
  ): GroupMember {
    const session = this.timers.timer(turn => expireSession(this, turn, group, identity.id))
    return new GroupMember(identity, timeouts, protocols, session)
  }

  replay(record: StateRecord): void {
    const decoded = decodeGroupRecord(record)
    switch (decoded.kind) {
      case 'offset': {
        const { group: groupId, topic, partition } = decoded.key
        if (!decoded.value) {
          if (this.groups.get(groupId)?.offsets.delete(topic, partition)) this.offsetCount--
          return
        }
        const group = this.groups.get(groupId) ?? this.create(groupId)
        if (group.offsets.set(topic, partition, decoded.value)) this.offsetCount++
        return
      }
      case 'group':
        this.replayGroup(decoded.group, decoded.value)
        return
      case 'foreign':
        this.environment.logger.debug({ type: decoded.type }, 'passed over a record of another coordinator')
    }
  }

  loaded(turn: Turn): void {
    this.live = true
    for (const group of this.groups.values()) {
      for (const member of group.members.values()) armSession(member)
      if (group.members.size > this.config.groupMaxSize)
        prepareRebalance(this, turn, group, 'it is over its maximum size')
    }
    expireRegularly(this)
  }

  private replayGroup(groupId: string, value: GroupMetadata | null): void {
    const known = this.groups.get(groupId)
    if (!value) {
      known?.dispose()
      for (const [, partitions] of known?.offsets.byTopic() ?? []) this.offsetCount -= partitions.size
      this.groups.delete(groupId)
      return
    }
    const group = known ?? this.create(groupId)
    group.metadata = value
    if (this.live) this.settle(group, value)
    else this.restore(group, value)
  }

  /** The record of the round that is being completed: its assignments count from now on. */
  private settle(group: ClassicGroup, value: GroupMetadata): void {
    if (group.phase !== 'CompletingRebalance' || group.generation !== value.generation) return
    for (const { memberId, assignment } of value.members) {
      const member = group.members.get(memberId)
      if (member) member.assignment = assignment
    }
    group.enter('Stable', this.nowMs)
  }

  /** While loading, the newest record is the group: members keep their ids, generation and assignments. */
  private restore(group: ClassicGroup, value: GroupMetadata): void {
    for (const memberId of [...group.members.keys()]) group.remove(memberId)
    group.protocolType = value.protocolType === '' ? undefined : value.protocolType
    group.protocolName = value.protocol
    group.generation = value.generation
    for (const saved of value.members) {
      const identity = {
        id: saved.memberId,
        instanceId: saved.groupInstanceId,
        clientId: saved.clientId,
        clientHost: saved.clientHost
      }
      const rebalanceTimeoutMs = saved.rebalanceTimeout === -1 ? saved.sessionTimeout : saved.rebalanceTimeout
      const protocols = [{ name: value.protocol ?? '', metadata: saved.subscription }]
      const timeouts = { rebalanceTimeoutMs, sessionTimeoutMs: saved.sessionTimeout }
      const member = this.member(group, identity, timeouts, protocols)
      member.assignment = saved.assignment
      group.add(member)
    }
    group.leaderId = value.leader ?? undefined
    group.enter(value.members.length > 0 ? 'Stable' : 'Empty', value.currentStateTimestamp)
    group.learnSubscriptions()
  }
}
