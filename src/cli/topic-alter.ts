import { Command } from 'commander'
import { createPartitions } from '../client/admin.ts'
import { alterConfigs, type ConfigChange, describeConfigs } from '../client/admin-configs.ts'
import { type ClientFlags, gather, wholeNumber, withClientFlags, withCluster } from './client.ts'
import { resize, resizing } from './cluster/resize.ts'
import { configChange, shownChanges } from './config-change.ts'
import { UsageError } from './failure.ts'
import { count, printJson } from './output.ts'

interface AlterFlags extends ClientFlags {
  partitions?: number
  replicas?: number
  config: string[]
  deleteConfig: string[]
  dryRun?: boolean
  json?: boolean
}

/** `naru topic alter`. */
export function alterCommand(): Command {
  return withClientFlags(new Command('alter'))
    .description('Add partitions to a topic, set configs and take them back.')
    .argument('<topic>')
    .option('-p, --partitions <number>', 'how many partitions it shall have: more than now', wholeNumber(1))
    .option('-r, --replicas <number>', 'how many brokers shall have each of its partitions', wholeNumber(1))
    .option('-c, --config <name=value>', 'set a config; += and -= change a list (may be repeated)', gather, [])
    .option('-d, --delete-config <name>', "go back to the broker's default (may be repeated)", gather, [])
    .option('--dry-run', 'only say what would change, and whether the broker takes it')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Keys that are there already may find themselves in another partition once there are more: order by key then begins anew.
All is checked before anything is changed. More replicas are copied by the cluster, whether this command waits for that
or not; 'naru cluster cancel' takes it back while they are.

Examples:
  $ naru topic alter orders --partitions 12 --dry-run
  $ naru topic alter orders --config retention.ms=3600000 --config max.message.bytes=2000000
  $ naru topic alter orders --delete-config retention.ms
  $ naru topic alter orders --replicas 3
`
    )
    .action((name: string, flags: AlterFlags) => alter(name, flags))
}

async function alter(name: string, flags: AlterFlags): Promise<void> {
  const { partitions, replicas, dryRun } = flags
  const changes: ConfigChange[] = [
    ...flags.config.map(text => configChange(text, '--config')),
    ...flags.deleteConfig.map(name => ({ name, operation: 'delete', value: null }) as const)
  ]
  if (partitions === undefined && replicas === undefined && changes.length === 0)
    throw new UsageError('Nothing to change: --partitions, --replicas, --config or --delete-config says what.')
  const resource = { type: 'topic', name } as const
  await withCluster(flags, async cluster => {
    const [topic] = await cluster.retrying(() => cluster.fetchTopics([name]))
    const before = await describeConfigs(cluster, resource)
    // All is checked first: half of a change would be a surprise.
    if (changes.length > 0) await alterConfigs(cluster, resource, changes, true)
    if (partitions !== undefined) await createPartitions(cluster, name, partitions, true)
    const resized = replicas === undefined ? [] : (await resizing(cluster, name, replicas)).moves
    if (!dryRun) {
      if (changes.length > 0) await alterConfigs(cluster, resource, changes)
      if (partitions !== undefined) await createPartitions(cluster, name, partitions)
      if (replicas !== undefined) await resize(cluster, name, replicas)
    }
    const configs = shownChanges(before, changes)
    const done = {
      name,
      dryRun: dryRun === true,
      partitions: { from: topic.partitions.length, to: partitions ?? topic.partitions.length },
      ...(replicas !== undefined && { replicas: { to: replicas, changed: resized.length } }),
      configs
    }
    if (flags.json) {
      printJson(done)
      return
    }
    const lines = configs.map(({ name, from, to }) => `  ${name}: ${from} -> ${to}\n`)
    if (partitions !== undefined) lines.unshift(`  partitions: ${topic.partitions.length} -> ${partitions}\n`)
    if (replicas !== undefined) lines.push(`  replicas of ${count(resized.length, 'partition')} -> ${replicas}\n`)
    const head = dryRun
      ? `The broker would take this for topic ${name}; nothing was changed:`
      : `Topic ${name} has ${count(lines.length, 'change')}:`
    process.stdout.write(`${head}\n${lines.join('')}`)
  })
}
