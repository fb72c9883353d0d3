import { Command } from 'commander'
import { listReassignments, reassignPartitions } from '../../client/admin-replicas.ts'
import { type ClientFlags, withClientFlags, withCluster } from '../client.ts'
import { confirm } from '../confirm.ts'
import { Failed } from '../failure.ts'
import { count, printJson, printTable } from '../output.ts'
import { keyOf } from './state.ts'
import { clearThrottle } from './throttle.ts'

interface CancelFlags extends ClientFlags {
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

/** `naru cluster cancel`. */
export function cancelCommand(): Command {
  return withClientFlags(new Command('cancel'))
    .description('Take back what is being moved: partitions keep the replicas that they had.')
    .option('--dry-run', 'only print what is being moved')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      '\nThrottles of replication are taken away as well. What has moved already stays where it is.\n'
    )
    .action((flags: CancelFlags) => cancel(flags))
}

async function cancel(flags: CancelFlags): Promise<void> {
  await withCluster(flags, async cluster => {
    const moving = await cluster.retrying(() => listReassignments(cluster))
    if (!flags.json) {
      if (moving.length === 0) process.stdout.write('Nothing is being moved.\n')
      else
        printTable(
          ['partition', 'replicas', 'added', 'leaving'],
          moving.map(reassignment => [
            keyOf(reassignment),
            reassignment.replicas.join(','),
            reassignment.adding.join(','),
            reassignment.removing.join(',')
          ])
        )
    }
    let failed: Awaited<ReturnType<typeof reassignPartitions>> = []
    if (!flags.dryRun) {
      if (moving.length > 0) {
        await confirm(`Cancel the move of ${count(moving.length, 'partition')}?`, flags.yes)
        const targets = moving.map(({ topic, index }) => ({ topic, index, replicas: null }))
        const refused = await reassignPartitions(cluster, targets)
        // Those came to their end in the meantime.
        failed = refused.filter(({ error }) => error.code !== 'NO_REASSIGNMENT_IN_PROGRESS')
      }
      await clearThrottle(cluster)
    }
    if (flags.json)
      printJson({
        dryRun: flags.dryRun === true,
        partitions: moving.map(keyOf),
        failed: failed.map(({ target }) => keyOf(target))
      })
    if (failed.length > 0) {
      const [{ target, error }] = failed
      throw new Failed(`${count(failed.length, 'partition')} can't go back: ${keyOf(target)}: ${error.message}`)
    }
    if (!flags.json && !flags.dryRun && moving.length > 0)
      process.stdout.write(`${count(moving.length, 'partition')} stay where they were.\n`)
  })
}
