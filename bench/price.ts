/** `--price`: what each choice of acks, flush.messages, batch.size and linger.ms costs and what it survives. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Outcome } from './report.ts'
import type { PacedScenario, ProduceScenario } from './scenarios.ts'

const recordBytes = 1024
const partitions = 10
const recordsPerSecond = 2000

const modes = [
  { acks: 0, acksName: '0', fsync: false },
  { acks: 0, acksName: '0', fsync: true },
  { acks: 1, acksName: '1', fsync: false },
  { acks: 1, acksName: '1', fsync: true },
  { acks: -1, acksName: 'all', fsync: false },
  { acks: -1, acksName: 'all', fsync: true }
] as const

const batches = [
  { batch: 'one', title: 'one record', batchBytes: 0, lingersMs: [0] },
  { batch: '16K', title: '16 KB', batchBytes: 16 * 1024, lingersMs: [0, 5] },
  { batch: '1M', title: '1 MB', batchBytes: 1_000_000, lingersMs: [5, 50] }
] as const

type Mode = (typeof modes)[number]

/** Each row of the table takes its throughput from one scenario and its latency from another. */
const rows = modes.flatMap(mode =>
  batches.flatMap(({ batch, title, batchBytes, lingersMs }) => {
    const name = `price-${batch}-acks${mode.acksName}-${mode.fsync ? 'fsync' : 'page'}`
    const shared = { recordBytes, batchBytes, partitions, acks: mode.acks, fsync: mode.fsync }
    const big = batch === '1M'
    const full: ProduceScenario = {
      kind: 'produce',
      name: `${name}-full`,
      doc: `full batches (${title}), as many as the broker takes`,
      ...shared,
      connections: big ? 4 : 10,
      inFlight: big ? 2 : mode.acks === 0 ? 50 : 5
    }
    return lingersMs.map(lingerMs => {
      const doc = `${recordsPerSecond} records/s of 1 KB, batch.size ${title}, linger.ms=${lingerMs}`
      const paced: PacedScenario = {
        kind: 'paced',
        name: `${name}-linger${lingerMs}`,
        doc,
        ...shared,
        lingerMs,
        recordsPerSecond
      }
      return { mode, title, lingerMs, full, paced }
    })
  })
)

export const priceScenarios: (ProduceScenario | PacedScenario)[] = [
  ...new Map(rows.flatMap(({ full, paced }) => [full, paced]).map(scenario => [scenario.name, scenario])).values()
]

/** What becomes of a record that was acknowledged, or with acks=0 handed over, on one broker. */
function survives({ acks, fsync }: Mode): [kill: string, power: string, disk: string] {
  if (acks === 0) return ['not for sure', 'not for sure', 'no']
  return fsync ? ['yes', 'yes', 'no'] : ['yes', 'no', 'no']
}

/** The table in Markdown, of the first contender's outcomes. */
export function priceTable(outcomes: readonly Outcome[]): string {
  const median = (scenario: string, figure: string) =>
    outcomes.find(outcome => outcome.scenario === scenario)?.summary[figure]?.median
  const lines = [
    '| acks | flush.messages | batch.size | linger.ms | MB/s, full batches | records/s | p50 ms | p99 ms | CPU s a million records | kill -9 | power loss | disk loss |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|'
  ]
  for (const { mode, title, lingerMs, full, paced } of rows) {
    if (median(paced.name, 'recordsPerSecond') === undefined) continue
    const cpu = median(full.name, 'brokerCpuCores')
    const rate = median(full.name, 'recordsPerSecond')
    const cells = [
      mode.acksName,
      mode.fsync ? '1 (synced)' : 'page cache',
      title,
      lingerMs,
      fixed(median(full.name, 'mbPerSecond'), 0),
      fixed(median(full.name, 'recordsPerSecond'), 0),
      fixed(inMs(median(paced.name, 'p50Us')), 2),
      fixed(inMs(median(paced.name, 'p99Us')), 2),
      fixed(cpu !== undefined && rate ? (cpu / rate) * 1e6 : undefined, 1),
      ...survives(mode)
    ]
    lines.push(`| ${cells.join(' | ')} |`)
  }
  return lines.join('\n')
}

const begin = '<!-- The table is written by: npm run bench -- --price --docs -->\n'
const end = '\n<!-- end of the table -->'

/** Puts the table into docs/price.md in place of the one that is there. */
export function writePriceDocs(table: string): void {
  const path = fileURLToPath(new URL('../docs/price.md', import.meta.url))
  const text = readFileSync(path, 'utf8')
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${path} has no place for the table`)
  writeFileSync(path, text.slice(0, from + begin.length) + table + text.slice(to))
}

function inMs(us: number | undefined): number | undefined {
  return us === undefined ? undefined : us / 1000
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? '-' : value.toFixed(digits)
}
