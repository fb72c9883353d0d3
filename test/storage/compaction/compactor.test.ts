import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../../../src/std/clock.ts'
import { SeededRandom } from '../../../src/std/random.ts'
import { Compactor } from '../../../src/storage/compaction/compactor.ts'

const unlimited = Number.MAX_VALUE

/** A compactor with limits that can be changed, and how long it pauses. */
function world(bytesPerSecond: number) {
  const clock = new ManualClock()
  const options = { dedupeBytes: 1024 * 1024, loadFactor: 0.9, ioBytes: 64 * 1024, bytesPerSecond }
  const compactor = new Compactor(clock, new SeededRandom(7), options)
  compactor.begin()
  const turn = () => new Promise(resolve => setImmediate(resolve))
  return {
    compactor,
    options,
    clock,
    turn,
    /** How many ms the pause takes; undefined when it has no end within a day. `during` runs every 100 ms. */
    async pausedMs(during: (ms: number) => void = () => {}): Promise<number | undefined> {
      let done = false
      const pause = compactor.pause(() => done).then(() => true)
      const dayMs = 86_400_000
      for (let ms = 0; ms <= 10_000; ms += 100) {
        await turn()
        await turn()
        if (await Promise.race([pause, Promise.resolve(false)])) return ms
        during(ms)
        clock.advance(100)
      }
      clock.advance(dayMs)
      await turn()
      const ended = await Promise.race([pause, Promise.resolve(false)])
      done = true
      clock.advance(100)
      await pause
      return ended ? dayMs : undefined
    }
  }
}

describe('the limit of compaction', () => {
  it('makes passes wait for what they read and wrote', async () => {
    const { compactor, pausedMs } = world(1000)
    compactor.begin()
    assert.equal(await pausedMs(), 0)
    compactor.spend(500)
    assert.equal(await pausedMs(), 500)
  })

  for (const bytesPerSecond of [unlimited, -1, -0.5])
    it(`is none with ${bytesPerSecond}`, async () => {
      const { compactor, pausedMs } = world(bytesPerSecond)
      compactor.spend(1e12)
      assert.equal(await pausedMs(), 0)
    })

  it('lets nothing go on with 0, until it changes or the pass is told to stop', async () => {
    const { compactor, options, pausedMs } = world(0)
    compactor.spend(1)
    assert.equal(await pausedMs(), undefined)
    const changedMs = await pausedMs(ms => {
      if (ms === 300) options.bytesPerSecond = unlimited
    })
    assert.equal(changedMs, 400)
  })

  it('counts from its change: not what was spent when there was none', async () => {
    const { compactor, options, pausedMs } = world(unlimited)
    compactor.spend(1e12)
    options.bytesPerSecond = 1000
    assert.equal(await pausedMs(), 0)
    compactor.spend(200)
    assert.equal(await pausedMs(), 200)
  })
})
