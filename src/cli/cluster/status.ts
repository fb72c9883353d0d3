import { Command } from 'commander'
import { type ClientFlags, withClientFlags, withCluster } from '../client.ts'
import { exitCodes } from '../failure.ts'
import { count, printJson, printTable } from '../output.ts'
import { type ClusterStatus, partitionStates, statusOf } from './status-view.ts'

/** So many partitions are named unless all are asked for. */
const shownMax = 20

interface StatusFlags extends ClientFlags {
  readonly all?: boolean
  readonly check?: boolean
  readonly json?: boolean
}

/** `naru cluster status`. */
export function statusCommand(): Command {
  return withClientFlags(new Command('status'))
    .description('Show who is there, who leads what, and which partitions are not as they should be.')
    .option('--all', `name every partition that is not as it should be, not ${shownMax} of them`)
    .option('--check', 'end with 1 where partitions are offline or under min ISR, with 4 where anything else is wrong')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
A partition is
  offline                      without a leader: nobody can write to it or read it
  under min ISR                refusing acks=all: fewer replicas are in sync than min.insync.replicas
  at min ISR                   one failure away from that
  under-replicated             lacking replicas that are in sync
  not on its preferred leader  led by another than its first replica; that is no fault

A broker that is cordoned takes no new replicas: it is drained, or was; 'naru cluster add' takes it back.

Examples:
  $ naru cluster status
  $ naru cluster status --check && deploy
  $ naru cluster status --json | jq '.affected[] | select(.states | index("offline"))'
`
    )
    .action((flags: StatusFlags) =>
      withCluster(flags, async cluster => {
        const status = await statusOf(cluster)
        if (flags.json) printJson(status)
        else print(status, flags.all === true)
        if (flags.check) process.exitCode = exitCodeOf(status)
      })
    )
}

function exitCodeOf({ counts, brokers, controller }: ClusterStatus): number {
  if (counts.offline > 0 || counts['under min ISR'] > 0) return exitCodes.failed
  const isWhole = counts['under-replicated'] === 0 && brokers.every(({ state }) => state === 'up') && controller >= 0
  return isWhole ? exitCodes.ok : exitCodes.warned
}

function print(status: ClusterStatus, all: boolean): void {
  const { clusterId, controller, brokers, topics, partitions, counts, affected } = status
  const led = controller >= 0 ? `the controller is broker ${controller}` : 'there is no controller'
  process.stdout.write(`Cluster ${clusterId}: ${count(brokers.length, 'broker')}, ${led}.\n\n`)
  printTable(
    ['broker', 'address', 'rack', 'version', 'state', 'leads', 'preferred', 'replicas', 'in sync'],
    brokers.map(({ broker, address, rack, version, state, cordoned, leads, preferred, replicas, inSync }) => [
      broker,
      address ?? '-',
      rack ?? '-',
      version ?? (state === 'up' ? 'unknown' : '-'),
      cordoned ? `${state}, cordoned` : state,
      leads,
      preferred,
      replicas,
      inSync
    ])
  )
  for (const { broker, error } of brokers) if (error !== null) process.stdout.write(`Broker ${broker}: ${error}\n`)
  const told = partitionStates.filter(state => counts[state] > 0).map(state => `${counts[state]} ${state}`)
  const result = told.length === 0 ? 'all are as they should be' : told.join(', ')
  process.stdout.write(`\n${count(partitions, 'partition')} of ${count(topics, 'topic')}: ${result}.\n`)
  const shown = all ? affected : affected.slice(0, shownMax)
  if (shown.length === 0) return
  process.stdout.write('\n')
  printTable(
    ['topic', 'partition', 'leader', 'replicas', 'isr', 'min isr', 'state'],
    shown.map(({ topic, partition, leader, replicas, isr, minIsr, states }) => [
      topic,
      partition,
      leader < 0 ? '-' : leader,
      replicas.join(','),
      isr.join(',') || '-',
      minIsr,
      states.join(', ')
    ])
  )
  if (shown.length < affected.length)
    process.stdout.write(`and ${affected.length - shown.length} more: --all names them.\n`)
}
