import { Command } from 'commander'
import { committedOffsets, describeGroup, type GroupDescription, listGroups } from '../client/admin-groups.ts'
import type { Cluster } from '../client/cluster.ts'
import { listOffsets } from '../client/offsets.ts'
import { type ClientFlags, withClientFlags, withCluster } from './client.ts'
import { forEach, sayMissing } from './each.ts'
import { UsageError } from './failure.ts'
import { count, printJson, printRows } from './output.ts'

interface DescribeFlags extends ClientFlags {
  all?: boolean
  offsets?: boolean
  members?: boolean
  state?: boolean
  json?: boolean
}

/** Where a group stands in a partition. */
export interface GroupOffset {
  readonly topic: string
  readonly partition: number
  /** Null where a member reads the partition and nothing is committed yet. */
  readonly offset: number | null
  /** Null where the partition is gone or has no leader. */
  readonly end: number | null
  readonly lag: number | null
  readonly member: string | null
}

/** `naru group describe`. */
export function describeCommand(): Command {
  return withClientFlags(new Command('describe'))
    .description('Show state, committed offsets, lag and members of groups.')
    .argument('[groups...]')
    .option('--all', 'all groups')
    .option('--offsets', 'only offsets and lag (the default)')
    .option('--members', 'only members and what they were assigned')
    .option('--state', 'only state, coordinator and assignor')
    .option('--json', 'print everything, one line of JSON for each group')
    .addHelpText(
      'after',
      `
Examples:
  $ naru group describe billing
  $ naru group describe billing --members
  $ naru group describe --all --json | jq '{groupId, lag: [.offsets[].lag] | add}'
`
    )
    .action((groups: string[], flags: DescribeFlags) => {
      if ((groups.length === 0) !== (flags.all === true)) throw new UsageError('Name the groups, or take --all.')
      return withCluster(flags, async cluster => {
        const ids = flags.all
          ? (await cluster.retrying(() => listGroups(cluster, sayMissing))).map(({ groupId }) => groupId)
          : groups
        let printed = 0
        await forEach(ids, async groupId => {
          const group = await cluster.retrying(() => describeGroup(cluster, groupId))
          const offsets = await groupOffsets(cluster, group)
          if (flags.json) printJson({ ...group, offsets })
          else print(group, offsets, flags, printed++ > 0)
        })
        if (ids.length === 0 && !flags.json) process.stdout.write('There are no groups.\n')
      })
    })
}

/** The committed offsets of a group and the partitions that its members were assigned, with lag. */
export async function groupOffsets(cluster: Cluster, group: GroupDescription): Promise<GroupOffset[]> {
  const committed = await cluster.retrying(() => committedOffsets(cluster, group.groupId, null))
  const rows = new Map<string, { topic: string; partition: number; offset: number | null; member: string | null }>()
  for (const { topic, partition, offset } of committed)
    rows.set(`${topic}-${partition}`, { topic, partition, offset, member: null })
  for (const { memberId, assignment } of group.members)
    for (const { topic, partitions } of assignment)
      for (const partition of partitions) {
        const row = rows.get(`${topic}-${partition}`)
        if (row) row.member = memberId
        else rows.set(`${topic}-${partition}`, { topic, partition, offset: null, member: memberId })
      }
  const sorted = [...rows.values()].sort((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
  )
  const ends = await listOffsets(cluster, sorted, 'latest')
  return sorted.map(({ topic, partition, offset, member }, i) => {
    const answer = ends[i]
    // Offsets outlive their topics.
    const end = 'offset' in answer ? answer.offset : null
    const lag = end === null || offset === null ? null : Math.max(0, end - offset)
    return { topic, partition, offset, end, lag, member }
  })
}

function print(group: GroupDescription, offsets: readonly GroupOffset[], flags: DescribeFlags, below: boolean): void {
  const { groupId, state, members, protocol, protocolType, coordinator } = group
  const all = !flags.offsets && !flags.members && !flags.state
  const lag = offsets.reduce((sum, row) => sum + (row.lag ?? 0), 0)
  process.stdout.write(
    `${below ? '\n' : ''}Group ${groupId}: ${state}, ${count(members.length, 'member')}, lag ${lag}.\n`
  )
  if (flags.state) {
    process.stdout.write('\n')
    const row = { coordinator, type: protocolType || '-', assignor: protocol || '-', state, members: members.length }
    printRows(
      [row],
      {
        coordinator: row => row.coordinator,
        'protocol type': row => row.type,
        assignor: row => row.assignor,
        state: row => row.state,
        members: row => row.members
      },
      {}
    )
  }
  if (flags.members) {
    process.stdout.write('\n')
    printRows(
      members,
      {
        member: ({ memberId }) => memberId,
        instance: ({ instanceId }) => instanceId ?? '-',
        host: ({ clientHost }) => clientHost,
        client: ({ clientId }) => clientId,
        partitions: ({ assignment }) => assignment.reduce((sum, { partitions }) => sum + partitions.length, 0),
        assigned: ({ assignment }) =>
          assignment.map(({ topic, partitions }) => `${topic}:${partitions.join(',')}`).join(' ') || '-'
      },
      { empty: 'It has no members.' }
    )
  }
  if (flags.offsets || all) {
    process.stdout.write('\n')
    printRows(
      offsets,
      {
        topic: row => row.topic,
        partition: row => row.partition,
        offset: row => row.offset ?? '-',
        end: row => row.end ?? '-',
        lag: row => row.lag ?? '-',
        member: row => row.member ?? '-'
      },
      { empty: 'It has committed nothing, and reads nothing.' }
    )
  }
}
