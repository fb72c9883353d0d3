import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FullDisk } from '../../src/broker/full-disk.ts'
import type { Control } from '../../src/control/types.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'
import type { LogStore } from '../../src/storage/types.ts'

function world(brokers: number, isFull = false) {
  const clock = new ManualClock()
  const said: boolean[] = []
  const space: LogStore['space'] & { isFull: boolean } = { isFull, onChange: undefined }
  const cluster = { brokers, failing: false }
  const control = {
    image: { brokers: () => Array.from({ length: cluster.brokers }, () => ({})) },
    async reportFull(full: boolean) {
      if (cluster.failing) throw new Error('the metastore is full too')
      said.push(full)
    }
  } as unknown as Control
  const fullDisk = new FullDisk({ store: { space } as LogStore, control, clock, logger: silent })
  const set = async (full: boolean) => {
    space.isFull = full
    space.onChange?.(full)
    await settle()
  }
  return { clock, said, cluster, fullDisk, set }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
}

describe('a full disk', () => {
  it('is told to the cluster, and so is its end', async () => {
    const { said, set } = world(3)
    await set(true)
    await set(false)
    assert.deepEqual(said, [true, false])
  })

  it('at the start is told too', async () => {
    const { said } = world(3, true)
    await settle()
    assert.deepEqual(said, [true])
  })

  it('that the cluster could not be told of is told later, as it is then', async () => {
    const { clock, said, cluster, set } = world(3)
    cluster.failing = true
    await set(true)
    clock.advance(1000)
    await settle()
    cluster.failing = false
    clock.advance(1000)
    await settle()
    assert.deepEqual(said, [true])
  })

  it('that the cluster may have been told of is taken back, though it is over before anybody could be asked', async () => {
    const { clock, said, cluster, set } = world(3)
    cluster.failing = true
    await set(true)
    await set(false)
    cluster.failing = false
    clock.advance(1000)
    await settle()
    assert.deepEqual(said, [false])
  })

  it('of a broker by itself is told when another one comes', async () => {
    const { said, cluster, fullDisk, set } = world(1)
    await set(true)
    assert.deepEqual(said, [])
    cluster.brokers = 2
    fullDisk.brokersChanged()
    await settle()
    assert.deepEqual(said, [true])
  })

  it('is nobody else to tell of once the broker stops', async () => {
    const { clock, said, cluster, fullDisk, set } = world(3)
    cluster.failing = true
    await set(true)
    fullDisk.close()
    cluster.failing = false
    clock.advance(10_000)
    await settle()
    assert.deepEqual(said, [])
  })
})
