import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { partitionTopicOptions } from '../../src/partition/options.ts'
import { Partition } from '../../src/partition/partition.ts'
import { buildBatch } from '../../src/record/build.ts'
import { headerBytes } from '../../src/record/header.ts'
import { NaruError } from '../../src/std/errors.ts'
import { OptionValues } from '../../src/std/option.ts'
import { SeededRandom } from '../../src/std/random.ts'
import type { LogStore } from '../../src/storage/types.ts'
import { logId, openStore, type StoreSetting, setting, syncConfig } from '../storage/support.ts'

const config = { ...new OptionValues({}).of(partitionTopicOptions), requireKeys: false }
const id = logId(1)

/** Leads the log of a store; tells from where its batches were read to know its producers. */
async function lead(
  store: LogStore,
  { clock }: StoreSetting,
  leaderEpoch = 0
): Promise<{ partition: Partition; scannedFrom: number | undefined }> {
  const log = await store.open(id, syncConfig)
  let scannedFrom: number | undefined
  const { scan } = log
  log.scan = (from, ...visit) => {
    scannedFrom = from
    return scan.call(log, from, ...visit)
  }
  const identity = { topic: 't', topicId: id.topicId, index: id.partition }
  const partition = await Partition.open(log, identity, config, clock)
  const nobody = { brokerEpochOf: () => undefined, caughtUp() {}, fellBehind() {} }
  partition.lead(1, { epoch: leaderEpoch, replicas: [1], isr: [1] }, nobody)
  return { partition, scannedFrom }
}

const numbered = (baseSequence: number, bytes = 1, producerEpoch = 0, records = 1) =>
  buildBatch(
    Array.from({ length: records }, () => ({ timestamp: 1_700_000_000_000, value: Buffer.alloc(bytes, 'x') })),
    { producerId: 5, producerEpoch, baseSequence }
  )

const simulated = () => new SimulatedDisk({ random: new SeededRandom(1), faults: { slow: 0 } })

/**
 * Leads a log of sequences 0 to 4 and of two batches of nobody, after a bit was flipped, while the broker was down, in the
 * batch of a sequence: where `place` says, given where that batch begins.
 */
async function ledWithFlip(place: (at: number) => number, sequence = 3) {
  const disk = simulated()
  const world = setting(disk)
  const store = await openStore(world)
  const { partition } = await lead(store, world)
  for (let i = 0; i < 5; i++) partition.appendFromProducer(numbered(i))
  for (let i = 0; i < 2; i++) partition.append(buildBatch([{ timestamp: 1_700_000_000_000, value: Buffer.from('y') }]))
  const end = partition.endOffset
  await partition.whenCommitted(end - 1)
  await store.close()
  const path = disk.paths().find(name => name.endsWith('.log') && name.includes(partition.topicId))!
  disk.flipBit(path, place(sequence * numbered(0).length), 0)
  const again = await openStore(setting(disk))
  const { partition: back } = await lead(again, world, 1)
  return { back, end, store: again }
}

describe('a partition', () => {
  it('reads a bounded part of its log to know its producers after a kill, however much retention has deleted', async () => {
    const disk = simulated()
    const world = setting(disk)
    const store = await openStore(world, { unwrittenBytesMax: 8 * 1024 * 1024 })
    const { partition } = await lead(store, world)
    const batches = 150
    for (let i = 0; i < batches; i++) {
      const { lastOffset } = partition.appendFromProducer(numbered(i, 1_000_000))
      await partition.whenCommitted(lastOffset)
      // As retention would, so that the log never grows beyond 20 MB.
      if (i % 20 === 19) await partition.deletions.before(i)
    }
    disk.crash()
    const after = setting(disk.afterCrash())
    const again = await openStore(after)
    const { partition: back, scannedFrom } = await lead(again, after, 1)
    // Snapshots were taken at 68 and 136 MB.
    assert(scannedFrom !== undefined && scannedFrom > 120, `scanned from ${scannedFrom}`)
    for (let i = batches - 5; i < batches; i++)
      assert.equal(back.appendFromProducer(numbered(i, 1_000_000)).baseOffset, i)
    assert.equal(back.endOffset, batches)
    await again.close()
  })

  it('writes nothing when it closes, unless much would have to be read again, or is gone', async () => {
    for (const deleted of [false, true]) {
      const disk = simulated()
      const world = setting(disk)
      const store = await openStore(world)
      const { partition } = await lead(store, world)
      for (let i = 0; i < 5; i++) partition.appendFromProducer(numbered(i))
      await partition.whenCommitted(4)
      if (deleted) await partition.deletions.before(-1)
      await partition.prepareClose()
      await store.close()
      assert.equal(await partition.log.latestSnapshot().then(found => found?.offset), deleted ? 5 : undefined)
      const again = await openStore(setting(disk))
      const { partition: back } = await lead(again, world, 1)
      assert.equal(back.appendFromProducer(numbered(4)).baseOffset, 4)
      assert.equal(back.endOffset, 5)
      await again.close()
    }
  })

  it('keeps no snapshot that knows more than the log', async () => {
    const disk = simulated()
    const world = setting(disk)
    const store = await openStore(world)
    const { partition } = await lead(store, world)
    for (let i = 0; i < 3; i++) partition.appendFromProducer(numbered(i, 100_000))
    const closing = partition.prepareClose()
    partition.appendFromProducer(numbered(3))
    await closing
    await partition.whenCommitted(3)
    disk.crash()
    const after = setting(disk.afterCrash())
    const again = await openStore(after)
    const { partition: back, scannedFrom } = await lead(again, after, 1)
    assert.equal(scannedFrom, 3)
    for (let i = 0; i < 4; i++) assert.equal(back.appendFromProducer(numbered(i)).baseOffset, i)
    assert.equal(back.appendFromProducer(numbered(4)).baseOffset, 4)
    await again.close()
  })

  it('knows a repeated batch of which only the records are damaged on disk, and takes the one after it', async () => {
    const { back, end, store } = await ledWithFlip(at => at + headerBytes + 3)
    assert.equal(back.appendFromProducer(numbered(3)).baseOffset, 3)
    assert.equal(back.appendFromProducer(numbered(4)).baseOffset, 4)
    assert.equal(back.endOffset, end)
    assert.equal(back.appendFromProducer(numbered(5)).baseOffset, end)
    await store.close()
  })

  it('takes nothing twice from a producer whose newest batch may be among the damaged ones, and says so', async () => {
    // The last byte of its producer id.
    const { back, end, store } = await ledWithFlip(at => at + 50, 4)
    for (const sequence of [4, 5])
      assert.throws(() => back.appendFromProducer(numbered(sequence)), {
        code: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
        message: /damaged/
      })
    assert.equal(back.appendFromProducer(numbered(3)).baseOffset, 3)
    assert.equal(back.endOffset, end)
    assert.equal(back.appendFromProducer(numbered(0, 1, 1)).baseOffset, end)
    assert.equal(back.appendFromProducer(numbered(1, 1, 1)).baseOffset, end + 1)
    await store.close()
  })

  it('knows after a restart a batch of which deleted records were the first', async () => {
    const disk = simulated()
    const world = setting(disk)
    const store = await openStore(world)
    const { partition } = await lead(store, world)
    const three = () => numbered(0, 1, 0, 3)
    await partition.whenCommitted(partition.appendFromProducer(three()).lastOffset)
    await partition.deletions.before(1)
    disk.crash()
    const after = setting(disk.afterCrash())
    const again = await openStore(after)
    const { partition: back } = await lead(again, after, 1)
    assert.equal(back.appendFromProducer(three()).baseOffset, 0)
    assert.equal(back.endOffset, 3)
    await again.close()
  })

  it('stops serving once, and tells everyone who waits and who comes why', async () => {
    const world = setting(simulated())
    const store = await openStore(world)
    const { partition } = await lead(store, world)
    const heard: string[] = []
    const note = (what: string) => (error?: Error) =>
      void heard.push(`${what} ${error ? (error as NaruError).code : 'ok'}`)
    const { lastOffset } = partition.appendFromProducer(numbered(0))
    partition.onDurable(lastOffset, note('durable'))
    partition.onCommitted(lastOffset, note('committed'))
    partition.watchers.add({ isReplica: false, advanced: () => void heard.push('watcher'), committed() {} })
    partition.close(new NaruError('NOT_LEADER_OR_FOLLOWER', 'moved'))
    partition.close(new NaruError('UNKNOWN_TOPIC_OR_PARTITION', 'deleted'))
    partition.onDurable(lastOffset, note('late'))
    assert.deepEqual(heard, [
      'durable NOT_LEADER_OR_FOLLOWER',
      'committed NOT_LEADER_OR_FOLLOWER',
      'watcher',
      'late NOT_LEADER_OR_FOLLOWER'
    ])
    for (const use of [
      () => partition.appendFromProducer(numbered(1)),
      () => partition.append(numbered(1)),
      () => partition.read(0, { maxBytes: 1, atLeastOne: true, below: 1 }),
      () => partition.endOffsetForEpoch(0)
    ])
      assert.throws(use, { code: 'NOT_LEADER_OR_FOLLOWER' })
    await assert.rejects(partition.deletions.before(0), { code: 'NOT_LEADER_OR_FOLLOWER' })
    await store.close()
    assert.equal(heard.length, 4)
  })

  it('tells followers that records were deleted, though there is nothing new to fetch', async () => {
    const world = setting(simulated())
    const store = await openStore(world)
    const { partition } = await lead(store, world)
    const { lastOffset } = partition.appendFromProducer(numbered(0))
    await new Promise<void>(resolve => partition.onCommitted(lastOffset, () => resolve()))
    let told = 0
    partition.watchers.add({ isReplica: true, advanced: () => void told++, committed() {} })
    await partition.deletions.before(-1)
    assert.equal(told, 1)
    await store.close()
  })

  it('tells who waits in the order of the offsets, in the turn in which they are durable', async () => {
    const world = setting(simulated())
    const store = await openStore(world)
    const { partition } = await lead(store, world)
    const heard: number[] = []
    for (let i = 0; i < 50; i++) {
      const { lastOffset } = partition.appendFromProducer(numbered(i))
      partition.onCommitted(lastOffset, () => {
        assert(partition.highWatermark > lastOffset)
        heard.push(lastOffset)
      })
    }
    await partition.whenCommitted(49)
    assert.deepEqual(
      heard,
      Array.from({ length: 50 }, (_, i) => i)
    )
    await store.close()
  })
})
