import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { blockBytes, type Disk } from '../../../src/disk/disk.ts'
import { memoryDisk } from '../../../src/disk/memory.ts'
import { ManualClock } from '../../../src/std/clock.ts'
import { below, SeededRandom } from '../../../src/std/random.ts'
import { TimerWheel } from '../../../src/std/timer-wheel.ts'
import { SlabPool } from '../../../src/storage/memory/slab-pool.ts'

const arenaBytes = 16 * 1024 * 1024

function countingPool(): { pool: SlabPool; allocated: () => number; clock: ManualClock } {
  const disk = memoryDisk()
  const clock = new ManualClock()
  let bytes = 0
  const allocate = (size: number) => {
    bytes += size
    return disk.allocate(size)
  }
  return { pool: new SlabPool({ ...disk, allocate } as Disk, new TimerWheel(clock)), allocated: () => bytes, clock }
}

describe('the pool of slab memory', () => {
  it('gives whole blocks that nobody else has', () => {
    const { pool } = countingPool()
    const random = new SeededRandom(7)
    const held: { memory: Buffer; mark: number }[] = []
    for (let step = 0; step < 5000; step++) {
      if (held.length > 0 && below(random, 100) < 48) {
        const [{ memory, mark }] = held.splice(below(random, held.length), 1)
        for (const at of [0, memory.length >> 1, memory.length - 1]) assert.equal(memory[at], mark)
        pool.give(memory)
      } else {
        const bytes = 1 + below(random, below(random, 10) === 0 ? 3_000_000 : 100_000)
        const memory = pool.take(bytes)
        assert.ok(memory.length >= bytes && memory.length < bytes + blockBytes && memory.length % blockBytes === 0)
        memory.fill(step % 251)
        held.push({ memory, mark: step % 251 })
      }
    }
  })

  it('makes large pieces of small ones that were given back', () => {
    const { pool, allocated } = countingPool()
    pool.give(pool.take(arenaBytes))
    const small = Array.from({ length: arenaBytes / blockBytes }, () => pool.take(1))
    for (const memory of small) pool.give(memory)
    pool.take(arenaBytes)
    assert.equal(allocated(), arenaBytes)
  })

  it('takes memory again instead of allocating it, whatever the sizes', () => {
    const { pool, allocated } = countingPool()
    for (let round = 0; round < 100; round++) {
      const held = Array.from({ length: 16 }, (_, at) => pool.take((1 + ((at * 7 + round) % 23)) * 5000))
      for (const memory of held) pool.give(memory)
    }
    assert.ok(allocated() <= 2 * arenaBytes, `${allocated()} bytes were allocated`)
  })

  it('lets go of what nobody needed for a while', () => {
    const { pool, allocated, clock } = countingPool()
    for (const memory of [pool.take(arenaBytes), pool.take(arenaBytes)]) pool.give(memory)
    clock.advance(11_000)
    pool.give(pool.take(arenaBytes))
    clock.advance(10_000)
    pool.take(arenaBytes)
    assert.equal(allocated(), 2 * arenaBytes, 'the arena that was used meanwhile is still there')
    pool.take(arenaBytes)
    assert.equal(allocated(), 3 * arenaBytes, 'the other one is gone')
  })
})
