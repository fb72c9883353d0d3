import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import { committedOffsets, describeGroup, listGroups } from '../client/admin-groups.ts'
import { commitOffsets } from '../client/admin-offsets.ts'
import type { Cluster } from '../client/cluster.ts'
import { codeOf, messageOf } from '../std/errors.ts'
import { type ClientFlags, gather, wholeNumber, withClientFlags, withCluster } from './client.ts'
import { confirm } from './confirm.ts'
import { Failed, UsageError } from './failure.ts'
import { count, printRows } from './output.ts'
import { partitionsNamed, type TopicPartition } from './partitions.ts'
import { type PlannedOffset, planOf, type ResetTo } from './reset-plan.ts'
import { csvLine, durationMs, offsetsOfCsv, timeMs } from './reset-texts.ts'

interface ResetFlags extends ClientFlags {
  allGroups?: boolean
  topic: string[]
  allTopics?: boolean
  toEarliest?: boolean
  toLatest?: boolean
  toCurrent?: boolean
  toOffset?: number
  shiftBy?: number
  toDatetime?: string
  byDuration?: string
  fromFile?: string
  execute?: boolean
  yes?: boolean
  csv?: boolean
  json?: boolean
}

/** `naru group reset-offsets`. */
export function resetCommand(): Command {
  return withClientFlags(new Command('reset-offsets'))
    .description('Plan where groups go on reading; --execute does it. Groups must have no members meanwhile.')
    .argument('[groups...]')
    .option('--all-groups', 'all groups')
    .option('-t, --topic <name[:partitions]>', 'orders, or orders:0,3 (may be repeated)', gather, [])
    .option('--all-topics', 'every topic that the group has offsets of')
    .option('--to-earliest', 'to the first record that is there')
    .option('--to-latest', 'to the end: only what comes from now on')
    .option('--to-current', 'where it is; to the end where nothing is committed')
    .option('--to-offset <number>', 'to this offset', wholeNumber(0))
    .addOption(
      new Option('--shift-by <number>', 'so many records on; back where negative').argParser(
        wholeNumber(Number.MIN_SAFE_INTEGER)
      )
    )
    .option('--to-datetime <time>', 'to the first record from then on: 2026-01-31T12:00:00Z, or @ and epoch ms')
    .option('--by-duration <duration>', 'to the first record of the last PT1H30M, P2D and the like')
    .option('--from-file <file>', "to what a CSV file says, as --csv writes it; '-' is standard input")
    .option('--execute', 'do it; without, the plan is only shown')
    .option('-y, --yes', 'do not ask (nobody is asked without a terminal)')
    .option('--csv', 'print the plan as CSV: group,topic,partition,offset')
    .option('--json', 'print the plan, one line of JSON for each partition')
    .addHelpText(
      'after',
      `
Offsets outside of what a partition holds become its first or its end.

Examples:
  $ naru group reset-offsets billing --topic orders --to-earliest
  $ naru group reset-offsets billing --topic orders:0,3 --shift-by -100 --execute
  $ naru group reset-offsets billing --all-topics --by-duration PT6H --execute
  $ naru group reset-offsets billing --all-topics --to-current --csv > saved.csv
  $ naru group reset-offsets billing --from-file saved.csv --execute
`
    )
    .action((groups: string[], flags: ResetFlags) => reset(groups, flags))
}

async function reset(named: string[], flags: ResetFlags): Promise<void> {
  const to = await targetOf(flags)
  if (named.length > 0 && flags.allGroups) throw new UsageError('Name the groups, or take --all-groups; not both.')
  if (flags.topic.length > 0 && flags.allTopics) throw new UsageError('--topic, or --all-topics; not both.')
  const isFile = typeof to === 'object' && 'offsets' in to
  if (isFile && (flags.topic.length > 0 || flags.allTopics))
    throw new UsageError('--from-file says the topics itself: leave --topic and --all-topics out.')
  if (!isFile && flags.topic.length === 0 && !flags.allTopics)
    throw new UsageError('Of which topics? --topic NAME, or --all-topics.')
  if (flags.csv && flags.json) throw new UsageError('--csv or --json; not both.')
  await withCluster(flags, async cluster => {
    const groups = await groupsOf(cluster, named, flags, to)
    const planned: PlannedOffset[] = []
    for (const groupId of groups) {
      if (flags.execute) await refuseActive(cluster, groupId)
      planned.push(...(await plan(cluster, groupId, flags, to)))
    }
    if (flags.execute && planned.length > 0) {
      await confirm(`Move ${count(planned.length, 'offset')} of ${groups.join(', ')}?`, flags.yes)
      for (const groupId of groups) await execute(cluster, groupId, planned)
    }
    print(planned, flags)
  })
}

async function groupsOf(cluster: Cluster, named: string[], flags: ResetFlags, to: ResetTo): Promise<string[]> {
  if (flags.allGroups) return (await cluster.retrying(() => listGroups(cluster))).map(({ groupId }) => groupId)
  if (named.length > 0) return named
  const inFile = typeof to === 'object' && 'offsets' in to ? to.offsets.flatMap(({ groupId }) => groupId ?? []) : []
  if (inFile.length === 0) throw new UsageError('Which group? Name it, or take --all-groups.')
  return [...new Set(inFile)]
}

async function plan(cluster: Cluster, groupId: string, flags: ResetFlags, to: ResetTo): Promise<PlannedOffset[]> {
  const committed = await committedOf(cluster, groupId)
  const partitions: TopicPartition[] = flags.allTopics ? committed : await partitionsNamed(cluster, flags.topic)
  return cluster.retrying(() => planOf(cluster, groupId, partitions, committed, to))
}

/** A group that isn't there yet has committed nothing. */
async function committedOf(cluster: Cluster, groupId: string) {
  try {
    return await cluster.retrying(() => committedOffsets(cluster, groupId, null))
  } catch (error) {
    if (codeOf(error) === 'GROUP_ID_NOT_FOUND') return []
    throw error
  }
}

/** Members would go on from where they are, and commit over what is set here. */
async function refuseActive(cluster: Cluster, groupId: string): Promise<void> {
  let description: Awaited<ReturnType<typeof describeGroup>>
  try {
    description = await cluster.retrying(() => describeGroup(cluster, groupId))
  } catch (error) {
    if (codeOf(error) === 'GROUP_ID_NOT_FOUND') return
    throw error
  }
  const { state, members } = description
  if (members.length === 0) return
  throw new Failed(
    `Group ${groupId} is ${state} with ${count(members.length, 'member')}, which would commit over new offsets.`,
    `Stop them first; 'naru group describe ${groupId} --members' shows them. Nothing was changed.`
  )
}

async function execute(cluster: Cluster, groupId: string, planned: readonly PlannedOffset[]): Promise<void> {
  const offsets = planned.flatMap(row => (row.groupId === groupId ? { ...row, offset: row.to } : []))
  try {
    await cluster.retrying(() => commitOffsets(cluster, groupId, offsets))
  } catch (error) {
    if (!['UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION'].includes(codeOf(error))) throw error
    throw new Failed(`Group ${groupId} got a member meanwhile: ${messageOf(error)}`, 'Stop its members first.')
  }
}

function print(planned: readonly PlannedOffset[], flags: ResetFlags): void {
  if (flags.csv) {
    for (const { groupId, topic, partition, to } of planned)
      process.stdout.write(csvLine([groupId, topic, String(partition), String(to)]))
    return
  }
  printRows(
    planned,
    {
      group: row => row.groupId,
      topic: row => row.topic,
      partition: row => row.partition,
      'offset now': row => row.from ?? '-',
      'new offset': row => row.to,
      note: row => row.note ?? ''
    },
    { json: flags.json, empty: 'There is nothing to move.' }
  )
  if (flags.json || planned.length === 0) return
  process.stdout.write(
    flags.execute ? `\n${count(planned.length, 'offset')} moved.\n` : '\nNothing was changed: --execute does it.\n'
  )
}

async function targetOf(flags: ResetFlags): Promise<ResetTo> {
  const given: ResetTo[] = []
  if (flags.toEarliest) given.push('earliest')
  if (flags.toLatest) given.push('latest')
  if (flags.toCurrent) given.push('current')
  if (flags.toOffset !== undefined) given.push({ offset: flags.toOffset })
  if (flags.shiftBy !== undefined) given.push({ shiftBy: flags.shiftBy })
  if (flags.toDatetime !== undefined) given.push({ timestampMs: timeMs(flags.toDatetime) })
  if (flags.byDuration !== undefined) given.push({ timestampMs: Date.now() - durationMs(flags.byDuration) })
  if (flags.fromFile !== undefined) given.push({ offsets: offsetsOfCsv(await textOf(flags.fromFile)) })
  if (given.length !== 1)
    throw new UsageError(
      'Say where to, once: --to-earliest, --to-latest, --to-current, --to-offset, --shift-by, --to-datetime, --by-duration or --from-file.'
    )
  return given[0]
}

async function textOf(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8')
  } catch (error) {
    throw new UsageError(`Can't read ${file}: ${messageOf(error)}`)
  }
}
