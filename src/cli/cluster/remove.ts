import { Command } from 'commander'
import { unregisterBroker } from '../../client/admin-replicas.ts'
import type { Cluster } from '../../client/cluster.ts'
import { codeOf } from '../../std/errors.ts'
import { withCluster } from '../client.ts'
import { Failed } from '../failure.ts'
import { count } from '../output.ts'
import { brokerIds, isThere } from './brokers.ts'
import { drain, without } from './drain.ts'
import { carryOut, type MoveFlags, resumeHelp, withMoveFlags } from './moving.ts'
import { someOf } from './plan-text.ts'
import type { ClusterState } from './state.ts'

interface RemoveFlags extends MoveFlags {
  readonly dead?: boolean
}

/** `naru cluster remove`. */
export function removeCommand(): Command {
  return withMoveFlags(new Command('remove'))
    .description('Take a broker out of the cluster for good.')
    .argument('<broker>', 'its id')
    .option('--dead', 'it will not come back: what it had is copied again from other replicas')
    .addHelpText(
      'after',
      `
A broker that lives is drained; then it can be stopped. With --dead its replicas are made anew on other brokers, and it
is forgotten. What only it had can't be: such partitions are named and left as they are.
${resumeHelp}
Examples:
  $ naru cluster remove 3
  $ naru cluster remove --dead 3 --dry-run
`
    )
    .action((name: string, flags: RemoveFlags) =>
      withCluster(flags, cluster => {
        const [id] = brokerIds([name])
        return flags.dead ? removeDead(cluster, id, flags) : removeLiving(cluster, id, flags)
      })
    )
}

async function removeLiving(cluster: Cluster, id: number, flags: RemoveFlags): Promise<void> {
  if ((await drain(cluster, [id], flags)) && !flags.json)
    process.stdout.write(`Broker ${id} has no replica any more. Stop it, and it is gone.\n`)
}

async function removeDead(cluster: Cluster, id: number, flags: RemoveFlags): Promise<void> {
  let lost: ReturnType<typeof onlyOn> = []
  const done = await carryOut(
    cluster,
    state => {
      if (isThere(state, id))
        throw new Failed(`Broker ${id} is alive.`, `Without --dead it is drained first: 'naru cluster remove ${id}'.`)
      lost = onlyOn(state, id)
      return without({ ...state, partitions: state.partitions.filter(partition => !lost.includes(partition)) }, [id])
    },
    flags
  )
  if (lost.length > 0)
    throw new Failed(
      `Nobody but broker ${id} has all of ${count(lost.length, 'partition')}: ${someOf(lost)}. It is not forgotten.`,
      'Bring it back; or give up what only it has: kafka-leader-election --election-type unclean, then this again.'
    )
  if (!done) return
  await unregisterBroker(cluster, id).catch(error => {
    // Nobody knows of it any more.
    if (codeOf(error) !== 'BROKER_ID_NOT_REGISTERED') throw error
  })
  if (!flags.json) process.stdout.write(`Broker ${id} is forgotten.\n`)
}

/** Partitions that nobody leads and that have a replica there: the others lack something. */
function onlyOn({ partitions }: ClusterState, id: number) {
  return partitions.filter(({ leader, replicas }) => leader === -1 && replicas.includes(id))
}
