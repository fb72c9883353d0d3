import { Command } from 'commander'
import type { Cluster } from '../../client/cluster.ts'
import { type MovePlan, MovePlanner } from '../../control/move-plan.ts'
import { withCluster } from '../client.ts'
import { Failed } from '../failure.ts'
import { brokerIds, idsOf, isThere } from './brokers.ts'
import { cordon } from './cordon.ts'
import { carryOut, type MoveFlags, resumeHelp, withMoveFlags } from './moving.ts'
import type { ClusterState } from './state.ts'

/** `naru cluster drain`. */
export function drainCommand(): Command {
  return withMoveFlags(new Command('drain'))
    .description('Move everything off brokers, so that they can be stopped for good.')
    .argument('<broker...>', 'ids')
    .addHelpText(
      'after',
      `
Ends when they have no replica any more. From its beginning on they get no new ones (cordoned.log.dirs), until 'naru
cluster add' names them again.
${resumeHelp}
Examples:
  $ naru cluster drain 2 --dry-run
  $ naru cluster drain 2
`
    )
    .action((names: string[], flags: MoveFlags) =>
      withCluster(flags, async cluster => {
        const ids = brokerIds(names)
        if ((await drain(cluster, ids, flags)) && !flags.json)
          process.stdout.write(`Broker ${ids.join(', ')} has no replica any more and can be stopped.\n`)
      })
    )
}

/** Moves everything off brokers. False when that was only to be printed. */
export function drain(cluster: Cluster, ids: readonly number[], flags: MoveFlags): Promise<boolean> {
  return carryOut(
    cluster,
    state => {
      for (const id of ids)
        if (!isThere(state, id))
          throw new Failed(
            `Broker ${id} is not there; there are ${idsOf(state)}.`,
            `If it is dead for good: 'naru cluster remove --dead ${id}'.`
          )
      return without(state, ids)
    },
    flags,
    () => cordon(cluster, ids)
  )
}

/** A plan that leaves nothing on these brokers. */
export function without({ sites, partitions }: ClusterState, ids: readonly number[]): MovePlan {
  const staying = sites.filter(({ nodeId }) => !ids.includes(nodeId))
  return new MovePlanner(staying, partitions).vacate(new Set(ids)).plan()
}
