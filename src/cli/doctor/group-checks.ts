import type { GroupOffset } from '../group-describe.ts'
import { count } from '../output.ts'
import { check } from './finding.ts'
import type { GroupView, View } from './view.ts'

const lagMin = 1000
/** Consumers commit every five seconds by default: only a longer standstill says something. */
const standstillMs = 6000

export const groupChecks = [
  check('group-lag', 'groups that fall behind', ({ groups }) =>
    groups.flatMap(group => {
      const { groupId, members } = group
      const [lag, later] = [lagOf(group.offsets), lagOf(group.offsetsLater)]
      if (members.length === 0 || later < lagMin || later < lag) return []
      if (later === lag && isStuck(group)) return []
      return [
        {
          severity: 'warning',
          subject: `group ${groupId}`,
          what: `It lags ${later} records behind and does not catch up (${lag} a moment ago).`,
          why: 'Records are worked on ever later; those that retention deletes first are never seen.',
          todo: 'Add members, up to the number of partitions, or make the work on a record cheaper.',
          command: `naru group describe ${groupId}`
        }
      ]
    })
  ),
  check('group-stuck', 'groups whose members make no progress', ({ groups, elapsedMs }) =>
    groups.flatMap(group => {
      if (elapsedMs < standstillMs || !isStuck(group)) return []
      return [
        {
          severity: 'warning',
          subject: `group ${group.groupId}`,
          what: `It has ${count(group.members.length, 'member')} and a lag of ${lagOf(group.offsetsLater)}, and committed nothing for ${Math.round(elapsedMs / 1000)} s.`,
          why: 'Its members may hang on a record, commit nowhere, or fail over and over.',
          todo: 'Look at the logs of its members.',
          command: `naru group describe ${group.groupId} --members`
        }
      ]
    })
  ),
  check('group-behind-retention', 'groups that have lost records', view =>
    view.groups.flatMap(({ groupId, offsetsLater }) => {
      const lost = offsetsLater.flatMap(({ topic, partition, offset, lag }) => {
        const first = partitionOf(view, topic, partition)?.first ?? -1
        return offset !== null && lag !== 0 && first > offset
          ? [{ at: `${topic}-${partition}`, records: first - offset }]
          : []
      })
      if (lost.length === 0) return []
      const records = lost.reduce((sum, { records }) => sum + records, 0)
      return [
        {
          severity: 'error',
          subject: `group ${groupId}`,
          what: `Up to ${count(records, 'record')} were deleted before it read them, in ${lost.map(({ at }) => at).join(', ')}.`,
          why: 'They are gone. When it goes on it begins where its auto.offset.reset says.',
          todo: 'Keep records for longer than the group may stand still (retention.ms, retention.bytes).',
          command: `naru group describe ${groupId}`
        }
      ]
    })
  ),
  check('idle-members', 'groups with more members than partitions', ({ groups }) =>
    groups.flatMap(({ groupId, state, members }) => {
      const idle = members.filter(({ partitions }) => partitions === 0)
      if (state !== 'Stable' || idle.length === 0) return []
      return [
        {
          severity: 'info',
          subject: `group ${groupId}`,
          what: `${count(idle.length, 'member')} of ${members.length} have no partition.`,
          why: 'Each partition goes to one member: the rest only stand by.',
          todo: 'Add partitions, or run fewer members.',
          command: `naru group describe ${groupId} --members`
        }
      ]
    })
  ),
  check('rebalancing', 'groups that do not come to rest', ({ groups }) =>
    groups.flatMap(({ groupId, state, stateLater }) =>
      isRebalancing(state) && isRebalancing(stateLater)
        ? [
            {
              severity: 'warning',
              subject: `group ${groupId}`,
              what: 'It was rebalancing both times that it was looked at.',
              why: 'Nobody reads meanwhile.',
              todo: 'Look for members that come and go: crashes, or polls that take longer than max.poll.interval.ms.',
              command: `naru group describe ${groupId} --state --members`
            }
          ]
        : []
    )
  ),
  check('abandoned-groups', 'groups that nobody is in, with old offsets', ({ groups }) =>
    groups.flatMap(({ groupId, state, offsetsLater }) => {
      if (state !== 'Empty' || offsetsLater.length === 0) return []
      const gone = offsetsLater.filter(({ end }) => end === null)
      const behind = lagOf(offsetsLater)
      if (gone.length < offsetsLater.length && behind < lagMin) return []
      const all = gone.length === offsetsLater.length
      return [
        {
          severity: 'info',
          subject: `group ${groupId}`,
          what: all
            ? 'It has no members, and offsets only of topics that are gone.'
            : `It has no members, and a lag of ${behind} records.`,
          why: 'Perhaps nobody needs it any more; perhaps its members should run.',
          todo: 'Start its members, or delete it.',
          command: `naru group delete ${groupId}`
        }
      ]
    })
  )
]

function lagOf(offsets: readonly GroupOffset[]): number {
  return offsets.reduce((sum, { lag }) => sum + (lag ?? 0), 0)
}

/** It has members and a lag, and no committed offset moved. */
function isStuck({ members, offsets, offsetsLater }: GroupView): boolean {
  if (members.length === 0 || lagOf(offsets) === 0 || lagOf(offsetsLater) === 0) return false
  const before = new Map(offsets.map(({ topic, partition, offset }) => [`${topic}-${partition}`, offset]))
  return offsetsLater.every(({ topic, partition, offset }) => before.get(`${topic}-${partition}`) === offset)
}

function isRebalancing(state: string): boolean {
  return state.endsWith('Rebalance') || state === 'Reconciling' || state === 'Assigning'
}

function partitionOf({ topics }: View, topic: string, partition: number) {
  return topics.find(({ name }) => name === topic)?.partitions.find(({ index }) => index === partition)
}
