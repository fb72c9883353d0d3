import { Command } from 'commander'
import { deleteGroup, type GroupListing, listGroups } from '../client/admin-groups.ts'
import { deleteOffsets } from '../client/admin-offsets.ts'
import { type ClientFlags, gather, withClientFlags, withCluster } from './client.ts'
import { confirm } from './confirm.ts'
import { forEach, sayMissing } from './each.ts'
import { UsageError } from './failure.ts'
import { describeCommand } from './group-describe.ts'
import { resetCommand } from './group-reset.ts'
import { listCommand } from './list-command.ts'
import { count } from './output.ts'
import { partitionsNamed } from './partitions.ts'

/** `naru group`. */
export function groupCommand(): Command {
  const group = new Command('group').description('List, describe, move and delete consumer groups.')
  group
    .addCommand(list())
    .addCommand(describeCommand())
    .addCommand(resetCommand())
    .addCommand(remove())
    .addCommand(removeOffsets())
    .addHelpText(
      'after',
      `
Examples:
  $ naru group list
  $ naru group describe billing                                  members, committed offsets and lag
  $ naru group reset-offsets billing --topic orders --to-earliest   what it would do; --execute does it
  $ naru group delete-offsets billing --topic orders
  $ naru group delete billing
`
    )
  return group
}

function list(): Command {
  return listCommand<GroupListing, { state?: string; type?: string }>({
    description: 'List the groups of all brokers.',
    flags: command =>
      command
        .option('--state <names>', 'only groups in one of these states: Stable,Empty')
        .option('--type <names>', 'only groups of these types: classic,consumer'),
    fetch: async (cluster, { state, type }) =>
      (await listGroups(cluster, sayMissing)).filter(group => isOneOf(group.state, state) && isOneOf(group.type, type)),
    columns: {
      group: ({ groupId }) => groupId,
      state: row => row.state,
      type: row => row.type || '-',
      'protocol type': ({ protocolType }) => protocolType || '-'
    },
    empty: 'There are no such groups.'
  })
}

function isOneOf(value: string, names: string | undefined): boolean {
  return names === undefined || names.toLowerCase().split(',').includes(value.toLowerCase())
}

function remove(): Command {
  return withClientFlags(new Command('delete'))
    .description('Delete groups that have no members, with their offsets.')
    .argument('<groups...>')
    .option('-y, --yes', 'do not ask (nobody is asked without a terminal)')
    .action((groups: string[], flags: ClientFlags & { yes?: boolean }) =>
      withCluster(flags, async cluster => {
        await confirm(`Delete ${groups.join(', ')} with all committed offsets?`, flags.yes)
        await forEach(groups, async groupId => {
          await cluster.retrying(() => deleteGroup(cluster, groupId))
          process.stdout.write(`Group ${groupId} is deleted.\n`)
        })
      })
    )
}

function removeOffsets(): Command {
  return withClientFlags(new Command('delete-offsets'))
    .description("Delete a group's committed offsets of topics that its members don't read.")
    .argument('<group>')
    .option('-t, --topic <name[:partitions]>', 'orders, or orders:0,3 (may be repeated)', gather, [])
    .option('-y, --yes', 'do not ask (nobody is asked without a terminal)')
    .action((groupId: string, flags: ClientFlags & { topic: string[]; yes?: boolean }) => {
      if (flags.topic.length === 0) throw new UsageError('--topic says of which topics.')
      return withCluster(flags, async cluster => {
        const partitions = await partitionsNamed(cluster, flags.topic)
        const what = `${count(partitions.length, 'offset')} of ${flags.topic.join(', ')} in group ${groupId}`
        await confirm(`Delete ${what}?`, flags.yes)
        await cluster.retrying(() => deleteOffsets(cluster, groupId, partitions))
        process.stdout.write(`Deleted ${what}.\n`)
      })
    })
}
