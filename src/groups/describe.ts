import { emptyAssignment } from './member.ts'
import type { GroupsState } from './state.ts'

export interface GroupDescription {
  readonly groupId: string
  /** `Dead` for a group that doesn't exist. */
  readonly state: string
  readonly protocolType: string
  /** The protocol elected; empty while there is none. */
  readonly protocolData: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly clientId: string
    readonly clientHost: string
    readonly memberMetadata: Buffer
    readonly memberAssignment: Buffer
  }[]
}

/** DescribeGroups. The protocol and what members say to it are shown for stable groups only: before they are not settled. */
export function describe(state: GroupsState, groupId: string): GroupDescription {
  const group = state.groups.get(groupId)
  if (!group) return { groupId, state: 'Dead', protocolType: '', protocolData: '', members: [] }
  const stable = group.phase === 'Stable'
  return {
    groupId,
    state: group.phase,
    protocolType: group.protocolType ?? '',
    protocolData: stable ? (group.protocolName ?? '') : '',
    members: [...group.members.values()].map(member => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: stable ? member.metadataFor(group.protocolName) : emptyAssignment,
      memberAssignment: member.assignment
    }))
  }
}
