import { Command } from 'commander'
import { committedOffsets, deleteGroup, describeGroup, listGroups } from '../client/admin-groups.ts'
import { listOffset } from '../client/offsets.ts'
import { type ClientFlags, withClientFlags, withCluster } from './client.ts'
import { printJson, printTable } from './output.ts'

interface GroupFlags extends ClientFlags {
  json?: boolean
}

/** `naru group`. */
export function groupCommand(): Command {
  const group = new Command('group').description('List, describe and delete consumer groups.')
  group
    .addCommand(list())
    .addCommand(describe())
    .addCommand(remove())
    .addHelpText(
      'after',
      `
Examples:
  $ naru group list
  $ naru group describe billing        members, committed offsets and lag
  $ naru group delete billing
`
    )
  return group
}

function list(): Command {
  return withClientFlags(new Command('list'))
    .description('List the groups.')
    .option('--json', 'print one line of JSON for each group')
    .action((flags: GroupFlags) =>
      withCluster(flags, async cluster => {
        const groups = await cluster.retrying(() => listGroups(cluster))
        if (flags.json) groups.forEach(printJson)
        else if (groups.length === 0) process.stdout.write('There are no consumer groups.\n')
        else
          printTable(
            ['group', 'state', 'protocol type'],
            groups.map(({ groupId, state, protocolType }) => [groupId, state, protocolType])
          )
      })
    )
}

function describe(): Command {
  return withClientFlags(new Command('describe'))
    .description('Show members, committed offsets and lag of a group.')
    .argument('<group>')
    .option('--json', 'print one line of JSON')
    .action((groupId: string, flags: GroupFlags) =>
      withCluster(flags, async cluster => {
        const group = await cluster.retrying(() => describeGroup(cluster, groupId))
        const committed = await committedOffsets(cluster, groupId, null)
        const offsets = await Promise.all(
          committed.map(async ({ topic, partition, offset }) => {
            const { offset: end } = await listOffset(cluster, { topic, partition, at: 'latest' })
            return { topic, partition, offset, end, lag: Math.max(0, end - offset), member: holder(topic, partition) }
          })
        )
        function holder(topic: string, partition: number): string | null {
          const found = group.members.find(({ assignment }) =>
            assignment.some(assigned => assigned.topic === topic && assigned.partitions.includes(partition))
          )
          return found?.memberId ?? null
        }
        if (flags.json) {
          printJson({ ...group, offsets })
          return
        }
        process.stdout.write(`Group ${groupId}: ${group.state}, ${group.members.length} member(s).\n\n`)
        printTable(
          ['topic', 'partition', 'offset', 'end', 'lag', 'member'],
          offsets.map(row => [row.topic, row.partition, row.offset, row.end, row.lag, row.member ?? '-'])
        )
      })
    )
}

function remove(): Command {
  return withClientFlags(new Command('delete'))
    .description('Delete groups that have no members, with their offsets.')
    .argument('<groups...>')
    .action((groups: string[], flags: ClientFlags) =>
      withCluster(flags, async cluster => {
        for (const groupId of groups) {
          await cluster.retrying(() => deleteGroup(cluster, groupId))
          process.stdout.write(`Group ${groupId} is deleted.\n`)
        }
      })
    )
}
