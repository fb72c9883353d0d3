import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimCluster } from './cluster.ts'
import { runSeed } from './scenario.ts'

/** From 1001 on; 1014 was the first to find a broker that was elected, did not hear so, and never stood again. */
const seedCount = 15
/** A follower that told its new leader where its durable records end, and not that others came behind them. */
const found = [3399]
const seeds = [...Array.from({ length: seedCount }, (_, at) => 1001 + at), ...found]

describe('a simulated cluster', () => {
  it(`keeps what it has promised under the faults of ${seeds.length} seeds`, async test => {
    let acknowledged = 0
    for (const seed of seeds) {
      const result = await runSeed(seed)
      assert.deepEqual(result.faults, [], `npm run sim -- --seed ${seed}`)
      acknowledged += result.acknowledged
    }
    test.diagnostic(`${acknowledged} records acknowledged`)
    assert.ok(acknowledged > seeds.length * 100, 'clients got through')
  })

  it('runs the same way each time', async () => {
    const [first, second] = [await runSeed(2000), await runSeed(2000)]
    assert.deepEqual(second, first)
  })

  it('has brokers that start together, and that stop when they are told to, whether the metastore answers or not', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const sim = await SimCluster.open(seed)
      for (const machine of sim.machines) void sim.start(machine)
      await sim.run(5000, () => sim.machines.every(machine => sim.isUp(machine)))
      assert.ok(
        sim.machines.every(machine => sim.isUp(machine)),
        `seed ${seed}`
      )
      const [first] = sim.machines
      first.metastore?.silence()
      let stopped = false
      void sim.stop(first).then(() => {
        stopped = true
      })
      await sim.run(20_000, () => stopped)
      assert.ok(stopped, `seed ${seed}`)
      sim.close()
    }
  })
})
