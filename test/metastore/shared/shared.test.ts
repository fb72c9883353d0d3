import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openEmbeddedMetastore } from '../../../src/metastore/embedded/embedded.ts'
import { type ChangeBatch, MetastoreError } from '../../../src/metastore/metastore.ts'
import { sharedMetastore } from '../../../src/metastore/shared/client.ts'
import { serveMetastore } from '../../../src/metastore/shared/server.ts'
import { ManualClock } from '../../../src/std/clock.ts'
import { silent } from '../../../src/std/log.ts'
import { metastoreConformance, type Subject } from '../conformance.ts'
import { type ChannelPair, channelPair } from './channels.ts'

const put = (key: string, value: string, lease?: string) => ({ type: 'put', key, value, lease }) as const

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

/** In steps, so that what a timer sends is there before the next one fires. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    clock.advance(50)
    await turns(3)
  }
}

async function world(historyRevisions = 1000) {
  const clock = new ManualClock()
  const real = await openEmbeddedMetastore({ clock, logger: silent, historyRevisions })
  const join = (): ChannelPair & { store: ReturnType<typeof sharedMetastore> } => {
    const pair = channelPair()
    serveMetastore(real, pair.server, clock)
    return { ...pair, store: sharedMetastore(pair.client, clock) }
  }
  return { clock, real, join }
}

metastoreConformance('the store of another process', async (): Promise<Subject> => {
  const { clock, join } = await world(5)
  const { store } = join()
  return {
    store,
    expire: ttlMs => pass(clock, ttlMs * 1.2),
    async forget() {
      for (let i = 0; i < 12; i++) await store.txn({ success: [put('forget', String(i))] })
    }
  }
})

describe('the store of another process', () => {
  it('ends the leases of a process that is gone at once, and tells the others', async () => {
    const { real, join } = await world()
    const [one, two] = [join(), join()]
    const lease = await one.store.grantLease(9000)
    const { revision } = await one.store.txn({ success: [put('one', '1', lease.id)] })
    const seen: ChangeBatch[] = []
    two.store.watch('one', revision + 1, { changed: batch => void seen.push(batch), ended: () => {} })
    const late = one.store.grantLease(9000)
    late.catch(() => {})
    await turns(1)
    one.close()
    await turns(5)
    assert.deepEqual(
      seen.flatMap(({ changes }) => changes.map(({ type }) => type)),
      ['delete']
    )
    assert.equal((await real.get('one')).item, undefined)
    await assert.rejects(late, error => error instanceof MetastoreError && error.kind === 'unavailable')
    await assert.rejects(one.store.get('a'), error => error instanceof MetastoreError && error.kind === 'unavailable')
  })

  it('ends the lease of a process that stands still, and not before', async () => {
    const { clock, join } = await world()
    const { store, pauseClient } = join()
    const lease = await store.grantLease(900)
    await store.txn({ success: [put('held', '1', lease.id)] })
    await pass(clock, 5000)
    assert.ok((await store.get('held')).item, 'it lives')
    let lost = false
    lease.onLost(() => {
      lost = true
    })
    // What it says doesn't go out, as its timers don't run.
    lease.abandon()
    pauseClient(true)
    await pass(clock, 800)
    assert.equal(lost, false)
    await pass(clock, 300)
    pauseClient(false)
    await turns(5)
    assert.ok(lost)
    assert.equal((await store.get('held')).item, undefined)
  })

  it('lets a keep that has arrived count, though the timer was first', async () => {
    const { clock, join } = await world()
    const { store } = join()
    const lease = await store.grantLease(900)
    let lost = false
    lease.onLost(() => {
      lost = true
    })
    // The server's process stood still for longer than the lease; so did what the client sent.
    clock.advance(901)
    await turns(3)
    await pass(clock, 2000)
    assert.equal(lost, false)
  })

  it('holds back changes from a process that reads none, and loses none of them', async () => {
    const { real, join } = await world(5000)
    const { store, pauseClient } = join()
    const revisions: number[] = []
    await store.txn({ success: [put('w/0', '')] })
    store.watch('w/', 1, {
      changed: ({ revision }) => void revisions.push(revision),
      ended: () => assert.fail('ended')
    })
    await turns(3)
    pauseClient(true)
    for (let i = 1; i < 3000; i++) await real.txn({ success: [put(`w/${i % 10}`, String(i))] })
    pauseClient(false)
    for (let i = 0; i < 1000 && revisions.length < 3000; i++) await turns(1)
    assert.deepEqual(
      revisions,
      Array.from({ length: 3000 }, (_, i) => i + 1)
    )
  })

  it('tells a process that stood still for too long that changes are forgotten', async () => {
    const { real, join } = await world(50)
    const { store, pauseClient } = join()
    const revisions: number[] = []
    const ended: string[] = []
    store.watch('', 1, {
      changed: ({ revision }) => void revisions.push(revision),
      ended: reason => void ended.push(reason)
    })
    await turns(3)
    pauseClient(true)
    for (let i = 0; i < 2000; i++) await real.txn({ success: [put('a', String(i))] })
    pauseClient(false)
    await turns(50)
    assert.deepEqual(ended, ['compacted'])
    assert.ok(revisions.length < 1000)
    assert.deepEqual(
      revisions,
      Array.from(revisions, (_, i) => i + 1)
    )
  })
})
