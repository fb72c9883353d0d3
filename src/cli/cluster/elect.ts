import { Command } from 'commander'
import { type Elected, electLeaders, type PartitionName } from '../../client/admin-replicas.ts'
import type { Cluster } from '../../client/cluster.ts'
import { type ClientFlags, withClientFlags, withCluster } from '../client.ts'
import { confirm } from '../confirm.ts'
import { Failed, UsageError } from '../failure.ts'
import { count, printJson, printTable } from '../output.ts'
import { partitionsNamed } from '../partitions.ts'
import { keyOf } from './state.ts'

interface ElectFlags extends ClientFlags {
  readonly unclean?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

interface Candidate extends PartitionName {
  readonly leader: number
  readonly replicas: readonly number[]
}

/** `naru cluster elect`. */
export function electCommand(): Command {
  return withClientFlags(new Command('elect'))
    .description('Have preferred replicas lead again; or, where nobody can, replicas that lack records.')
    .argument('[partitions...]', 'orders, or orders:0,3 (default: all)')
    .option(
      '--unclean',
      'of partitions without a leader: a replica that is neither in sync nor eligible; loses records'
    )
    .option('--dry-run', 'only print what would be elected')
    .option('-y, --yes', 'do not ask (nobody is asked without a terminal, nor without --unclean)')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `
Leaders go back to preferred replicas by themselves, some minutes after a failure: this does it now. Nothing is lost
by that, and clients go on by themselves.

Examples:
  $ naru cluster elect
  $ naru cluster elect orders:0,3
  $ naru cluster elect orders:0 --unclean    what only brokers that are away have is lost
`
    )
    .action((names: string[], flags: ElectFlags) => elect(names, flags))
}

async function elect(names: readonly string[], flags: ElectFlags): Promise<void> {
  const { unclean = false, dryRun = false, json } = flags
  if (unclean && names.length === 0)
    throw new UsageError('--unclean loses records: name the partitions, as orders:0,3.')
  await withCluster(flags, async cluster => {
    const candidates = (await partitionsOf(cluster, names)).filter(({ leader, replicas }) =>
      unclean ? leader < 0 : leader !== replicas[0]
    )
    if (!json) print(candidates, unclean)
    let failed: Elected[] = []
    if (!dryRun && candidates.length > 0) {
      if (unclean)
        await confirm(`Elect a leader for ${count(candidates.length, 'partition')} and lose what it lacks?`, flags.yes)
      const elected = await electLeaders(cluster, unclean ? 'unclean' : 'preferred', candidates)
      // Those came to have their leader in the meantime.
      failed = elected.filter(({ error }) => error && error.code !== 'ELECTION_NOT_NEEDED')
    }
    const done = dryRun ? 0 : candidates.length - failed.length
    if (json)
      printJson({ dryRun, unclean, partitions: candidates.map(keyOf), elected: done, failed: failed.map(keyOf) })
    else if (done > 0) process.stdout.write(`${count(done, 'leader')} elected.\n`)
    if (failed.length === 0) return
    const [{ error }] = failed
    throw new Failed(
      `${count(failed.length, 'election')} failed: ${keyOf(failed[0])}: ${error?.message}`,
      hints[unclean ? 1 : 0]
    )
  })
}

const hints = [
  "Their preferred replicas are away, or not in sync yet: 'naru cluster status' shows them.",
  'No broker that has a replica is there: start one of them.'
]

async function partitionsOf(cluster: Cluster, names: readonly string[]): Promise<Candidate[]> {
  const named = new Set(
    (await partitionsNamed(cluster, names)).map(({ topic, partition }) => keyOf({ topic, index: partition }))
  )
  const topics = await cluster.retrying(() => cluster.fetchTopics(null))
  return topics
    .flatMap(({ name, partitions }) => partitions.map(partition => ({ topic: name, ...partition })))
    .filter(partition => names.length === 0 || named.has(keyOf(partition)))
}

function print(candidates: readonly Candidate[], unclean: boolean): void {
  if (candidates.length === 0) {
    process.stdout.write(unclean ? 'None of these is without a leader.\n' : 'Preferred replicas lead already.\n')
    return
  }
  printTable(
    ['partition', 'leader', 'replicas'],
    candidates.map(partition => [
      keyOf(partition),
      partition.leader < 0 ? '-' : partition.leader,
      partition.replicas.join(',')
    ])
  )
}
