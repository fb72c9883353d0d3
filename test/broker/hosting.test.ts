import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Cleaner } from '../../src/broker/cleaner.ts'
import { Hosting } from '../../src/broker/hosting.ts'
import type { Roles } from '../../src/broker/roles.ts'
import type { Control } from '../../src/control/types.ts'
import { memoryDisk } from '../../src/disk/memory.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'
import { Metrics } from '../../src/std/metrics.ts'
import { OptionValues } from '../../src/std/option.ts'
import { storageBrokerOptions } from '../../src/storage/options.ts'
import { openLogStore } from '../../src/storage/store.ts'
import type { LogStore } from '../../src/storage/types.ts'
import { adminWorld, wanted } from './admin-world.ts'

/** An empty replica of broker 1 that begins at 100, in sync, of a partition that broker 2 leads. */
async function emptyAt100(control: (control: Control) => Control = same => same) {
  const world = await adminWorld({}, [2])
  const chosen = { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [2, 1] }] }
  await world.topics.create([wanted('t', chosen)], false)
  const topic = world.control.image.topic('t')!
  const clock = new ManualClock()
  const values = new OptionValues({})
  const environment = { disk: memoryDisk(), clock, logger: silent, metrics: new Metrics() }
  const store = await openLogStore(environment, '/data', values.of(storageBrokerOptions))
  const isr = () => world.control.image.topic('t')!.partitions[0].isr
  const removedInSync: boolean[] = []
  const watched: LogStore = Object.assign(Object.create(store), {
    ids: () => store.ids(),
    open: (...how: Parameters<LogStore['open']>) => store.open(...how),
    remove(...id: Parameters<LogStore['remove']>) {
      removedInSync.push(isr().includes(1))
      return store.remove(...id)
    }
  })
  const ignore = () => {}
  const roles = { assign: ignore, drop: ignore, failed: ignore, damaged: ignore, forsake: ignore }
  const cleaner = { watch: ignore, note: ignore }
  const { partitions } = world
  const hosting = new Hosting(
    { store: watched, control: control(world.control), partitions, values, clock, logger: silent },
    roles as unknown as Roles,
    cleaner as unknown as Cleaner
  )
  await hosting.open(topic)
  const replica = () => partitions.ofTopic(topic.topicId)[0]!
  await replica().log.advanceStart(100, true)
  return { hosting, replica, isr, removedInSync }
}

describe('an empty replica that begins anew where its leader does', () => {
  it('is in sync no more before its log goes: with none it would begin at 0, and could lead', async () => {
    const { hosting, replica, isr, removedInSync } = await emptyAt100()
    assert.deepEqual(isr(), [2, 1])
    await hosting.renew(replica(), 40, Buffer.alloc(0))
    assert.deepEqual(removedInSync, [false])
    assert.deepEqual([replica().startOffset, replica().endOffset], [40, 40])
    assert.deepEqual(isr(), [2])
  })

  it('stays as it is while the cluster can not be told', async () => {
    const { hosting, replica, removedInSync } = await emptyAt100(control =>
      Object.assign(Object.create(control), { giveAway: () => Promise.reject(new Error('no answer')) })
    )
    await assert.rejects(hosting.renew(replica(), 40, Buffer.alloc(0)), /no answer/)
    assert.deepEqual(removedInSync, [])
    assert.deepEqual([replica().startOffset, replica().failure], [100, undefined])
  })
})
