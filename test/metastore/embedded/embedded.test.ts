import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../../../src/disk/simulated.ts'
import { openEmbeddedMetastore } from '../../../src/metastore/embedded/embedded.ts'
import { type Metastore, MetastoreError } from '../../../src/metastore/metastore.ts'
import { ManualClock } from '../../../src/std/clock.ts'
import { silent } from '../../../src/std/log.ts'
import { below, chance, SeededRandom } from '../../../src/std/random.ts'
import { metastoreConformance, type Subject } from '../conformance.ts'

const folder = '/data/metastore'
const crashes = 1200

async function subject(durable: boolean): Promise<Subject> {
  const clock = new ManualClock()
  const disk = await freshDisk(1)
  const store = await openEmbeddedMetastore({
    clock,
    logger: silent,
    historyRevisions: 5,
    durable: durable ? { disk, folder } : undefined
  })
  return {
    store,
    async expire(ttlMs) {
      clock.advance(ttlMs + 1)
      await store.get('')
    },
    async forget() {
      for (let i = 0; i < 12; i++) await store.txn({ success: [{ type: 'put', key: 'forget', value: String(i) }] })
    }
  }
}

metastoreConformance('the embedded store in memory', () => subject(false))
metastoreConformance('the embedded store on disk', () => subject(true))

async function freshDisk(seed: number): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ random: new SeededRandom(seed) })
  await disk.mkdir('/data')
  await disk.syncDir('/')
  return disk
}

function open(disk: SimulatedDisk, compactBytes = 1 << 20): Promise<Metastore> {
  return openEmbeddedMetastore({ clock: new ManualClock(), logger: silent, durable: { disk, folder, compactBytes } })
}

const put = (key: string, value: string, lease?: string) => ({ type: 'put', key, value, lease }) as const

async function contents(store: Metastore): Promise<string> {
  const { items, revision } = await store.range('')
  return JSON.stringify({ revision, items })
}

describe('the embedded store on disk', () => {
  it('opens again as it was: keys, revisions, leases, and the history to watch', async () => {
    const disk = await freshDisk(2)
    const store = await open(disk)
    const lease = await store.grantLease(5000)
    const { revision } = await store.txn({ success: [put('a', '1'), put('b', '1', lease.id)] })
    await store.txn({ success: [put('a', '2'), { type: 'delete', key: 'b' }, put('c', '1', lease.id)] })
    const before = await contents(store)
    await store.close()
    const clock = new ManualClock()
    const again = await openEmbeddedMetastore({ clock, logger: silent, durable: { disk, folder } })
    assert.equal(await contents(again), before)
    const revisions: number[] = []
    again.watch('', revision, { changed: batch => void revisions.push(batch.revision), ended: () => {} })
    await again.get('')
    assert.deepEqual(revisions, [revision, revision + 1])
    clock.advance(5001)
    assert.equal((await again.get('c')).item, undefined, 'a lease that nobody took up again ends')
    assert.notEqual((await again.grantLease(1)).id, lease.id)
    await again.close()
  })

  it('makes what is called together durable in one write', async () => {
    const disk = await freshDisk(3)
    const store = await open(disk)
    const writes = disk.counts.write
    await Promise.all(Array.from({ length: 500 }, (_, i) => store.txn({ success: [put(`k${i}`, 'v')] })))
    assert.ok(disk.counts.write - writes <= 2)
    await store.close()
  })

  it('replaces a long log by a snapshot, with changes going on', async () => {
    const disk = await freshDisk(4)
    disk.faults.slow = 0.5
    const store = await open(disk, 2000)
    for (let i = 0; i < 300; i++) {
      const txn = store.txn({ success: [put(`k${i % 20}`, `value ${i}`)] })
      if (i % 3 === 0) await txn
    }
    const before = await contents(store)
    await store.close()
    const size = disk.paths().reduce((sum, path) => sum + disk.contents(path).length, 0)
    assert.ok(size < 12_000, `${size} bytes`)
    const again = await open(disk, 2000)
    assert.equal(await contents(again), before)
    await again.close()
  })

  it('goes on after a full disk, without what was refused', async () => {
    const disk = await freshDisk(5)
    const store = await open(disk)
    await store.txn({ success: [put('a', '1')] })
    disk.capacityBytes = disk.usedBytes + 100
    const refused = [store.txn({ success: [put('b', 'x'.repeat(200))] }), store.txn({ success: [put('c', '1')] })]
    for (const txn of refused)
      await assert.rejects(txn, error => error instanceof MetastoreError && error.kind === 'full')
    assert.deepEqual((await store.range('')).items.length, 1)
    disk.capacityBytes = Number.POSITIVE_INFINITY
    await store.txn({ success: [put('d', '1')] })
    const before = await contents(store)
    await store.close()
    assert.equal(await contents(await open(disk)), before)
  })

  it('serves nothing any more after a failed write', async () => {
    const disk = await freshDisk(6)
    const store = await open(disk)
    await store.txn({ success: [put('a', '1')] })
    disk.failNext('write')
    await assert.rejects(store.txn({ success: [put('a', '2')] }), /injected/)
    await assert.rejects(store.get('a'), error => error instanceof MetastoreError && error.kind === 'unavailable')
    await store.close()
    const value = (await (await open(disk.afterCrash())).get('a')).item?.value
    assert.ok(value === '1' || value === '2')
  })

  it('refuses to open when a bit of what was stored has flipped, wherever it is', async () => {
    const disk = await freshDisk(7)
    const store = await open(disk, 1500)
    for (let i = 0; i < 60; i++) await store.txn({ success: [put(`key${i % 40}`, `value ${i}`)] })
    const before = await contents(store)
    await store.close()
    let refused = 0
    for (const path of disk.paths()) {
      const length = disk.contents(path).length
      for (let position = 0; position < length; position += 7) {
        disk.flipBit(path, position, position % 8)
        const opened = await open(disk).catch(error => {
          assert.ok(error instanceof MetastoreError && error.kind === 'corrupt', String(error))
          assert.ok(error.message.includes(path))
          refused++
        })
        // Only the empty frame that a clean end leaves may go unnoticed.
        if (opened) {
          assert.equal(await contents(opened), before)
          assert.ok(position >= length - 22)
          return assert.ok(refused > 100)
        }
        disk.flipBit(path, position, position % 8)
      }
    }
    assert.ok(refused > 100)
  })

  it(`loses nothing that was answered and tears nothing, over ${crashes} crashes at any operation`, async () => {
    for (let seed = 0; seed < crashes; seed++)
      await crashRun(seed).catch(error => assert.fail(`seed ${seed}: ${error}`))
  })
})

/**
 * Clients write pairs of equal keys, x/n and y/n, in transactions with a growing number, and note what was answered; the
 * machine crashes somewhere, opens again, and again.
 */
async function crashRun(seed: number): Promise<void> {
  const random = new SeededRandom(seed)
  let disk = await freshDisk(seed)
  disk.faults.slow = 0.3
  const answered = new Map<number, number>()
  const tried = new Map<number, number>()
  let count = 0
  let lastRevision = 0
  for (let life = 0; life < 3; life++) {
    disk.crashAt(disk.operations + 1 + below(random, 60))
    try {
      const store = await open(disk, 400)
      await check(store)
      for (let i = 0; i < 40; i++) {
        const slot = below(random, 5)
        const number = ++count
        tried.set(slot, number)
        const txn = store
          .txn({ success: [put(`x/${slot}`, String(number)), put(`y/${slot}`, String(number))] })
          .then(({ revision }) => {
            answered.set(slot, number)
            lastRevision = revision
          })
        if (chance(random, 0.4)) await txn
        else txn.catch(() => {})
      }
      await store.get('')
      await store.close()
    } catch (error) {
      if (!disk.crashed) throw error
    }
    disk = disk.afterCrash()
  }
  const store = await open(disk, 400)
  await check(store)
  await store.close()

  async function check(store: Metastore): Promise<void> {
    const { items, revision } = await store.range('')
    assert.ok(revision >= lastRevision, 'revisions never go back')
    const values = new Map(items.map(item => [item.key, Number(item.value)]))
    for (let slot = 0; slot < 5; slot++) {
      const value = values.get(`x/${slot}`) ?? 0
      assert.equal(value, values.get(`y/${slot}`) ?? 0, 'a transaction is whole')
      assert.ok(value >= (answered.get(slot) ?? 0), 'what was answered is there')
      assert.ok(value <= (tried.get(slot) ?? 0))
      answered.set(slot, value)
    }
  }
}
