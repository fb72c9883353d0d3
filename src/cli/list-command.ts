import { Command } from 'commander'
import type { Cluster } from '../client/cluster.ts'
import { type ClientFlags, withClientFlags, withCluster } from './client.ts'
import { type Columns, printRows } from './output.ts'

/** A `list` below a command: its things in a table, or a line of JSON each. */
export interface Listing<T, F> {
  readonly description: string
  /** Adds flags of its own. */
  flags?(command: Command): Command
  fetch(cluster: Cluster, flags: F): Promise<readonly T[]>
  readonly columns: Columns<T>
  /** What people read when there is nothing. */
  readonly empty: string
}

/** The `list` that topics, groups and configs share. */
export function listCommand<T, F = ClientFlags>(listing: Listing<T, F>): Command {
  const { description, flags = command => command, fetch, columns, empty } = listing
  return flags(withClientFlags(new Command('list')))
    .description(description)
    .option('--json', 'print one line of JSON for each')
    .action((given: ClientFlags & F & { json?: boolean }) =>
      withCluster(given, async cluster => {
        const rows = await cluster.retrying(() => fetch(cluster, given))
        printRows(rows, columns, { json: given.json, empty })
      })
    )
}
