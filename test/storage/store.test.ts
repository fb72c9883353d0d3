import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryDisk } from '../../src/disk/memory.ts'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { SeededRandom } from '../../src/std/random.ts'
import type { StoredLog } from '../../src/storage/log.ts'
import type { Log } from '../../src/storage/types.ts'
import { batchAt, cachedConfig, durable, logId, openStore, readAll, setting, syncConfig } from './support.ts'

describe('log store', () => {
  for (const [name, config] of [
    ['synced', syncConfig],
    ['page-cache', cachedConfig]
  ] as const)
    it(`gives back what was appended, also after a restart (${name})`, async () => {
      const disk = memoryDisk()
      let store = await openStore(setting(disk))
      let log = await store.open(logId(1), config)
      const batches: Buffer[] = []
      let offset = 0
      for (let i = 0; i < 200; i++) {
        const batch = batchAt(offset, 1 + (i % 3), 100 + (i % 7) * 300)
        batches.push(batch)
        log.append(batch)
        offset = log.endOffset
        if (i % 10 === 0) await durable(log)
      }
      await durable(log)
      assert.equal(log.durableEndOffset, offset)
      assert.deepEqual(await readAll(log), Buffer.concat(batches))
      await store.close()
      store = await openStore(setting(disk))
      assert.deepEqual(store.ids(), [logId(1)])
      log = await store.open(logId(1), config)
      assert.equal(log.endOffset, offset)
      assert.deepEqual(await readAll(log), Buffer.concat(batches))
      const more = batchAt(offset, 2)
      log.append(more)
      await durable(log)
      assert.deepEqual(await readAll(log), Buffer.concat([...batches, more]))
      await store.close()
    })

  it('begins where it was told to, also when a checkpoint is written in the very moment in which it is told', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(5) })
    let hold: Promise<void> | undefined
    let held = () => {}
    const slow: SimulatedDisk = Object.assign(Object.create(disk), {
      async open(path: string, options: Parameters<SimulatedDisk['open']>[1]) {
        const file = await disk.open(path, options)
        if (!path.includes('/journal/sync')) return file
        return Object.assign(Object.create(file), {
          async write(...how: Parameters<typeof file.write>) {
            const written = await file.write(...how)
            held()
            await hold
            return written
          }
        })
      }
    })
    const store = await openStore(setting(slow))
    const log = await store.open(logId(1), syncConfig)
    log.append(batchAt(0, 5))
    await durable(log)
    let goOn = () => {}
    hold = new Promise(resolve => {
      goOn = resolve
    })
    const writing = new Promise<void>(resolve => {
      held = resolve
    })
    const restarted = log.advanceStart(100, true)
    await writing
    const isDurable = durable(log, 100)
    await (store as unknown as { checkpoint(): Promise<void> }).checkpoint()
    goOn()
    await restarted
    await isDurable
    const after = await openStore(setting(disk.afterKill()))
    const { startOffset, endOffset } = await after.open(logId(1), syncConfig)
    assert.deepEqual([startOffset, endOffset], [100, 100])
    await after.close()
  })

  it('reads from files what is no longer in memory, whole batches within the limits', async () => {
    const { log, store } = await filled({ memoryTailBytes: 0 })
    const one = batchAt(40, 2, 900)
    const small = await log.read(40, { maxBytes: 10, atLeastOne: true, below: log.endOffset })
    assert.equal(small.bytes, one.length)
    assert.equal(small.nextOffset, 42)
    small.release()
    const none = await log.read(40, { maxBytes: 10, atLeastOne: false, below: log.endOffset })
    assert.equal(none.bytes, 0)
    none.release()
    const middle = await log.read(41, { maxBytes: one.length * 3, atLeastOne: true, below: 44 })
    assert.equal(middle.bytes, one.length * 2)
    assert.equal(middle.nextOffset, 44)
    middle.release()
    assert.throws(() => log.read(log.endOffset + 1, whole(log)), { code: 'OFFSET_OUT_OF_RANGE' })
    await store.close()
  })

  it('answers a read of the newest batches at once, and keeps its bytes until they are released', async () => {
    const { log, store } = await filled({})
    const read = log.read(log.endOffset - 2, whole(log))
    assert.ok(!(read instanceof Promise))
    const before = Buffer.concat(read.chunks)
    await log.truncate(10)
    await store.remove(log.id)
    assert.ok(before.equals(Buffer.concat(read.chunks)))
    read.release()
    await store.close()
  })

  it('finds offsets by time, epochs and sizes', async () => {
    const store = await openStore(setting())
    const log = await store.open(logId(1), syncConfig)
    for (let at = 0; at < 100; at++)
      log.append(batchAt(at * 2, 2, 500, at < 50 ? 3 : 7, 1000 + (at === 20 ? 5000 : at * 10)))
    await durable(log)
    assert.deepEqual(await log.offsetForTimestamp(1500, log.endOffset), { offset: 40, timestamp: 6000, leaderEpoch: 3 })
    assert.equal(await log.offsetForTimestamp(6002, log.endOffset), undefined)
    assert.deepEqual(await log.maxTimestamp(log.endOffset), { offset: 41, timestamp: 6001, leaderEpoch: 3 })
    assert.equal((await log.maxTimestamp(40))?.offset, 39)
    assert.deepEqual(log.endOffsetForEpoch(5), { epoch: 3, endOffset: 100 })
    assert.deepEqual(log.endOffsetForEpoch(9), { epoch: 7, endOffset: 200 })
    assert.deepEqual(log.endOffsetForEpoch(2), { epoch: 2, endOffset: 0 })
    assert.equal(log.epochAt(99), 3)
    assert.equal(log.bytesBetween(0, log.endOffset, Number.MAX_SAFE_INTEGER), log.sizeBytes)
    assert.equal(log.bytesBetween(log.endOffset, log.endOffset, 1), 0)
    assert.ok(log.bytesBetween(198, log.endOffset, Number.MAX_SAFE_INTEGER) > 0)
    await store.close()
  })

  it('deletes old segments by size, by time and by a new start offset, for good', async () => {
    const disk = memoryDisk()
    const { log, store } = await filled({}, disk)
    log.reconfigure({ ...syncConfig, retentionBytes: 70_000 })
    await log.applyRetention(0, log.endOffset)
    assert.ok(log.sizeBytes >= 70_000 && log.sizeBytes < 70_000 + 32 * 1024)
    assert.throws(() => log.read(0, whole(log)), { code: 'OFFSET_OUT_OF_RANGE' })
    await log.advanceStart(log.endOffset - 1)
    assert.equal(log.startOffset, log.endOffset - 1)
    log.reconfigure({ ...syncConfig, retentionMs: 1000 })
    await log.applyRetention(1_800_000_000_000, log.endOffset)
    assert.equal(log.startOffset, log.endOffset)
    assert.equal(log.sizeBytes, 0)
    const end = log.endOffset
    await store.close()
    const again = await openStore(setting(disk))
    const reopened = await again.open(logId(1), syncConfig)
    assert.equal(reopened.startOffset, end)
    assert.equal(reopened.endOffset, end)
    await again.close()
  })

  it('drops a removed log for good, and starts afresh under the same id', async () => {
    const disk = memoryDisk()
    const { log, store } = await filled({}, disk)
    await store.remove(log.id)
    assert.throws(() => log.append(batchAt(log.endOffset)), { code: 'KAFKA_STORAGE_ERROR' })
    const next = await store.open(log.id, syncConfig)
    assert.equal(next.endOffset, 0)
    next.append(batchAt(0))
    await durable(next)
    await store.close()
    const again = await openStore(setting(disk))
    assert.equal((await again.open(log.id, syncConfig)).endOffset, 1)
    await again.close()
  })

  it('keeps two brokers out of one folder', async () => {
    const disk = memoryDisk()
    const store = await openStore(setting(disk))
    await assert.rejects(openStore(setting(disk)), { kind: 'locked' })
    await store.close()
    await (await openStore(setting(disk))).close()
  })

  it('tells producers to wait while too much is unwritten', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(1) })
    const store = await openStore(setting(disk), { unwrittenBytesMax: 64 * 1024 })
    const log = await store.open(logId(1), syncConfig)
    while (!store.pressure.over) log.append(batchAt(log.endOffset, 1, 5000))
    await store.pressure.relieved()
    assert.ok(!store.pressure.over)
    await durable(log)
    await store.close()
  })

  it('refuses appends while the disk is full, and goes on by itself', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(2) })
    const world = setting(disk)
    const store = await openStore(world)
    const log = await store.open(logId(1), syncConfig)
    disk.capacityBytes = disk.usedBytes + 200_000
    let refused: unknown
    for (let turns = 0; !refused && turns < 2000; turns++) {
      try {
        log.append(batchAt(log.endOffset, 1, 3000))
      } catch (error) {
        refused = error
      }
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.equal((refused as { code: string }).code, 'KAFKA_STORAGE_ERROR')
    disk.capacityBytes = Number.POSITIVE_INFINITY
    const all = durable(log)
    const clock = setInterval(() => world.clock.advance(1000), 1)
    await all
    while (isRefused(log)) await new Promise(resolve => setImmediate(resolve))
    clearInterval(clock)
    await durable(log)
    await store.close()
    const again = await openStore(setting(disk))
    assert.equal((await again.open(logId(1), syncConfig)).endOffset, log.endOffset)
    await again.close()
  })

  it('takes appends again when there is room, though only the next journal file had met the end of the disk', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(4) })
    const world = setting(disk)
    const store = await openStore(world)
    const log = await store.open(logId(1), syncConfig)
    log.append(batchAt(log.endOffset, 1, 3000))
    await durable(log)
    // Nothing is in flight when the space goes, and the file that rounds are written to has room left.
    disk.capacityBytes = disk.usedBytes
    while (!isRefused(log)) {
      log.append(batchAt(log.endOffset, 1, 3000))
      await durable(log)
      await new Promise(resolve => setImmediate(resolve))
    }
    disk.capacityBytes = Number.POSITIVE_INFINITY
    for (let seconds = 0; isRefused(log); seconds++) {
      assert.ok(seconds < 100, 'it notices by itself')
      world.clock.advance(1000)
      for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
    }
    log.append(batchAt(log.endOffset, 1, 3000))
    await durable(log)
    await store.close()
  })

  it('goes on after a full disk that only a checkpoint has met', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(2) })
    const world = setting(disk)
    const store = await openStore(world)
    const log = await store.open(logId(1), syncConfig)
    // Renamed into its place: the file has another name while it is written.
    disk.failNext('write', 'checkpoint.new', 'full')
    for (let turns = 0; !isRefused(log) && turns < 5000; turns++) {
      log.append(batchAt(log.endOffset, 1, 1000))
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.ok(isRefused(log), 'the disk counts as full')
    for (let turns = 0; isRefused(log) && turns < 100; turns++) {
      world.clock.advance(100)
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.ok(!isRefused(log), 'nobody writes who could find out: the checkpoint must say that there is room')
    await durable(log)
    await store.close()
  })

  it('keeps what a page-cache log was given after it had begun anew above its end, also after a kill', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(4) })
    const store = await openStore(setting(disk))
    const log = await store.open(logId(1), cachedConfig)
    log.append(batchAt(0))
    await durable(log)
    await log.advanceStart(100, true)
    log.append(batchAt(100, 3))
    await durable(log)
    const again = await openStore(setting(disk.afterKill()))
    const found = await again.open(logId(1), cachedConfig)
    assert.deepEqual([found.startOffset, found.endOffset], [100, 103])
    assert.deepEqual(await readAll(found), batchAt(100, 3))
    await again.close()
  })

  it('fails as a whole when the journal can no longer be written, and says so', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(3) })
    const store = await openStore(setting(disk))
    const log = await store.open(logId(1), syncConfig)
    const other = await store.open(logId(2), syncConfig)
    log.append(batchAt(0))
    await durable(log)
    disk.failNext('write', 'sync-1')
    log.append(batchAt(1))
    await assert.rejects(durable(log))
    assert.ok(other.failure)
    assert.throws(() => other.append(batchAt(0)), { code: 'KAFKA_STORAGE_ERROR' })
    await store.close()
    const again = await openStore(setting(disk))
    assert.ok((await again.open(logId(1), syncConfig)).endOffset >= 1)
    await again.close()
  })

  it('answers CORRUPT_MESSAGE for what is damaged, and serves the rest', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(4) })
    const { log, store } = await filled({ memoryTailBytes: 0 }, disk)
    const end = log.endOffset
    await store.close()
    disk.flipBit('/data/logs/AAAAAAAAAAAAAAAAAAAAAg-1/00000000000000000000.log', batchAt(0, 2, 900).length + 500)
    const world = setting(disk)
    const again = await openStore(world)
    const damaged = await again.open(logId(1), syncConfig)
    await assert.rejects(async () => damaged.read(3, whole(damaged)), { code: 'CORRUPT_MESSAGE' })
    const first = await damaged.read(0, whole(damaged))
    assert.equal(first.nextOffset, 2)
    first.release()
    const seen: number[] = []
    await damaged.scan(0, (batch, at) => seen.push(Number(batch.readBigInt64BE(at))))
    assert.equal(seen.length, end / 2 - 1)
    assert.equal(world.metrics.snapshot()['naru_corrupt_batches_total'], 1)
    await again.close()
  })

  it('gives the headers of damaged batches where they fit their place, as often as it is asked, and notes damage once', async () => {
    const batch = batchAt(0, 2, 900).length
    // In the records of the second batch and in the magic byte of the fourth.
    for (const [flipped, headers] of [[batch + 500, [2]] as const, [3 * batch + 16, undefined] as const]) {
      const disk = new SimulatedDisk({ random: new SeededRandom(4) })
      const { store } = await filled({ memoryTailBytes: 0 }, disk)
      await store.close()
      disk.flipBit('/data/logs/AAAAAAAAAAAAAAAAAAAAAg-1/00000000000000000000.log', flipped)
      for (let start = 0; start < 3; start++) {
        const again = await openStore(setting(disk))
        const log = await again.open(logId(1), syncConfig)
        const found: unknown[] = []
        await log.scan(
          0,
          () => {},
          damaged => found.push(damaged?.map(header => header.readBigInt64BE(0)).map(Number))
        )
        assert.deepEqual(found, [headers])
        assert.equal((log as StoredLog).damage.below(log.endOffset).length, 1)
        await again.close()
      }
    }
  })
})

function isRefused(log: Log): boolean {
  try {
    log.append(batchAt(log.endOffset))
    return false
  } catch {
    return true
  }
}

const whole = (log: Log) => ({ maxBytes: 1024 * 1024, atLeastOne: true, below: log.endOffset })

/** A log with 200 KB in batches of two records, all of it durable. */
async function filled(options: Parameters<typeof openStore>[1], disk: Parameters<typeof setting>[0] = memoryDisk()) {
  const store = await openStore(setting(disk), options)
  const log = await store.open(logId(1), syncConfig)
  while (log.sizeBytes < 200_000) log.append(batchAt(log.endOffset, 2, 900))
  await durable(log)
  await store.close()
  const again = await openStore(setting(disk), options)
  const opened = await again.open(logId(1), syncConfig)
  while (opened.sizeBytes < 230_000) opened.append(batchAt(opened.endOffset, 2, 900, 1))
  await durable(opened)
  return { store: again, log: opened }
}
