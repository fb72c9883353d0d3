/**
 * The simulator by hand: `npm run sim -- --seed N` runs one seed and tells its story, `--minutes M` searches from a seed on,
 * `--log` shows what the brokers say.
 */
import { parseArgs } from 'node:util'
import type { Logger } from '../../src/std/log.ts'
import { runSeed, type SimResult } from './scenario.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    log: { type: 'boolean', default: false }
  }
})

const line =
  (level: string) =>
  (fields: object, message: string): void =>
    console.log(
      level,
      message,
      JSON.stringify(fields, (_, value) => (value instanceof Error ? value.stack : value))
    )
const logger = {
  debug: line('debug'),
  info: line('info'),
  warn: line('warn'),
  error: line('error')
} as unknown as Logger

const first = Number(values.seed)
const endMs = values.minutes === undefined ? undefined : performance.now() + Number(values.minutes) * 60_000
const count = Number(values.seeds)
let failed = 0
let run = 0
const beganMs = performance.now()
for (let seed = first; endMs === undefined ? seed < first + count : performance.now() < endMs; seed++) {
  const result = await runSeed(seed, values.log ? logger : undefined)
  run++
  if (result.faults.length > 0) failed++
  if (result.faults.length > 0 || (count === 1 && endMs === undefined)) tell(result)
}
const seconds = (performance.now() - beganMs) / 1000
console.log(`${run} seeds, ${failed} failed, ${(seconds / run).toFixed(2)} s each`)
process.exit(failed > 0 ? 1 : 0)

function tell({ seed, story, faults, acknowledged, read }: SimResult): void {
  console.log(`seed ${seed}: ${acknowledged} acknowledged, ${read} offsets read`)
  for (const event of story) console.log(`  ${event}`)
  for (const fault of faults.slice(0, 20)) console.log(`  FAULT ${fault}`)
}
