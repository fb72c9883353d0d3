import { Command } from 'commander'
import { type ClientFlags, gather, withClientFlags, withCluster } from './client.ts'
import { checks, diagnose } from './doctor/checks.ts'
import { collect } from './doctor/collect.ts'
import type { Finding } from './doctor/finding.ts'
import { exitCodes, UsageError } from './failure.ts'
import { count, printJson } from './output.ts'
import { Progress } from './progress.ts'

interface DoctorFlags extends ClientFlags {
  topic: string[]
  dataDir?: string
  for?: number
  json?: boolean
}

/** `naru doctor`. */
export function doctorCommand(): Command {
  return withClientFlags(new Command('doctor'))
    .description('Look for what is wrong with a cluster, or soon will be, and say what to do.')
    .option('-t, --topic <name>', 'look at the partitions and records of this topic only (may be repeated)', gather, [])
    .option('-d, --data-dir <folder>', "look into a broker's data folder on this machine too, and at its process")
    .option('--for <seconds>', 'watch so long for rates and standstill (default: 1, and 6.5 where groups lag)', seconds)
    .option('--json', 'print one line of JSON for each finding')
    .addHelpText(
      'after',
      `
It looks for:
${checks.map(({ name, looksFor }) => `  ${name.padEnd(24)}${looksFor}`).join('\n')}

Of each topic it reads the newest 5,000 records at most, of the 50 largest. Nothing is changed.
Ends with 0 when all is well or there is only info, with 4 for warnings, with 1 for errors.

Examples:
  $ naru doctor
  $ naru doctor --data-dir /var/lib/naru
  $ naru doctor --topic orders --for 30
  $ naru doctor --json | jq -r 'select(.severity == "error") | .what'
`
    )
    .action((flags: DoctorFlags) => doctor(flags))
}

function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 3600))
    throw new UsageError(`--for takes seconds, up to 3600, not '${text}'.`)
  return value
}

async function doctor(flags: DoctorFlags): Promise<void> {
  const local =
    flags.dataDir === undefined ? undefined : await (await import('./doctor/local.ts')).viewFolder(flags.dataDir)
  const progress = new Progress()
  await withCluster(flags, async cluster => {
    const watchMs = flags.for === undefined ? undefined : flags.for * 1000
    const view = await collect(cluster, { topics: flags.topic, watchMs, local, progress }).finally(() => progress.end())
    const findings = diagnose(view)
    if (flags.json) findings.forEach(printJson)
    else {
      findings.forEach(print)
      const seen = `${count(view.brokers.length, 'broker')}, ${count(view.topics.length, 'topic')}, ${count(view.groups.length, 'group')}`
      const result = findings.length === 0 ? 'all is well' : count(findings.length, 'finding')
      process.stdout.write(`${seen}: ${result}.\n`)
    }
    process.exitCode = exitCodeOf(findings)
  })
}

function exitCodeOf(findings: readonly Finding[]): number {
  if (findings.some(({ severity }) => severity === 'error')) return exitCodes.failed
  return findings.some(({ severity }) => severity === 'warning') ? exitCodes.warned : exitCodes.ok
}

function print({ severity, check, subject, what, why, todo, command }: Finding): void {
  const lines = [`${severity.toUpperCase()}  ${subject}: ${what}  [${check}]`, `  why   ${why}`, `  do    ${todo}`]
  if (command !== undefined) lines.push(`        $ ${command}`)
  process.stdout.write(`${lines.join('\n')}\n\n`)
}
