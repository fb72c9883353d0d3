/**
 * The simulator by hand: `npm run sim -- --seed N` runs one seed and tells its story, with `--log` what the brokers say too;
 * `--seeds N` or `--minutes M` searches from a seed on, `--jobs 2` in so many processes. `--plants ''` tells how many seeds it
 * takes to find each of the planted bugs, `--plants sync` those with that word.
 */
import { parseArgs } from 'node:util'
import { type Logger, silent } from '../../src/std/log.ts'
import { textOf } from './anomaly.ts'
import { Coverage } from './coverage.ts'
import { caughtBy } from './planted.ts'
import { Bed, plants } from './plants.ts'
import { runSeed, type SimResult } from './scenario.ts'
import { search } from './search.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    log: { type: 'boolean', default: false },
    plants: { type: 'string' }
  }
})

const first = Number(values.seed)
if (values.plants !== undefined) await findPlants(new RegExp(values.plants))
else if (values.seeds === undefined && values.minutes === undefined) {
  const result = await runSeed(first, values.log ? consoleLogger() : silent)
  tell(result)
  const reached = Object.entries(result.coverage).map(([state, times]) => `${state} ${times}`)
  console.log(`  reached: ${reached.join(', ')}`)
  process.exitCode = result.anomalies.length > 0 ? 1 : 0
} else {
  const beganMs = performance.now()
  const failed: number[] = []
  const coverages: Readonly<Record<string, number>>[] = []
  const { cpuMs } = await search(
    {
      first,
      count: values.seeds === undefined ? undefined : Number(values.seeds),
      seconds: values.minutes === undefined ? undefined : Number(values.minutes) * 60,
      jobs: Number(values.jobs)
    },
    result => {
      coverages.push(result.coverage)
      if (coverages.length % 500 === 0) console.log(`${coverages.length} seeds so far, ${failed.length} failed`)
      if (result.anomalies.length === 0) return
      failed.push(result.seed)
      tell(result)
    }
  )
  console.log('seeds that reached:')
  const reached = [...Coverage.seeds(coverages)].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [state, seeds] of reached) console.log(`  ${String(seeds).padStart(6)} ${state}`)
  const each = (cpuMs / 1000 / coverages.length).toFixed(2)
  const seconds = ((performance.now() - beganMs) / 1000).toFixed(0)
  console.log(`${coverages.length} seeds, ${failed.length} failed, ${each} s of CPU each, ${seconds} s in all`)
  if (failed.length > 0) console.log(`failed: ${failed.sort((a, b) => a - b).join(' ')}`)
  process.exitCode = failed.length > 0 ? 1 : 0
}

/** Runs seeds with each planted bug until one finds it by what it does to users. */
async function findPlants(like: RegExp): Promise<void> {
  const bed = new Bed()
  for (const plant of plants) {
    if (!like.test(plant.name)) continue
    const seedsMax = Number(values.seeds ?? 300)
    let result = `NOT FOUND in ${seedsMax} seeds`
    for (let seed = first; seed < first + seedsMax; seed++) {
      const caught = await caughtBy(plant, seed, bed)
      if (!caught) continue
      result = `${seed - first + 1} seeds, ${textOf(caught).slice(0, 200)}`
      break
    }
    console.log(`${plant.name}: ${result}`)
  }
}

function tell({ seed, story, anomalies, acknowledged, read }: SimResult): void {
  console.log(`seed ${seed}: ${acknowledged} acknowledged, ${read} offsets read`)
  for (const event of story) console.log(`  ${event}`)
  for (const anomaly of anomalies) console.log(`  ANOMALY ${textOf(anomaly)}`)
}

function consoleLogger(): Logger {
  const plain = (_: string, value: unknown) => (value instanceof Error ? value.stack : value)
  const say = (level: string) => (fields: object, message: string) =>
    console.log(level, message, JSON.stringify(fields, plain))
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
}
