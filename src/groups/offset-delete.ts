import type { Turn } from '../statelog/turn.ts'
import { type ErrorCode, NaruError } from '../std/errors.ts'
import type { TopicId } from '../storage/types.ts'
import { offsetRecord } from './records.ts'
import type { GroupsState } from './state.ts'

/**
 * OffsetDelete (KIP-496): an error, or undefined, for each place in the order of the request. A consumer group with
 * members keeps the offsets of what it subscribes to; of another kind of group with members nothing can be deleted.
 */
export function deleteOffsets(
  state: GroupsState,
  turn: Turn,
  groupId: string,
  places: readonly { readonly topic: string; readonly partition: number }[]
): (ErrorCode | undefined)[] {
  const group = state.existing(groupId)
  if (group.phase !== 'Empty' && !group.isConsumerGroup) throw new NaruError('NON_EMPTY_GROUP')
  return places.map(({ topic, partition }) => {
    if (group.isSubscribedTo(topic)) return 'GROUP_SUBSCRIBED_TO_TOPIC'
    if (group.offsets.get(topic, partition)) turn.write(offsetRecord({ group: groupId, topic, partition }, null))
    return undefined
  })
}

/** Removes what all groups have committed for a topic that was deleted: one of its name may have been made since. */
export function forgetTopic(state: GroupsState, turn: Turn, topic: string, topicId: TopicId): void {
  for (const group of state.groups.values())
    for (const [partition, offset] of group.offsets.ofTopic(topic) ?? [])
      if (offset.topicId === undefined || offset.topicId === topicId)
        turn.write(offsetRecord({ group: group.id, topic, partition }, null))
}
