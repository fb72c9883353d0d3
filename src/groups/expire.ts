import type { Turn } from '../statelog/turn.ts'
import type { ClassicGroup } from './group.ts'
import { type CommittedOffset, groupRecord, offsetRecord } from './records.ts'
import type { GroupsState } from './state.ts'

/** Offsets and groups that are looked at in one turn: a shard may hold millions, and others wait. */
const stepsPerTurn = 2000
const pauseMs = 1

/**
 * Removes offsets that have outlived their retention (KIP-211), and then groups that have neither offsets nor members.
 * Goes over all groups of the partition at every interval, a piece at a time.
 */
export function expireRegularly(state: GroupsState): void {
  const intervalMs = Number(state.config.offsetsRetentionCheckIntervalMs)
  let left = state.groups.values()
  const timer = state.timers.timer(turn => {
    for (let steps = 0; steps < stepsPerTurn; ) {
      const next = left.next()
      if (next.done) {
        left = state.groups.values()
        timer.arm(intervalMs)
        return
      }
      steps += 1 + expireGroup(state, turn, next.value)
    }
    timer.arm(pauseMs)
  })
  timer.arm(intervalMs)
}

/** Gives the number of offsets that it looked at. */
function expireGroup(state: GroupsState, turn: Turn, group: ClassicGroup): number {
  const retentionMs = state.config.offsetsRetentionMinutes * 60_000
  const since = retentionStart(group)
  let expired = 0
  let kept = 0
  for (const [topic, partitions] of group.offsets.byTopic()) {
    const inUse = group.isSubscribedTo(topic)
    for (const [partition, offset] of partitions) {
      if (since && !inUse && hasExpired(offset, since(offset), state.nowMs, retentionMs)) {
        turn.write(offsetRecord({ group: group.id, topic, partition }, null))
        expired++
      } else kept++
    }
  }
  if (expired > 0) state.environment.logger.info({ group: group.id, offsets: expired }, 'removed expired offsets')
  if (kept === 0 && group.phase === 'Empty' && group.pending.size === 0) turn.write(groupRecord(group.id, null))
  return expired + kept
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
