import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../../src/disk/simulated.ts'
import { SeededRandom } from '../../../src/std/random.ts'
import { VerifiedRanges } from '../../../src/storage/segments/verified.ts'
import { batchAt, durable, logId, openStore, readAll, setting, syncConfig } from '../support.ts'

describe('verified ranges', () => {
  it('hold what was added, joined where it touches', () => {
    const ranges = new VerifiedRanges()
    ranges.add(100, 200)
    ranges.add(300, 400)
    assert.ok(ranges.has(120, 200) && !ranges.has(120, 201) && !ranges.has(150, 350))
    ranges.add(200, 300)
    assert.ok(ranges.has(100, 400) && !ranges.has(99, 101))
  })

  it('end where a segment is cut', () => {
    const ranges = new VerifiedRanges()
    ranges.add(0, 100)
    ranges.add(200, 300)
    ranges.cut(50)
    assert.ok(ranges.has(0, 50) && !ranges.has(0, 51) && !ranges.has(200, 210))
  })

  it('forget what was extended longest ago, of many', () => {
    const ranges = new VerifiedRanges()
    for (let at = 0; at < 33; at++) ranges.add(at * 10, at * 10 + 5)
    assert.ok(!ranges.has(0, 5) && ranges.has(10, 15) && ranges.has(320, 325))
  })
})

describe('a reader of files', () => {
  it('finds damage in what came after a truncation, where it had read other bytes before', async () => {
    const disk = new SimulatedDisk({ random: new SeededRandom(3) })
    const store = await openStore(setting(disk), { memoryTailBytes: 0 })
    const log = await store.open(logId(0), { ...syncConfig, segmentBytes: 1 << 20 })
    const fill = async () => {
      while (log.endOffset < 80) log.append(batchAt(log.endOffset, 1, 3000))
      await durable(log)
      // Out of memory and into the segment.
      await log.truncate(log.endOffset - 1)
    }
    await fill()
    await readAll(log)
    await log.truncate(40)
    await fill()
    disk.flipBit('/data/logs/AAAAAAAAAAAAAAAAAAAAAQ-0/00000000000000000000.log', batchAt(0, 1, 3000).length * 60 + 1000)
    await assert.rejects(readAll(log), { code: 'CORRUPT_MESSAGE' })
    await store.close()
  })
})
