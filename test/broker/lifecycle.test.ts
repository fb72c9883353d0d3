import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { SeededRandom } from '../../src/std/random.ts'
import { crashRun } from './crash.ts'
import { batch, fetch, item, lines, openWorld, produce, put, settle, stateOf } from './world.ts'

const disk = (seed: number) => new SimulatedDisk({ random: new SeededRandom(seed), faults: { slow: 0 } })

describe('a broker that stops', () => {
  it('lets what was appended become safe and answers it', async () => {
    const world = await openWorld({}, disk(1))
    await world.topic('t', 3)
    const sent = Array.from({ length: 30 }, (_, i) => produce(world, 't', i % 3, batch([`v${i}`])))
    const closed = world.close()
    for (const [i, outcome] of (await Promise.all(sent)).entries()) {
      assert.equal(outcome.error, undefined)
      assert.equal(outcome.baseOffset, Math.floor(i / 3))
    }
    await closed
    const again = await openWorld({}, world.disk)
    assert.equal(again.partition('t', 2).endOffset, 10)
    await again.close()
  })

  it('may be stopped twice, and refuses what comes later', async () => {
    const world = await openWorld()
    const partition = await world.topic('t')
    await put(world, 't', 0, 'a')
    await Promise.all([world.broker.close(), world.broker.close()])
    assert.equal((await produce(world, 't', 0, batch(['b']))).error, 'NOT_LEADER_OR_FOLLOWER')
    assert.deepEqual(lines(await fetch(world, [item('t', 0, 0)], { maxWaitMs: 1000 })), ['t-0: NOT_LEADER_OR_FOLLOWER'])
    await assert.rejects(partition.whenCommitted(5), { code: 'NOT_LEADER_OR_FOLLOWER' })
    await world.close()
  })

  it('lets go of the clock', async () => {
    const world = await openWorld()
    await world.topic('t')
    const waiting = fetch(world, [item('t', 0, 0)], { maxWaitMs: 60_000 })
    await settle()
    await world.close()
    ;(await waiting).release()
    assert.equal(world.clock.nextDueMs(), undefined)
  })
})

describe('a broker that is killed', () => {
  it('comes back with everything that it acknowledged, once, seed after seed', async () => {
    for (let seed = 1; seed <= 30; seed++) await crashRun(seed, 4)
  })
})

describe('a disk that fails under a broker', () => {
  it('is told to those who wait and those who come, and does not keep it from stopping', async () => {
    const under = disk(2)
    const world = await openWorld({}, under)
    await world.topic('t')
    await put(world, 't', 0, 'a')
    const reading = fetch(world, [item('t', 0, 1)], { maxWaitMs: 60_000 })
    await settle()
    under.faults.write = 1
    assert.equal((await produce(world, 't', 0, batch(['b']))).error, 'KAFKA_STORAGE_ERROR')
    assert.deepEqual(lines(await reading), ['t-0: KAFKA_STORAGE_ERROR'])
    assert.equal((await produce(world, 't', 0, batch(['c']))).error, 'KAFKA_STORAGE_ERROR')
    assert.equal((await produce(world, 't', 0, batch(['c']), 0)).error, 'KAFKA_STORAGE_ERROR')
    const closed = world.close().catch(() => {})
    await settle(200)
    assert.equal(await stateOf(closed), 'settled')
  })
})
