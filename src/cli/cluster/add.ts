import { Command } from 'commander'
import { MovePlanner } from '../../control/move-plan.ts'
import { withCluster } from '../client.ts'
import { Failed } from '../failure.ts'
import { brokerIds, idsOf, isThere } from './brokers.ts'
import { uncordon } from './cordon.ts'
import { carryOut, type MoveFlags, resumeHelp, withMoveFlags } from './moving.ts'

/** `naru cluster add`. */
export function addCommand(): Command {
  return withMoveFlags(new Command('add'))
    .description('Give brokers that have joined, or were drained, their share of replicas and leaders.')
    .argument('<broker...>', 'ids of brokers that run already')
    .addHelpText(
      'after',
      `
Replicas go to the new brokers only, as few as it takes for all to have the same number.
${resumeHelp}
Examples:
  $ naru cluster add 4 --dry-run
  $ naru cluster add 4 5 --throttle 50000000
`
    )
    .action((names: string[], flags: MoveFlags) => add(brokerIds(names), flags))
}

async function add(ids: readonly number[], flags: MoveFlags): Promise<void> {
  await withCluster(flags, cluster =>
    carryOut(
      cluster,
      state => {
        for (const id of ids)
          if (!isThere(state, id))
            throw new Failed(
              `Broker ${id} has not joined; there are ${idsOf(state)}.`,
              'Start it first: it joins by itself, and then gets its share with this command.'
            )
        const again = state.cordoned.filter(({ nodeId }) => ids.includes(nodeId))
        return new MovePlanner([...state.sites, ...again], state.partitions).even(new Set(ids)).spreadLeaders().plan()
      },
      flags,
      () => uncordon(cluster, ids)
    )
  )
}
