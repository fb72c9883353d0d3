import { Command, Option } from 'commander'
import { nodeOptions } from '../config/node-options.ts'
import { wholeNumber } from './client.ts'
import { type DumpFlags, dump } from './log/dump.ts'
import { type VerifyFlags, verify } from './log/verify.ts'

const targetHelp = 'a data folder, a log, a file in them, or TOPIC-PARTITION'

/** `naru log`. */
export function logCommand(): Command {
  return new Command('log')
    .description('Look into the files of a data folder, and verify them. Needs no broker; changes nothing.')
    .addCommand(dumpCommand())
    .addCommand(verifyCommand())
    .addHelpText(
      'after',
      `
Examples:
  $ naru log dump                              what is in ./naru-data
  $ naru log dump orders-0 --records           every batch and record of a partition
  $ naru log dump naru-data/journal/sync-1     the rounds of the commit journal
  $ naru log verify                            read all of ./naru-data and report damage
`
    )
}

/** Where TOPIC-PARTITION is looked for. */
function withDataDir(command: Command): Command {
  return command
    .argument('[target]', `${targetHelp} (default: the data folder)`)
    .addOption(
      new Option('-d, --data-dir <folder>', 'the data folder').env('NARU_DATA_DIR').default(nodeOptions.dataDir.default)
    )
}

function dumpCommand(): Command {
  return withDataDir(new Command('dump'))
    .description('Print what files hold: segments, indexes, snapshots, journal, checkpoint, metastore.')
    .option('-r, --records', 'the records of each batch too: keys, values, headers')
    .option('--from <offset>', 'only batches that reach this offset', wholeNumber(0))
    .option('--to <offset>', 'only batches that begin at or below this offset', wholeNumber(0))
    .option('--json', 'print lines of JSON; "kind" tells them apart')
    .addHelpText(
      'after',
      `
While a broker has the folder it may be read too: what it writes just then can look torn.

Examples:
  $ naru log dump                                        overview of ./naru-data
  $ naru log dump orders-0 --from 1000 --to 1010 --records
  $ naru log dump naru-data/checkpoint --json
  $ naru log dump naru-data/metastore/log-0000000000000000
`
    )
    .action((target: string | undefined, flags: DumpFlags) => dump(target, flags))
}

function verifyCommand(): Command {
  return withDataDir(new Command('verify'))
    .description('Read everything and report damage: CRCs, offsets, epochs, indexes, journal, checkpoint, metastore.')
    .option('--live', 'while a broker has the folder: only what its checkpoint vouches for')
    .option('--json', 'print one line of JSON for each finding, and one for the summary')
    .addHelpText(
      'after',
      `
What a start would do to the folder is found out in memory; the folder stays as it is. Ends with 1 when there is damage;
notes, such as a torn write that a start cuts, are none.

Examples:
  $ naru log verify --data-dir /var/lib/naru
  $ naru log verify orders-0
  $ naru log verify --live                               while a broker runs
`
    )
    .action((target: string | undefined, flags: VerifyFlags) => verify(target, flags))
}
