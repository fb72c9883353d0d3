import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { SeededRandom } from '../../src/std/random.ts'
import type { LogStore } from '../../src/storage/types.ts'
import { openStore, setting } from './support.ts'

const open = (disk: SimulatedDisk): Promise<LogStore> => openStore(setting(disk))
const newDisk = () => new SimulatedDisk({ random: new SeededRandom(1) })

/** A disk whose store was vouched for and runs. */
async function running(): Promise<{ disk: SimulatedDisk; store: LogStore }> {
  const disk = newDisk()
  const store = await open(disk)
  assert.equal(store.survival.survived, 'nothing')
  await store.survival.vouch()
  return { disk, store }
}

describe('of a data folder', () => {
  it('all survives a clean end, and the end of the process alone', async () => {
    const { disk, store } = await running()
    await store.close()
    const second = await open(disk)
    assert.equal(second.survival.survived, 'all')
    const killed = await open(disk.afterKill())
    assert.equal(killed.survival.survived, 'all')
    await killed.close()
  })

  it('only what was synced survives the end of the machine', async () => {
    const { disk } = await running()
    const crashed = await open(disk.afterCrash())
    assert.equal(crashed.survival.survived, 'synced')
    await crashed.survival.vouch()
    await crashed.close()
  })

  it('all survives the end of a machine on which the store was closed before', async () => {
    const { disk, store } = await running()
    await store.close()
    const store2 = await open(disk.afterCrash())
    assert.equal(store2.survival.survived, 'all')
    await store2.close()
  })

  it('what was lost is told until somebody has dealt with it, however the start ends', async () => {
    let { disk } = await running()
    disk = disk.afterCrash()
    await (await open(disk)).close()
    const again = await open(disk)
    assert.equal(again.survival.survived, 'synced', 'a clean end makes nothing whole')
    disk = disk.afterKill()
    const third = await open(disk)
    assert.equal(third.survival.survived, 'synced')
    await third.survival.vouch()
    disk = disk.afterKill()
    assert.equal((await open(disk)).survival.survived, 'all')
    const fresh = newDisk()
    await (await open(fresh)).close()
    assert.equal((await open(fresh)).survival.survived, 'nothing')
  })
})
