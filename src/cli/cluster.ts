import { Command } from 'commander'
import { addCommand } from './cluster/add.ts'
import { cancelCommand } from './cluster/cancel.ts'
import { drainCommand } from './cluster/drain.ts'
import { electCommand } from './cluster/elect.ts'
import { planCommand } from './cluster/plan.ts'
import { rebalanceCommand } from './cluster/rebalance.ts'
import { removeCommand } from './cluster/remove.ts'
import { statusCommand } from './cluster/status.ts'

/** `naru cluster`. */
export function clusterCommand(): Command {
  return new Command('cluster')
    .description('See how a cluster stands; let brokers come and go.')
    .addCommand(statusCommand())
    .addCommand(planCommand())
    .addCommand(addCommand())
    .addCommand(drainCommand())
    .addCommand(removeCommand())
    .addCommand(rebalanceCommand())
    .addCommand(cancelCommand())
    .addCommand(electCommand())
}
