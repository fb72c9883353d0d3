import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryDisk } from '../../src/disk/memory.ts'
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
})
