import { Command } from 'commander'
import { withCluster } from '../client.ts'
import { rebalanced } from './distribution.ts'
import { carryOut, type MoveFlags, resumeHelp, withMoveFlags } from './moving.ts'

/** `naru cluster rebalance`. */
export function rebalanceCommand(): Command {
  return withMoveFlags(new Command('rebalance'))
    .description('Give all brokers the same number of replicas and leaders, apart from one another.')
    .addHelpText(
      'after',
      `
As few replicas move as that takes. Those of a partition that share a host or a rack are put apart where they can be.
${resumeHelp}
Examples:
  $ naru cluster rebalance --dry-run
  $ naru cluster rebalance --yes
`
    )
    .action((flags: MoveFlags) =>
      withCluster(flags, async cluster => {
        await carryOut(cluster, rebalanced, flags)
      })
    )
}
