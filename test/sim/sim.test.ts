import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silent } from '../../src/std/log.ts'
import { SimCluster } from './cluster.ts'
import { Coverage } from './coverage.ts'
import { planOf } from './plan.ts'
import { runSeed, type SimResult } from './scenario.ts'
import { search } from './search.ts'

/** What a hundred seeds must come to, each of it in one at least. */
const states = [
  'leader changed',
  'leader changed while an ISR change was in flight',
  'ELR election',
  'unclean election',
  'leader without its page cache',
  'ISR shrunk',
  'ISR grown',
  'ISR of one',
  'ISR change failed',
  'divergence',
  'truncation',
  'damage read',
  'damaged replica fetched again',
  'damaged round found',
  'broker reported gone',
  'lease lost',
  'election failed',
  'answer lost',
  'watch compacted',
  'change made late',
  'group state dropped',
  'stop without handing over'
]

/** Seeds that have found something, and what; as long as nothing of what they do has changed. */
const found = [
  // A follower was told a new log start in an answer that it had no use for, and never again.
  8,
  // What a damaged batch was of its producer was forgotten: later ones were refused, or it was taken twice.
  71_046,
  // A broker whose groups' log was damaged waited for it before it listened, and nobody could take over from it.
  100_183,
  // A damaged replica was given leadership back again and again, and gave it away each time.
  910_112,
  // A member's heartbeats of the generation before had it join again when it had just joined, for ever.
  910_118,
  // A commit that a member tried again when it had lost its place was taken for that of a group without members.
  2_000_199,
  // One changed length took all batches up to the next index entry, and who had written them was forgotten.
  2_003_668,
  // A changed number of records, of a damaged batch in the journal, made its log end 65,536 records later.
  5_001_473
]

describe('a simulated cluster', () => {
  it('keeps what it has promised under the faults of seeds that have found that it did not', async () => {
    for (const seed of found) assert.deepEqual((await runSeed(seed)).anomalies, [], `npm run sim -- --seed ${seed}`)
  })

  it('keeps what it has promised under the faults of a hundred seeds', async test => {
    const results: SimResult[] = []
    await search({ first: 1001, count: 100, seconds: undefined, jobs: 2 }, result => results.push(result))
    for (const { seed, anomalies } of results) assert.deepEqual(anomalies, [], `npm run sim -- --seed ${seed}`)
    assert.equal(results.length, 100)
    const acknowledged = results.reduce((sum, result) => sum + result.acknowledged, 0)
    test.diagnostic(`${acknowledged} records acknowledged`)
    assert.ok(acknowledged > results.length * 100, 'clients got through')
    const reached = Coverage.seeds(results.map(({ coverage }) => coverage))
    assert.deepEqual(
      states.filter(state => !reached.has(state)),
      [],
      'states that no seed has reached'
    )
  })

  it('runs the same way each time, to the last line of the log', async () => {
    const logs: string[] = []
    while (logs.length < 2) {
      const lines: string[] = []
      const say = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`)
      const result = await runSeed(2000, { debug: say, info: say, warn: say, error: say })
      logs.push(JSON.stringify([lines, result]))
    }
    assert.ok(logs[0].length > 1000)
    assert.equal(logs[1], logs[0])
  })

  it('has brokers that start together, and that stop when they are told to, whether the metastore answers or not', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const plan = { ...planOf(seed), brokers: 3, watchDelayMaxMs: 0 }
      const sim = await SimCluster.open(seed, silent, plan)
      for (const machine of sim.machines) machine.start()
      await sim.run(5000, () => sim.machines.every(({ isUp }) => isUp))
      assert.ok(
        sim.machines.every(({ isUp }) => isUp),
        `seed ${seed}`
      )
      const [first] = sim.machines
      assert.ok(first.metastore)
      first.metastore.silent = true
      let stopped = false
      void first.stop().then(() => {
        stopped = true
      })
      await sim.run(20_000, () => stopped)
      assert.ok(stopped, `seed ${seed}`)
      sim.close()
    }
  })
})
