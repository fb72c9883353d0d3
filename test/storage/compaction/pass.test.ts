import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Disk } from '../../../src/disk/disk.ts'
import { memoryDisk } from '../../../src/disk/memory.ts'
import { SimulatedDisk } from '../../../src/disk/simulated.ts'
import { SeededRandom } from '../../../src/std/random.ts'
import { verifyStore } from '../../../src/storage/inspect/verify.ts'
import { durable, logId, openStore, setting } from '../support.ts'
import { append, compact, compactConfig, contents, linesOf, newCompactor } from './support.ts'

async function opened(config = compactConfig, disk: Disk = memoryDisk()) {
  const store = await openStore(setting(disk))
  const log = await store.open(logId(1), config)
  return { store, log, disk }
}

/** The last line of each key. */
const newest = (lines: readonly string[]) => new Map(lines.map(line => [line.split(/[ =]/)[1], line.slice(0, 20)]))

const filler = 'x'.repeat(1000)

describe('compaction of a log', () => {
  it('keeps the newest value of each key, offsets and order', async () => {
    const { store, log, disk } = await opened()
    for (let at = 0; at < 40; at++) append(log, [{ key: `k${at % 3}`, value: `${at}${filler}` }])
    await durable(log)
    const before = await contents(log)
    const outcome = await compact(log)
    assert.ok(outcome.isWhole)
    const after = await contents(log)
    const cleaned = outcome.cleanedUpTo
    assert.ok(cleaned > 30 && cleaned < 40)
    const newest = new Map(before.filter((_, offset) => offset < cleaned).map(line => [line.split(/[ =]/)[1], line]))
    const expected = before.filter((line, offset) => offset >= cleaned || newest.get(line.split(/[ =]/)[1]) === line)
    assert.deepEqual(after, expected)
    assert.equal(log.endOffset, 40)
    assert.equal(log.startOffset, 0)
    await store.close()
    const again = await opened(compactConfig, disk)
    assert.deepEqual(await contents(again.log), expected)
    await again.store.close()
  })

  it('compacts again and again, together with what was compacted before', async () => {
    const { store, log } = await opened()
    for (let round = 0; round < 5; round++) {
      for (let at = 0; at < 20; at++) append(log, [{ key: `k${at % 7}`, value: `${round}-${at}${filler}` }])
      await durable(log)
      assert.ok((await compact(log)).isWhole)
    }
    assert.ok(log.sizeBytes < 20_000, `${log.sizeBytes} bytes are left`)
    assert.equal((await contents(log)).at(-1)?.slice(0, 10), `99 k5=4-19${filler}`.slice(0, 10))
    await store.close()
  })
})

describe('a compacted log', () => {
  /** 60 batches of 9 keys, compacted twice, closed; what was left, and the folder. */
  async function compacted(config = compactConfig) {
    const disk = new SimulatedDisk({ random: new SeededRandom(5) })
    const { store, log } = await opened(config, disk)
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < 30; at++) append(log, [{ key: `k${(at * 5) % 9}`, value: `${round}-${at}${filler}` }])
      await durable(log)
      assert.ok((await compact(log)).isWhole)
    }
    const left = await contents(log)
    await store.close()
    return { disk, left, path: `/data/logs/${log.id.topicId}-1` }
  }

  const reopened = async (disk: SimulatedDisk) => {
    const world = setting(disk)
    const store = await openStore(world)
    const log = await store.open(logId(1), compactConfig)
    return { store, log, damaged: () => world.metrics.snapshot()['naru_corrupt_batches_total'] ?? 0 }
  }

  it('is found without the checkpoint: its manifest says what there is', async () => {
    const { disk, left } = await compacted()
    await disk.remove('/data/checkpoint')
    await disk.remove('/data/clean-shutdown')
    const { store, log, damaged } = await reopened(disk.afterKill())
    assert.deepEqual(await contents(log), left)
    assert.equal(damaged(), 0)
    // And goes on being compacted.
    for (let at = 0; at < 30; at++) append(log, [{ key: 'k1', value: `${at}${filler}` }])
    await durable(log)
    assert.ok((await compact(log)).isWhole)
    assert.ok((await contents(log)).length < left.length + 5)
    await store.close()
  })

  it('is found in order by a check of the folder', async () => {
    const { disk } = await compacted()
    const findings: unknown[] = []
    const verified = await verifyStore({
      disk,
      folder: '/data',
      live: false,
      report: finding => findings.push(finding)
    })
    assert.deepEqual(findings, [])
    assert.ok(verified.batches > 8)
  })

  it('survives a flipped bit in its manifest, wherever it is', async () => {
    const { disk, left, path } = await compacted()
    const size = disk.contents(`${path}/compacted`).length
    for (let position = 0; position < size; position += 97) {
      const flipped = disk.afterKill()
      flipped.flipBit(`${path}/compacted`, position, position % 8)
      await flipped.remove('/data/clean-shutdown')
      const { store, log, damaged } = await reopened(flipped)
      assert.deepEqual(await contents(log), left)
      assert.equal(damaged(), 0)
      await store.close()
    }
  })

  it('says so when both copies of the manifest are damaged, and goes by the checkpoint', async () => {
    const { disk, left, path } = await compacted()
    const bytes = disk.contents(`${path}/compacted`)
    disk.replace(`${path}/compacted`, Buffer.alloc(bytes.length, 1))
    await disk.remove('/data/clean-shutdown')
    const { store, log, damaged } = await reopened(disk.afterKill())
    assert.deepEqual(await contents(log), left)
    assert.equal(damaged(), 1)
    await store.close()
  })

  it('never serves a flipped bit of its segments or indexes', async () => {
    const { disk, left, path } = await compacted()
    const names = (await disk.list(path)).filter(name => /-\d{10}\.(log|index)$/.test(name))
    assert.ok(names.length >= 2)
    for (const name of names) {
      const size = disk.contents(`${path}/${name}`).length
      for (let position = 0; position < size; position += name.endsWith('.index') ? 5 : 61) {
        const flipped = disk.afterKill()
        flipped.flipBit(`${path}/${name}`, position, position % 8)
        const { store, log, damaged } = await reopened(flipped)
        const found: string[] = []
        for (let offset = 0; offset < log.endOffset; ) {
          try {
            const read = await log.read(offset, { maxBytes: 1, atLeastOne: true, below: log.endOffset })
            found.push(...linesOf(Buffer.concat(read.chunks)))
            read.release()
            offset = Math.max(offset + 1, read.nextOffset)
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'CORRUPT_MESSAGE')
            offset++
          }
        }
        assert.ok(
          found.every(line => left.includes(line)),
          `${name}, byte ${position}: something else was read`
        )
        assert.ok(found.length === left.length || damaged() > 0, `${name}, byte ${position}: lost without a word`)
        assert.ok(left.length - found.length <= 1, `${name}, byte ${position}: more than one batch is lost`)
        await store.close()
      }
    }
  })

  it('loses nothing by a pass that meets a full disk or a failing one', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(6) })
    const first = await opened(compactConfig, disk)
    for (let at = 0; at < 40; at++) append(first.log, [{ key: `k${at % 3}`, value: `${at}${filler}` }])
    await durable(first.log)
    await first.store.close()
    const { store, log } = await reopened(disk)
    const before = await contents(log)
    disk.capacityBytes = disk.usedBytes + 100
    await assert.rejects(compact(log))
    disk.capacityBytes = Number.POSITIVE_INFINITY
    for (const end of ['.log', '.index', 'compacted.new']) {
      disk.failNext('write', end)
      await assert.rejects(compact(log))
      assert.equal(log.failure, undefined)
      // Groups that came before may be done.
      const left = await contents(log)
      assert.ok(left.every(line => before.includes(line)) && left.length > 3)
      assert.deepEqual(newest(left), newest(before))
    }
    append(log, [{ key: 'k1', value: 'goes on' }])
    await durable(log)
    assert.ok((await compact(log)).isWhole)
    assert.ok((await contents(log)).length < 12)
    await store.close()
    assert.equal((await disk.list(`/data/logs/${log.id.topicId}-1`)).filter(name => name.endsWith('.log')).length, 2)
  })

  it('does not clean damage away', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(6) })
    const { store, log } = await opened(compactConfig, disk)
    for (let at = 0; at < 40; at++) append(log, [{ key: `k${at % 3}`, value: `${at}${filler}` }])
    await durable(log)
    await store.close()
    const first = disk.paths().find(path => path.endsWith('0.log')) ?? ''
    disk.flipBit(first, 500)
    const { store: again, log: damaged } = await reopened(disk.afterKill())
    await assert.rejects(compact(damaged), { code: 'CORRUPT_MESSAGE' })
    assert.ok(disk.paths().includes(first))
    await again.close()
  })

  it('goes as far in one pass as its memory for keys reaches, and further in the next', async () => {
    const { store, log } = await opened()
    for (let at = 0; at < 200; at++) append(log, [{ key: `k${at % 70}`, value: `${at}${filler}` }])
    await durable(log)
    const compactor = newCompactor({ dedupeBytes: 20 * 40 })
    let passes = 0
    let at = 0
    for (;;) {
      const { cleanedUpTo, isWhole } = await compact(log, { compactor })
      assert.ok(cleanedUpTo > at)
      at = cleanedUpTo
      passes++
      if (isWhole) break
    }
    assert.ok(passes > 3)
    const keys = (await contents(log)).slice(0, -4).map(line => line.split(/[ =]/)[1])
    assert.ok(new Set(keys).size >= keys.length - 4)
    await store.close()
  })
})
