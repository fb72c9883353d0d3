/**
 * `npm run bench`: measures Naru, and Apache Kafka in turn with `--against kafka`. See docs/benchmarks.md.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fetchApacheKafka, freePorts } from '../test/support/apache-kafka.ts'
import { Broker, type Contender, kafka, naru, naruOf } from './contender.ts'
import { benchHostile } from './hostile/main.ts'
import { measure, pageCacheCanBeDropped, warmUp } from './measure.ts'
import { priceScenarios, priceTable, writePriceDocs } from './price.ts'
import { heading, lines, type Outcome, summarise } from './report.ts'
import { clusterScenarios, type Scenario, scenarios } from './scenarios.ts'

const help = `Usage: npm run bench -- [options]

  --against kafka   run Apache Kafka in the same run, in turn, and print ratios
  --against PATH    the same with the Naru that is built in another checkout
  --contender NAME  naru (default) or kafka: what to measure, alone
  --only NAME       only scenarios whose name contains NAME; may be repeated
  --full            the whole produce matrix
  --cluster         clusters of three brokers, three replicas, acks=all, min.insync.replicas=2
  --price           what acks, flush.messages, batch.size and linger.ms cost, as a table (docs/price.md)
  --docs            with --price: puts the table into docs/price.md
  --hostile         hostile and heavy clients beside a well-behaved one instead; --only and --seconds hold here too
  --seconds N       measured seconds of each repeat (4)
  --warmup N        seconds of load before them (1)
  --repeat N        repeats of each scenario (3)
  --dir PATH        where the brokers keep their data (the system's temporary folder)
  --profile PATH    write a CPU profile of Naru for each scenario into this folder
  --list            print the scenarios
  --help            print this
`

const { values } = parseArgs({
  options: {
    against: { type: 'string' },
    contender: { type: 'string', default: 'naru' },
    only: { type: 'string', multiple: true },
    full: { type: 'boolean', default: false },
    cluster: { type: 'boolean', default: false },
    price: { type: 'boolean', default: false },
    docs: { type: 'boolean', default: false },
    hostile: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '4' },
    warmup: { type: 'string', default: '1' },
    repeat: { type: 'string', default: '3' },
    dir: { type: 'string', default: tmpdir() },
    profile: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  }
})

const known: Record<string, Contender> = { naru, kafka }

async function main(): Promise<void> {
  if (values.help) return console.log(help)
  const only = values.only
  if (values.hostile) return benchHostile({ only, seconds: positive('seconds'), dir: values.dir })
  const all = values.price
    ? priceScenarios
    : values.cluster
      ? clusterScenarios
      : scenarios(values.full || only !== undefined)
  const chosen = all.filter(scenario => !only || only.some(part => scenario.name.includes(part)))
  if (values.list) return console.log(chosen.map(({ name, doc }) => `${name.padEnd(36)} ${doc}`).join('\n'))
  const contenders = [values.contender, ...(values.against ? [values.against] : [])].map(name => {
    if (known[name]) return known[name]
    if (existsSync(join(name, 'dist/cli/main.js'))) return naruOf('other', name)
    throw new Error(`no such contender: ${name}\n\n${help}`)
  })
  const repeats = positive('repeat')
  const bounds = { warmupMs: positive('warmup') * 1000, measureMs: positive('seconds') * 1000 }
  const runDir = mkdtempSync(join(values.dir, 'naru-bench-'))
  try {
    const outcomes = await run(contenders, chosen, repeats, bounds, runDir)
    const file = save(contenders, bounds, outcomes)
    if (values.price) {
      const table = priceTable(outcomes.filter(({ contender }) => contender === contenders[0].name))
      console.log(`\n${table}`)
      if (values.docs) writePriceDocs(table)
    }
    console.log(`\n${file}`)
    if (outcomes.some(outcome => outcome.failure)) process.exitCode = 1
  } finally {
    rmSync(runDir, { recursive: true, force: true })
  }
}

type Bounds = Parameters<typeof measure>[2]

async function run(
  contenders: Contender[],
  chosen: Scenario[],
  repeats: number,
  bounds: Bounds,
  runDir: string
): Promise<Outcome[]> {
  if (contenders.includes(kafka)) fetchApacheKafka()
  const brokers: Broker[] = []
  const start = async (contender: Contender, nodeArgs: string[] = []) => {
    const count = values.cluster ? 3 : 1
    const first = await freePorts(count)
    const broker = new Broker(
      contender,
      join(runDir, contender.name),
      Array.from({ length: count }, (_, i) => first + i),
      nodeArgs
    )
    await broker.start()
    if (!values.profile) await warmUp(broker, 3000)
    return broker
  }
  const outcomes: Outcome[] = []
  try {
    if (!values.profile) for (const contender of contenders) brokers.push(await start(contender))
    console.log(heading())
    for (const scenario of chosen) {
      if (values.profile) {
        const profile = [
          '--cpu-prof',
          `--cpu-prof-dir=${values.profile}`,
          `--cpu-prof-name=${scenario.name}.cpuprofile`
        ]
        brokers.push(await start(contenders[0], profile))
      }
      const rows = await alternate(scenario, brokers, repeats, bounds)
      outcomes.push(...rows)
      for (const line of lines(rows)) console.log(line)
      if (values.profile) await brokers.pop()!.stopAndRemove()
    }
  } finally {
    for (const broker of brokers) await broker.stopAndRemove()
  }
  return outcomes
}

/** Repeats a scenario, the contenders in turn, so that what the machine does meanwhile meets both. */
async function alternate(scenario: Scenario, brokers: Broker[], repeats: number, bounds: Bounds): Promise<Outcome[]> {
  const rows = brokers
    .filter(broker => scenario.kind !== 'embedded' || broker.contender === naru)
    .map(broker => ({ broker, figures: [] as Outcome['repeats'], failure: undefined as string | undefined }))
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const row of repeat % 2 === 0 ? rows : [...rows].reverse()) {
      if (row.failure) continue
      try {
        row.figures.push(await measure(scenario, row.broker, bounds))
      } catch (error) {
        row.failure = (error as Error).message
      }
    }
  }
  return rows.map(({ broker, figures, failure }) => ({
    scenario: scenario.name,
    contender: broker.contender.name,
    repeats: figures,
    summary: summarise(figures),
    failure
  }))
}

function save(contenders: Contender[], bounds: Bounds, outcomes: Outcome[]): string {
  const folder = fileURLToPath(new URL('results/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  const at = new Date().toISOString()
  const file = join(folder, `${at.replaceAll(':', '-').slice(0, 19)}.json`)
  const machine = {
    cpu: cpus()[0].model,
    cpus: cpus().length,
    memoryMb: Math.round(totalmem() / 1e6),
    kernel: release(),
    node: process.version,
    pageCacheDropped: pageCacheCanBeDropped
  }
  const versions = Object.fromEntries(contenders.map(({ name, version }) => [name, version]))
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: folder, encoding: 'utf8' }).trim()
  writeFileSync(file, `${JSON.stringify({ at, commit, versions, machine, bounds, outcomes }, null, 2)}\n`)
  return file
}

function positive(name: 'seconds' | 'warmup' | 'repeat'): number {
  const value = Number(values[name])
  if (!(value > 0)) throw new Error(`--${name} takes a number above 0`)
  return value
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
