import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../../src/disk/simulated.ts'
import { SeededRandom } from '../../../src/std/random.ts'
import type { LogConfig } from '../../../src/storage/types.ts'
import { batchAt, cachedConfig, durable, logId, openStore, setting } from '../support.ts'

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise<void>(resolve => setImmediate(resolve))
}

/** Appends until the store has synced some of it, lets time pass, cuts the power; gives the end before and after. */
async function powerCut(seed: number, config: LogConfig, bytes: number, passMs: number): Promise<[number, number]> {
  const disk = new SimulatedDisk({ random: new SeededRandom(seed) })
  const world = setting(disk)
  const store = await openStore(world)
  const log = await store.open(logId(0), config)
  while (log.sizeBytes < bytes) log.append(batchAt(log.endOffset, 1, 900))
  const { endOffset, sizeBytes } = log
  await durable(log)
  for (let tries = 0; world.metrics.snapshot()['naru_unwritten_bytes'] === sizeBytes; tries++) {
    assert.ok(tries < 1000, 'something is written to the segment')
    await turns(1)
  }
  world.clock.advance(passMs)
  await turns(50)
  const again = await openStore(setting(disk.afterCrash()))
  const found = (await again.open(logId(0), config)).endOffset
  await again.close()
  return [endOffset, found]
}

describe('what page-cache logs have synced', () => {
  it('survives a power loss at once where flush.messages says when to sync', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const [end, found] = await powerCut(seed, { ...cachedConfig, flushMessages: 4 }, 4000, 0)
      assert.ok(found >= 4 && found <= end, `seed ${seed}: ${found} of ${end}`)
    }
  })

  it('survives a power loss a second later where syncs are left to the background', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const [end, found] = await powerCut(seed, { ...cachedConfig, segmentBytes: 1 << 20 }, 200_000, 1100)
      assert.ok(found > 0 && found <= end, `seed ${seed}: ${found} of ${end}`)
    }
  })
})
