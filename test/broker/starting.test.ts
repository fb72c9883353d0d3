import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Broker } from '../../src/broker/broker.ts'
import { brokerOptions } from '../../src/config/options.ts'
import { openControl } from '../../src/control/control.ts'
import type { Control } from '../../src/control/types.ts'
import { type Disk, DiskError } from '../../src/disk/disk.ts'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import { replicationOptions } from '../../src/replication/options.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'
import { Metrics } from '../../src/std/metrics.ts'
import { OptionValues } from '../../src/std/option.ts'
import { SeededRandom } from '../../src/std/random.ts'
import { storageBrokerOptions } from '../../src/storage/options.ts'
import { openLogStore } from '../../src/storage/store.ts'
import { fetch, item, lines, openWorld, put, settle, stateOf } from './world.ts'

/** A disk on which listing one folder takes until the gate opens, or fails. */
function withGate(disk: Disk, folder: string, isBad: boolean) {
  let open = () => {}
  const gate = new Promise<void>(resolve => {
    open = resolve
  })
  const gated: Disk = Object.assign(Object.create(disk), {
    async list(path: string) {
      if (path.endsWith(folder)) await gate
      if (path.endsWith(folder) && isBad) throw new DiskError('io', `can't read ${path}`)
      return disk.list(path)
    }
  })
  return { gated, open }
}

/**
 * Broker 1 comes back with a record in `t`, which is on brokers 1 and 2 now, led by `leader`; its log takes until `open` to
 * be opened. `isLast`: broker 1 alone is in sync, and 2 eligible. `isDamaged`: the record is; `isFound`: broker 1 knew before it stopped. `isBad`: it can't be opened. `isSilent`: for the first time that it
 * is to be given away the metastore does not answer.
 */
async function comingBack({
  leader = 1,
  isLast = false,
  isDamaged = false,
  isFound = true,
  isBad = false,
  isSilent = false
}) {
  const disk = new SimulatedDisk({ random: new SeededRandom(7), faults: { slow: 0 } })
  const before = await openWorld({}, disk)
  const { topicId } = await before.topic('t', 1, { 'min.insync.replicas': '2' })
  await put(before, 't', 0, 'a')
  await before.close()
  if (isDamaged) disk.flipBit(`/data/logs/${topicId}-0/00000000000000000000.log`, 65)
  if (isDamaged && isFound) {
    const found = await openWorld({}, disk)
    assert.deepEqual(lines(await fetch(found, [item('t', 0, 0)])), ['t-0: CORRUPT_MESSAGE'])
    await found.close()
  }

  const clock = new ManualClock()
  const parts = { clock, random: new SeededRandom(99), logger: silent, metrics: new Metrics() }
  const values = new OptionValues({ 'offsets.topic.num.partitions': '1' })
  const { gated, open } = withGate(disk, `${topicId}-0`, isBad)
  const metastore = await openEmbeddedMetastore({ ...parts, durable: { disk, folder: '/data/metastore' } })
  const other = await openControl({ ...parts, metastore, nodeId: 2 })
  const store = await openLogStore({ ...parts, disk: gated }, '/data', values.of(storageBrokerOptions))
  const control = await openControl({ ...parts, metastore, nodeId: 1 })
  await other.updatePartitions([
    {
      topicId,
      index: 0,
      change: ({ leaderEpoch }) => ({
        leader,
        leaderEpoch: leaderEpoch + 1,
        leaderBrokerEpoch: (leader === 1 ? control : other).brokerEpoch!,
        replicas: [1, 2],
        isr: isLast ? [1] : [1, 2],
        ...(isLast && { elr: [2] })
      })
    }
  ])
  const logDir = { path: '/data', space: () => disk.space('/data') }
  let left = isSilent ? 1 : 0
  const asked: Control = Object.assign(Object.create(control), {
    giveAway: async (...place: [string, number]) => {
      if (left-- > 0) throw new Error('no answer')
      return control.giveAway(...place)
    }
  })
  const starting = Broker.open({ ...parts, store, logDir, control: asked, options: brokerOptions, values })
  const image = () => control.image.topicById(topicId)!.partitions[0]
  const close = async () => {
    const broker = await starting
    // Nobody follows any more: what was appended here is all that there is.
    const ended = broker.abandon()
    await settle()
    clock.advance(1000)
    await ended
    await control.close()
    await other.close()
    await metastore.close()
    await store.close()
  }
  return { clock, topicId, other, starting, open, image, close }
}

describe('a broker that starts', () => {
  it('leads a partition once, also when a leader is elected while its log is being opened', async () => {
    const { clock, topicId, other, starting, open, image, close } = await comingBack({})
    await settle()
    const electedAgain = other.updatePartitions([
      { topicId, index: 0, change: partition => ({ ...partition, leaderEpoch: partition.leaderEpoch + 1 }) }
    ])
    await settle()
    open()
    const broker = await starting
    await electedAgain
    const follower = { nodeId: 2, brokerEpoch: other.brokerEpoch! }
    const { leaderEpoch } = image()
    const fetched = item('t', 0, 1, { topicId, currentLeaderEpoch: leaderEpoch, lastFetchedEpoch: 0 })
    for (let time = 0; time < 4; time++) {
      const request = { maxWaitMs: 0, minBytes: 1, maxBytes: 1e6, readCommitted: false, sessionId: 0, sessionEpoch: -1 }
      const said = { ...request, usesTopicIds: false, items: [fetched], forgotten: [], replica: follower }
      const answer = await broker.fetcher.fetch(said, () => () => {})
      assert.deepEqual(
        answer.partitions.map(({ error }) => error),
        [undefined]
      )
      answer.release()
      clock.advance(Number(replicationOptions.lagTimeMaxMs.default) / 2)
      await settle()
      assert.deepEqual(image().isr, [1, 2], 'a follower that has everything stays in sync')
    }
    await close()
  })

  for (const isFound of [true, false])
    it(`throws a replica away that others lead, and that it ${isFound ? 'knows' : 'finds'} to be damaged`, async () => {
      const { starting, open, image, close } = await comingBack({ leader: 2, isDamaged: true, isFound })
      open()
      assert.equal(await stateOf(starting), 'settled')
      const { partitions } = await starting
      const [partition] = [...partitions.all()].filter(({ topic }) => topic === 't')
      assert.deepEqual([image().isr, partition.endOffset, partition.failure], [[2], 0, undefined])
      await close()
    })

  it('serves what there is where the log of a topic that was deleted meanwhile can not be removed', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(8), faults: { slow: 0 } })
    const before = await openWorld({}, disk)
    const { topicId } = await before.topic('old')
    await before.topic('t')
    await put(before, 'old', 0, 'a')
    await put(before, 't', 0, 'b')
    await before.close()
    const parts = { clock: new ManualClock(), random: new SeededRandom(98), logger: silent }
    const metastore = await openEmbeddedMetastore({ ...parts, durable: { disk, folder: '/data/metastore' } })
    const control = await openControl({ ...parts, metastore, nodeId: 1 })
    await control.deleteTopic(topicId)
    await control.close()
    await metastore.close()
    disk.failNext('rename', `${topicId}-0`)
    const after = await openWorld({}, disk)
    assert.deepEqual(lines(await fetch(after, [item('t', 0, 0), item('old', 0, 0)])), [
      't-0: b',
      'old-0: UNKNOWN_TOPIC_OR_PARTITION'
    ])
    await after.close()
  })

  it('lets an eligible replica lead where it is the last in sync, and damaged', async () => {
    const { starting, open, image, close } = await comingBack({ isLast: true, isDamaged: true })
    open()
    await starting
    await settle()
    assert.equal(image().leader, 2)
    await close()
  })

  it('lets others lead what it can not open, also when the metastore does not answer at first', async () => {
    const { clock, starting, open, image, close } = await comingBack({ isBad: true, isSilent: true })
    open()
    await starting
    await settle()
    assert.deepEqual([image().leader, image().isr], [1, [1, 2]])
    clock.advance(1000)
    await settle()
    assert.deepEqual([image().leader, image().isr], [2, [2]])
    await close()
  })
})
