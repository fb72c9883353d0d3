import type { GroupsState } from './state.ts'

export interface ListedGroup {
  readonly groupId: string
  readonly protocolType: string
  readonly state: string
  readonly type: 'classic'
}

export interface ListFilter {
  /** Case doesn't matter; none lists groups in any state. */
  readonly states: readonly string[]
  readonly types: readonly string[]
}

/** ListGroups (KIP-518, KIP-848 filters). */
export function list(state: GroupsState, filter: ListFilter): ListedGroup[] {
  const states = new Set(filter.states.map(name => name.trim().toLowerCase()))
  if (filter.types.length > 0 && !filter.types.some(type => type.trim().toLowerCase() === 'classic')) return []
  const groups: ListedGroup[] = []
  for (const group of state.groups.values())
    if (states.size === 0 || states.has(group.phase.toLowerCase()))
      groups.push({
        groupId: group.id,
        protocolType: group.protocolType ?? '',
        state: group.phase,
        type: 'classic'
      })
  return groups
}
