import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryDisk } from '../../../src/disk/memory.ts'
import { durable, logId, openStore, setting } from '../support.ts'
import { append, compact, compactConfig, contents } from './support.ts'

async function opened(config = compactConfig, disk = memoryDisk()) {
  const store = await openStore(setting(disk))
  const log = await store.open(logId(1), config)
  return { store, log, disk }
}

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
