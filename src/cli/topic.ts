import { Command } from 'commander'
import { createTopic, deleteTopic, listTopics, topicConfigSource, topicConfigs } from '../client/admin.ts'
import type { Cluster, TopicInfo } from '../client/cluster.ts'
import { listOffset } from '../client/offsets.ts'
import { type ClientFlags, gather, nameAndValue, wholeNumber, withClientFlags, withCluster } from './client.ts'
import { printJson, printTable } from './output.ts'

interface CreateFlags extends ClientFlags {
  partitions?: number
  replicationFactor?: number
  config: string[]
  ifNotExists?: boolean
}

interface ListFlags extends ClientFlags {
  internal?: boolean
  json?: boolean
}

interface DescribeFlags extends ClientFlags {
  all?: boolean
  json?: boolean
}

/** `naru topic`. */
export function topicCommand(): Command {
  const topic = new Command('topic').description('Create, list, describe and delete topics.')
  topic
    .addCommand(create())
    .addCommand(list())
    .addCommand(describe())
    .addCommand(remove())
    .addHelpText(
      'after',
      `
Examples:
  $ naru topic create orders --partitions 6 --config retention.ms=86400000
  $ naru topic list
  $ naru topic describe orders
  $ naru topic delete orders
`
    )
  return topic
}

function create(): Command {
  return withClientFlags(new Command('create'))
    .description('Create a topic.')
    .argument('<name>')
    .option('-p, --partitions <number>', "how many partitions (default: the broker's num.partitions)", wholeNumber(1))
    .option('-r, --replication-factor <number>', 'how many copies (default: as the broker says)', wholeNumber(1))
    .option('-c, --config <name=value>', 'a topic config (may be repeated)', gather, [])
    .option('--if-not-exists', 'do nothing when the topic is there already')
    .action((name: string, flags: CreateFlags) =>
      withCluster(flags, async cluster => {
        const configs = Object.fromEntries(flags.config.map(pair => nameAndValue(pair, '--config')))
        const { partitions, replicationFactor } = flags
        try {
          await cluster.retrying(() => createTopic(cluster, { name, partitions, replicationFactor, configs }))
        } catch (error) {
          if (!flags.ifNotExists || (error as { code?: string }).code !== 'TOPIC_ALREADY_EXISTS') throw error
        }
        const [made] = await cluster.retrying(() => cluster.fetchTopics([name]))
        process.stdout.write(`Topic ${name} is ready, with ${count(made.partitions.length, 'partition')}.\n`)
      })
    )
}

function list(): Command {
  return withClientFlags(new Command('list'))
    .description('List the topics.')
    .option('--internal', "show the broker's own topics too")
    .option('--json', 'print one line of JSON for each topic')
    .action((flags: ListFlags) =>
      withCluster(flags, async cluster => {
        const topics = await listTopics(cluster, flags.internal)
        const rows = topics.map(topic => ({
          name: topic.name,
          partitions: topic.partitions.length,
          replicas: Math.max(0, ...topic.partitions.map(({ replicas }) => replicas.length))
        }))
        if (flags.json) rows.forEach(printJson)
        else if (rows.length === 0)
          process.stdout.write("There are no topics yet; 'naru topic create NAME' makes one.\n")
        else
          printTable(
            ['topic', 'partitions', 'replicas'],
            rows.map(({ name, partitions, replicas }) => [name, partitions, replicas])
          )
      })
    )
}

function describe(): Command {
  return withClientFlags(new Command('describe'))
    .description('Show partitions, offsets and configs of a topic.')
    .argument('<name>')
    .option('--all', 'show all configs, defaults too')
    .option('--json', 'print one line of JSON')
    .action((name: string, flags: DescribeFlags) =>
      withCluster(flags, async cluster => {
        const [topic] = await cluster.fetchTopics([name])
        const [partitions, configs] = await Promise.all([offsetsOf(cluster, topic), topicConfigs(cluster, name)])
        const shown = configs.filter(({ source }) => flags.all || source === topicConfigSource)
        if (flags.json) {
          const byName = Object.fromEntries(shown.map(config => [config.name, config.value]))
          printJson({ name, topicId: topic.topicId, partitions, configs: byName })
          return
        }
        const records = partitions.reduce((sum, { first, end }) => sum + Math.max(0, end - first), 0)
        process.stdout.write(
          `Topic ${name} (id ${topic.topicId}): ${count(partitions.length, 'partition')}, ${count(records, 'offset')} held.\n\n`
        )
        printTable(
          ['partition', 'leader', 'replicas', 'in sync', 'first offset', 'end offset'],
          partitions.map(row => [
            row.partition,
            row.leader,
            row.replicas.join(','),
            row.isr.join(','),
            row.first,
            row.end
          ])
        )
        if (shown.length === 0) return
        process.stdout.write('\n')
        printTable(
          ['config', 'value'],
          shown.map(config => [config.name, config.value ?? '(secret)'])
        )
      })
    )
}

/** Offsets are -1 for a partition without a leader. */
function offsetsOf(cluster: Cluster, topic: TopicInfo) {
  return Promise.all(
    topic.partitions.map(async ({ index, leader, replicas, isr }) => {
      const at = { topic: topic.name, partition: index }
      const [first, end] =
        leader < 0
          ? [-1, -1]
          : await Promise.all([
              listOffset(cluster, { ...at, at: 'earliest' }).then(({ offset }) => offset),
              listOffset(cluster, { ...at, at: 'latest' }).then(({ offset }) => offset)
            ])
      return { partition: index, leader, replicas, isr, first, end }
    })
  )
}

function remove(): Command {
  return withClientFlags(new Command('delete'))
    .description('Delete topics with all their records. There is no way back.')
    .argument('<names...>')
    .action((names: string[], flags: ClientFlags) =>
      withCluster(flags, async cluster => {
        for (const name of names) {
          await deleteTopic(cluster, name)
          process.stdout.write(`Topic ${name} is deleted.\n`)
        }
      })
    )
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
