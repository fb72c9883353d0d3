import type { Turn } from '../statelog/turn.ts'
import { NaruError } from '../std/errors.ts'
import { groupRecord, offsetRecord } from './records.ts'
import type { GroupsState } from './state.ts'

/** DeleteGroups, for one group: it and its offsets go. GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP while it has members. */
export function deleteGroup(state: GroupsState, turn: Turn, groupId: string): void {
  const group = state.existing(groupId)
  if (group.phase !== 'Empty') throw new NaruError('NON_EMPTY_GROUP')
  for (const [topic, partitions] of group.offsets.byTopic())
    for (const partition of partitions.keys()) turn.write(offsetRecord({ group: groupId, topic, partition }, null))
  turn.write(groupRecord(groupId, null))
}
