import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../../src/disk/simulated.ts'
import { buildBatch } from '../../../src/record/build.ts'
import * as header from '../../../src/record/header.ts'
import { SeededRandom } from '../../../src/std/random.ts'
import { batchAt, durable, logId, openStore, setting, syncConfig } from '../support.ts'

const path = '/data/logs/AAAAAAAAAAAAAAAAAAAAAQ-0/00000000000000000000.log'
/** The damaged one: the second, with the offsets 2 and 3. */
const damagedAt = batchAt(0, 2, 100).length

/** The offsets of the batches that can be read, and how many were told to be damaged, with a bit of a byte of the second one flipped. */
async function visited(second: Buffer, byte: number, isClean: boolean): Promise<unknown> {
  let disk = new SimulatedDisk({ random: new SeededRandom(byte) })
  const store = await openStore(setting(disk), { memoryTailBytes: 0 })
  const log = await store.open(logId(0), syncConfig)
  for (let at = 0; at < 10; at++) log.append(at === 1 ? second : batchAt(log.endOffset, 2, 100))
  await durable(log)
  // Out of memory and into the segment.
  await log.truncate(log.endOffset - 1)
  if (isClean) await store.close()
  disk = disk.afterKill()
  disk.flipBit(path, damagedAt + byte, byte % 8)
  const again = await openStore(setting(disk))
  const damaged = await again.open(logId(0), syncConfig)
  const seen: number[] = []
  let told = 0
  await damaged.scan(
    0,
    (batch, at) => seen.push(header.baseOffset(batch, at)),
    () => told++
  )
  await again.close()
  return { seen, told }
}

const allButOne = { seen: [0, 4, 6, 8, 10, 12, 14, 16], told: 1 }

describe('damage', () => {
  it('takes one batch from its readers and no other, whichever byte of it has changed', async () => {
    for (const isClean of [true, false])
      for (let byte = 0; byte < header.headerBytes + 3; byte++)
        assert.deepEqual(await visited(batchAt(2, 2, 100), byte, isClean), allButOne, `byte ${byte}, clean ${isClean}`)
  })

  it('has nobody take a batch that a record holds for one of the log', async () => {
    const inner = batchAt(3, 1, 60)
    const second = buildBatch([
      { timestamp: 1, value: Buffer.from('with') },
      { timestamp: 1, value: inner }
    ])
    header.setBaseOffset(second, 2)
    header.setLeaderEpoch(second, 0)
    for (const isClean of [true, false])
      assert.deepEqual(await visited(second, header.headerBytes + 3, isClean), allButOne, `clean ${isClean}`)
  })
})
