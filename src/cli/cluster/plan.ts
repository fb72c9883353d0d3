import { Command } from 'commander'
import { describeConfigs } from '../../client/admin-configs.ts'
import type { Cluster } from '../../client/cluster.ts'
import { loadIn, placeReplicas } from '../../control/placement.ts'
import { codeOf } from '../../std/errors.ts'
import { type ClientFlags, wholeNumber, withClientFlags, withCluster } from '../client.ts'
import { Failed, UsageError } from '../failure.ts'
import { bytesText, count, printJson, printTable } from '../output.ts'
import { type Distribution, distributionOf, loadsOf, rebalanced } from './distribution.ts'
import { bytesOf, movesJson, printPlan, someOf } from './plan-text.ts'
import { type ClusterState, stateOf } from './state.ts'

/** So many partitions are shown unless all are asked for. */
const shownMax = 20

interface PlanFlags extends ClientFlags {
  readonly topic?: string
  readonly partitions?: number
  readonly replicas?: number
  readonly all?: boolean
  readonly json?: boolean
}

interface TopicSize {
  readonly partitions: number
  readonly replicas: number
}

/** `naru cluster plan`. */
export function planCommand(): Command {
  return withClientFlags(new Command('plan'))
    .description('Show where replicas lie, how evenly, and what rebalance would move; changes nothing.')
    .option('--topic <name>', 'show where the replicas of a new topic would go instead')
    .option(
      '-p, --partitions <number>',
      "how many partitions that topic has (default: the brokers' num.partitions)",
      wholeNumber(1)
    )
    .option(
      '-r, --replicas <number>',
      "how many brokers have each of them (default: the brokers' default.replication.factor)",
      wholeNumber(1)
    )
    .option('--all', `show every partition, not ${shownMax} of them`)
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Replicas of a partition belong in different racks, then on different hosts, as far as there are enough. This command
knows a broker's host by the address that clients are given; brokers themselves go by the machine that they run on.

Examples:
  $ naru cluster plan
  $ naru cluster plan --json | jq '.rebalance.bytes'
  $ naru cluster plan --topic orders --partitions 12 --replicas 3
`
    )
    .action((flags: PlanFlags) => {
      const { topic, partitions, replicas } = flags
      if (topic === undefined && (partitions !== undefined || replicas !== undefined))
        throw new UsageError('--partitions and --replicas are those of a new topic: --topic names it.')
      return withCluster(flags, async cluster => {
        if (topic !== undefined && (await isThere(cluster, topic)))
          throw new Failed(`Topic ${topic} is there already.`, `'naru topic describe ${topic}' shows its replicas.`)
        const state = await cluster.retrying(() => stateOf(cluster))
        if (topic === undefined) showCluster(cluster.controller, state, flags)
        else showTopic(cluster.controller, state, topic, await sizeOf(cluster, flags), flags)
      })
    })
}

/** How large a topic is that is made with these flags: what they leave out is as the brokers have it. */
async function sizeOf(cluster: Cluster, { partitions, replicas }: PlanFlags): Promise<TopicSize> {
  if (partitions !== undefined && replicas !== undefined) return { partitions, replicas }
  const [{ id }] = cluster.brokerList()
  const configs = await cluster.retrying(() => describeConfigs(cluster, { type: 'broker', name: String(id) }))
  const figureOf = (wanted: string) => Number(configs.find(({ name }) => name === wanted)?.value ?? 1)
  return {
    partitions: partitions ?? figureOf('num.partitions'),
    replicas: replicas ?? figureOf('default.replication.factor')
  }
}

async function isThere(cluster: Cluster, topic: string): Promise<boolean> {
  try {
    await cluster.fetchTopics([topic])
    return true
  } catch (error) {
    if (codeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return false
    throw error
  }
}

function showCluster(controller: number, state: ClusterState, { json, all }: PlanFlags): void {
  const distribution = distributionOf(state)
  const { moves, stuck } = rebalanced(state)
  const bytes = moves.reduce((sum, move) => sum + bytesOf(move), 0)
  const underWay = state.reassigning.length
  if (json) {
    const rebalance = { moves: movesJson(moves), bytes, stuck: stuck.length, underWay }
    printJson({ controller, dryRun: true, partitions: state.partitions.length, ...distribution, rebalance })
    return
  }
  process.stdout.write(`${madeBy(controller)}\n\n`)
  printDistribution(distribution, all === true)
  if (underWay > 0) process.stdout.write(`\n${count(underWay, 'partition')} of these are being moved now.\n`)
  process.stdout.write('\n')
  if (moves.length === 0) process.stdout.write("'naru cluster rebalance' would have nothing to move.\n")
  else {
    process.stdout.write("'naru cluster rebalance' would do this:\n\n")
    printPlan(state, moves)
  }
  if (stuck.length > 0) process.stdout.write(`Nowhere to go: ${someOf(stuck)}.\n`)
}

function printDistribution({ brokers, even, together }: Distribution, all: boolean): void {
  printTable(
    ['broker', 'host', 'rack', 'replicas', 'leads', 'preferred', 'bytes'],
    brokers.map(({ broker, host, rack, there, replicas, leads, preferred, bytes }) => [
      broker,
      there ? (host ?? '-') : 'gone',
      rack ?? '-',
      replicas,
      leads,
      preferred,
      bytesText(bytes)
    ])
  )
  const { replicas, leads, preferred, bytes } = even
  process.stdout.write(
    `\nA broker has ${replicas.least} to ${replicas.most} replicas, leads ${leads.least} to ${leads.most} partitions, is preferred ` +
      `for ${preferred.least} to ${preferred.most}, and holds ${bytesText(bytes.least)} to ${bytesText(bytes.most)}.\n`
  )
  if (together.length === 0) {
    process.stdout.write('No partition has replicas together that could be apart.\n')
    return
  }
  process.stdout.write(`${count(together.length, 'partition')} with replicas together that could be apart:\n\n`)
  const shown = all ? together : together.slice(0, shownMax)
  printTable(
    ['topic', 'partition', 'replicas', 'same'],
    shown.map(({ topic, partition, replicas, shares }) => [topic, partition, replicas.join(','), shares])
  )
  tellOfMore(together.length - shown.length)
}

function showTopic(
  controller: number,
  { sites, partitions }: ClusterState,
  topic: string,
  size: TopicSize,
  flags: PlanFlags
): void {
  const loads = loadsOf(partitions)
  const ground = { sites, load: (nodeId: number) => loadIn(loads, nodeId) }
  const placed = placeReplicas(ground, size.partitions, size.replicas)
  const added = loadsOf(placed.map(replicas => ({ replicas })))
  const brokers = sites.map(({ nodeId, host, rack }) => {
    const { leads: preferred, replicas } = loadIn(added, nodeId)
    return { broker: nodeId, host: host ?? null, rack: rack ?? null, replicas, preferred }
  })
  if (flags.json) {
    printJson({
      controller,
      dryRun: true,
      topic,
      brokers,
      partitions: placed.map((replicas, partition) => ({ partition, replicas }))
    })
    return
  }
  process.stdout.write(`${madeBy(controller)} Topic ${topic} would have:\n\n`)
  const shown = flags.all ? placed : placed.slice(0, shownMax)
  printTable(
    ['partition', 'leader', 'replicas'],
    shown.map((replicas, partition) => [partition, replicas[0], replicas.join(',')])
  )
  tellOfMore(placed.length - shown.length)
  process.stdout.write('\n')
  printTable(
    ['broker', 'host', 'rack', 'replicas', 'leads'],
    brokers.map(({ broker, host, rack, replicas, preferred }) => [
      broker,
      host ?? '-',
      rack ?? '-',
      replicas,
      preferred
    ])
  )
}

function madeBy(controller: number): string {
  const led = controller >= 0 ? `the controller is broker ${controller}` : 'there is no controller'
  return `A dry run, made here from what the cluster says; ${led}. Nothing is changed.`
}

function tellOfMore(more: number): void {
  if (more > 0) process.stdout.write(`and ${more} more: --all shows them.\n`)
}
