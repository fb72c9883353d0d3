import { Command, Option } from 'commander'
import { createTopic, deleteTopic, describeLogDirs, listTopics } from '../client/admin.ts'
import { describeConfigs } from '../client/admin-configs.ts'
import type { Cluster, TopicInfo } from '../client/cluster.ts'
import { listOffsets, offsetOf } from '../client/offsets.ts'
import { codeOf } from '../std/errors.ts'
import { type ClientFlags, gather, nameAndValue, wholeNumber, withClientFlags, withCluster } from './client.ts'
import { confirm } from './confirm.ts'
import { forEach, sayMissing } from './each.ts'
import { listCommand } from './list-command.ts'
import { bytesText, count, printJson, printRows } from './output.ts'
import { alterCommand } from './topic-alter.ts'

interface CreateFlags extends ClientFlags {
  partitions?: number
  replicationFactor?: number
  replicas?: number
  config: string[]
  ifNotExists?: boolean
}

interface DescribeFlags extends ClientFlags {
  all?: boolean
  json?: boolean
}

/** `naru topic`. */
export function topicCommand(): Command {
  const topic = new Command('topic').description('Create, list, describe, alter and delete topics.')
  topic
    .addCommand(create())
    .addCommand(list())
    .addCommand(describe())
    .addCommand(alterCommand())
    .addCommand(remove())
    .addHelpText(
      'after',
      `
Examples:
  $ naru topic create orders --partitions 6 --config retention.ms=86400000
  $ naru topic list
  $ naru topic describe orders
  $ naru topic alter orders --partitions 12 --config retention.ms=3600000
  $ naru topic delete orders
`
    )
  return topic
}

/** What the other commands call the replication factor. */
const sameAsElsewhere = new Option('--replicas <number>').argParser(wholeNumber(1)).hideHelp()

function create(): Command {
  return withClientFlags(new Command('create'))
    .description('Create a topic.')
    .argument('<name>')
    .option('-p, --partitions <number>', "how many partitions (default: the broker's num.partitions)", wholeNumber(1))
    .option(
      '-r, --replication-factor <number>',
      "how many brokers have each of them (default: the broker's default.replication.factor)",
      wholeNumber(1)
    )
    .addOption(sameAsElsewhere)
    .option('-c, --config <name=value>', 'a topic config (may be repeated)', gather, [])
    .option('--if-not-exists', 'do nothing when the topic is there already')
    .action((name: string, flags: CreateFlags) =>
      withCluster(flags, async cluster => {
        const configs = Object.fromEntries(flags.config.map(pair => nameAndValue(pair, '--config')))
        const { partitions, replicas, replicationFactor = replicas } = flags
        try {
          await cluster.retrying(() => createTopic(cluster, { name, partitions, replicationFactor, configs }))
        } catch (error) {
          if (!flags.ifNotExists || codeOf(error) !== 'TOPIC_ALREADY_EXISTS') throw error
        }
        const [made] = await cluster.retrying(() => cluster.fetchTopics([name]))
        process.stdout.write(`Topic ${name} is ready, with ${count(made.partitions.length, 'partition')}.\n`)
      })
    )
}

interface TopicRow {
  readonly name: string
  readonly partitions: number
  readonly replicas: number
}

function list(): Command {
  return listCommand<TopicRow, { internal?: boolean }>({
    description: 'List the topics.',
    flags: command => command.option('--internal', "show the broker's own topics too"),
    fetch: async (cluster, flags) =>
      (await listTopics(cluster, flags.internal)).map(topic => ({
        name: topic.name,
        partitions: topic.partitions.length,
        replicas: Math.max(0, ...topic.partitions.map(({ replicas }) => replicas.length))
      })),
    columns: { topic: ({ name }) => name, partitions: row => row.partitions, replicas: row => row.replicas },
    empty: "There are no topics yet; 'naru topic create NAME' makes one."
  })
}

function describe(): Command {
  return withClientFlags(new Command('describe'))
    .description('Show partitions, offsets, sizes and configs of topics.')
    .argument('<topics...>')
    .option('--all', 'show all configs, defaults too')
    .option('--json', 'print one line of JSON for each topic')
    .action((names: string[], flags: DescribeFlags) =>
      withCluster(flags, async cluster => {
        const topics = await cluster.retrying(() => cluster.fetchTopics(names))
        for (const topic of topics) await describeOne(cluster, topic, flags, topic !== topics[0])
      })
    )
}

async function describeOne(cluster: Cluster, topic: TopicInfo, flags: DescribeFlags, below: boolean): Promise<void> {
  const { name, topicId } = topic
  const [partitions, configs] = await Promise.all([
    partitionsOf(cluster, topic),
    describeConfigs(cluster, { type: 'topic', name })
  ])
  const shown = configs.filter(({ source }) => flags.all || source === 'topic')
  if (flags.json) {
    const byName = Object.fromEntries(shown.map(config => [config.name, config.value]))
    printJson({ name, topicId, partitions, configs: byName })
    return
  }
  const records = partitions.reduce((sum, { first, end }) => sum + Math.max(0, end - first), 0)
  const bytes = partitions.reduce((sum, { size }) => sum + Math.max(0, size), 0)
  const held = `${count(records, 'offset')} held in ${bytesText(bytes)}`
  process.stdout.write(
    `${below ? '\n' : ''}Topic ${name} (id ${topicId}): ${count(partitions.length, 'partition')}, ${held}.\n\n`
  )
  printRows(
    partitions,
    {
      partition: row => row.partition,
      leader: row => (row.leader < 0 ? 'none' : row.leader),
      replicas: row => row.replicas.join(','),
      'in sync': row => row.isr.join(','),
      'first offset': row => row.first,
      'end offset': row => row.end,
      size: row => (row.size < 0 ? '-' : bytesText(row.size))
    },
    {}
  )
  if (shown.length === 0) return
  process.stdout.write('\n')
  printRows(shown, { config: config => config.name, value: ({ value }) => value ?? '(hidden)' }, {})
}

/** Offsets are -1 for a partition without a leader; the size, of the leader's copy, where it isn't told. */
async function partitionsOf(cluster: Cluster, topic: TopicInfo) {
  const sizes = new Map<string, number>()
  // A broker that is away or doesn't tell must not keep the rest from being shown.
  for (const { broker, replicas } of await describeLogDirs(cluster, [topic], sayMissing).catch(() => []))
    for (const { partition, bytes } of replicas) sizes.set(`${broker}/${partition}`, bytes)
  const asked = topic.partitions.map(({ index }) => ({ topic: topic.name, partition: index }))
  const [firsts, ends] = await Promise.all([
    listOffsets(cluster, asked, 'earliest'),
    listOffsets(cluster, asked, 'latest')
  ])
  return topic.partitions.map(({ index, leader, replicas, isr }, i) => ({
    partition: index,
    leader,
    replicas,
    isr,
    first: offsetOf(firsts[i]),
    end: offsetOf(ends[i]),
    size: sizes.get(`${leader}/${index}`) ?? -1
  }))
}

function remove(): Command {
  return withClientFlags(new Command('delete'))
    .description('Delete topics with all their records. There is no way back.')
    .argument('<topics...>')
    .option('-y, --yes', 'do not ask (nobody is asked without a terminal)')
    .option('--if-exists', 'do nothing about a topic that is not there')
    .action((names: string[], flags: ClientFlags & { yes?: boolean; ifExists?: boolean }) =>
      withCluster(flags, async cluster => {
        await confirm(`Delete ${names.join(', ')} with all records?`, flags.yes)
        await forEach(names, async name => {
          try {
            await deleteTopic(cluster, name)
            process.stdout.write(`Topic ${name} is deleted.\n`)
          } catch (error) {
            if (!flags.ifExists || codeOf(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
          }
        })
      })
    )
}
