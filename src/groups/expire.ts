import type { Turn } from '../statelog/turn.ts'
import type { ClassicGroup } from './group.ts'
import { type CommittedOffset, groupRecord, offsetRecord } from './records.ts'
import type { GroupsState } from './state.ts'

/**
 * Removes offsets that have outlived their retention (KIP-211), and then groups that have neither offsets nor members.
 * Runs from time to time over all groups of the partition.
 */
export function expireOffsets(state: GroupsState, turn: Turn): void {
  const retentionMs = state.config.offsetsRetentionMinutes * 60_000
  let expired = 0
  for (const group of state.groups.values()) {
    const since = retentionStart(group)
    let left = 0
    for (const [topic, partitions] of group.offsets.byTopic()) {
      const inUse = group.isSubscribedTo(topic)
      for (const [partition, offset] of partitions) {
        if (since && !inUse && hasExpired(offset, since(offset), state.nowMs, retentionMs)) {
          turn.write(offsetRecord({ group: group.id, topic, partition }, null))
          expired++
        } else left++
      }
    }
    if (left === 0 && group.phase === 'Empty' && group.pending.size === 0) turn.write(groupRecord(group.id, null))
  }
  if (expired > 0) state.environment.logger.info({ offsets: expired }, 'removed expired offsets')
}

function hasExpired(offset: CommittedOffset, sinceMs: number, nowMs: number, retentionMs: number): boolean {
  return offset.expireTimestampMs >= 0 ? nowMs >= offset.expireTimestampMs : nowMs - sinceMs >= retentionMs
}

/** From when an offset's retention counts; undefined while the group may still need all of them. */
function retentionStart(group: ClassicGroup): ((offset: CommittedOffset) => number) | undefined {
  const sinceCommit = (offset: CommittedOffset): number => offset.commitTimestampMs
  if (group.protocolType === undefined) return sinceCommit
  if (group.phase === 'Empty') return group.phaseSinceMs >= 0 ? () => group.phaseSinceMs : sinceCommit
  return group.phase === 'Stable' && group.subscribed ? sinceCommit : undefined
}
