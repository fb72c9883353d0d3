import { silent } from '../../src/std/log.ts'
import type { Anomaly } from './anomaly.ts'
import type { Bed, Plant } from './plants.ts'
import { runSeed } from './scenario.ts'

/** What a seed finds of a planted bug: only what that bug does to users counts, not that something is odd. */
export async function caughtBy(plant: Plant, seed: number, bed: Bed): Promise<Anomaly | undefined> {
  plant.plant(bed)
  try {
    const { anomalies } = await runSeed(seed, silent, plant.planOf(seed))
    return anomalies.find(({ kind }) => plant.causes.includes(kind))
  } finally {
    bed.clear()
  }
}
