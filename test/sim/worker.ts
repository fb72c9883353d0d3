/** A process of a search: runs every so manieth seed and tells the results to the process that started it. */
import { runSeed } from './scenario.ts'
import type { Share } from './search.ts'

const { first, step, count, seconds } = JSON.parse(process.argv[2]) as Share
const beganMs = performance.now()
for (let at = 0; at < (count ?? Number.POSITIVE_INFINITY); at++) {
  if (seconds !== undefined && performance.now() - beganMs > seconds * 1000) break
  const result = await runSeed(first + at * step)
  const { user, system } = process.cpuUsage()
  process.send?.({ result, cpuMs: (user + system) / 1000 })
}
process.disconnect()
