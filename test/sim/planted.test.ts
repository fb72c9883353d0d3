import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { silent } from '../../src/std/log.ts'
import { textOf } from './anomaly.ts'
import { caughtBy } from './planted.ts'
import { Bed, plants } from './plants.ts'
import { runSeed } from './scenario.ts'

/** More seeds than this without being caught: the simulator would not find such a bug. */
const seedsMax = 60

const bed = new Bed()
afterEach(() => bed.clear())

describe('the simulator catches', () => {
  for (const plant of plants)
    it(`${plant.name}, by what it does to users`, async test => {
      // Where runs have changed and the known seed finds it no longer, others must: `npm run sim -- --plants ''` looks for them.
      for (const seed of [plant.seed, ...Array.from({ length: seedsMax }, (_, at) => at + 1)]) {
        const caught = await caughtBy(plant, seed, bed)
        if (!caught) continue
        test.diagnostic(`caught by seed ${seed}: ${textOf(caught)}`)
        const sound = await runSeed(seed, silent, plant.planOf(seed))
        assert.deepEqual(sound.anomalies, [], 'without the bug the same seed finds nothing')
        return
      }
      assert.fail(`not caught by ${seedsMax} seeds`)
    })
})
