import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Metastore, MetastoreError } from '../../../src/metastore/metastore.ts'
import { Link } from '../../e2e/cluster/proxy.ts'
import { freePort } from '../../support/apache-kafka.ts'
import { type EtcdTest, moveEtcdLeader, startEtcd, whyNoEtcd } from '../../support/etcd.ts'
import { eventually, openStore, passing, put, Seen } from './world.ts'

const skip = whyNoEtcd()

/**
 * Puts 1, 2, 3, … one after the other until stopped, each until it is known to be there. By compare-and-set: a node that was
 * paused may carry out much later what it was asked for.
 */
function writer(store: Metastore, everyMs = 5): { stop(): Promise<number> } {
  let stopped = false
  const write = async () => {
    const { item } = await store.get('n')
    const compare = [{ key: 'n', target: 'modRevision', is: '=', to: item?.modRevision ?? 0 } as const]
    await store.txn({ compare, success: [put('n', String(Number(item?.value ?? 0) + 1))] })
  }
  const running = (async () => {
    while (!stopped) {
      await write().catch(error => {
        assert.ok(error instanceof MetastoreError && error.kind === 'unavailable', String(error))
      })
      await passing(everyMs)
    }
    // What is still under way somewhere comes before this, or not at all.
    await eventually(() =>
      write()
        .then(() => true)
        .catch(() => false)
    )
    return Number((await store.get('n')).item?.value)
  })()
  return {
    stop() {
      stopped = true
      return running
    }
  }
}

/** Every value once, in order. */
function assertCounts(seen: Seen, written: number): void {
  assert.deepEqual(
    seen.values,
    Array.from({ length: written }, (_, i) => String(i + 1))
  )
  assert.deepEqual(seen.ends, [])
}

describe('faults of etcd', { skip, concurrency: true }, () => {
  describe('a store on one etcd node', { concurrency: 1 }, () => {
    let etcd: EtcdTest
    before(async () => {
      etcd = await startEtcd()
    })
    after(() => etcd.remove())

    it('loses and repeats no change, and keeps its lease, when etcd is killed, restarted and paused', async () => {
      const store = openStore(etcd, { requestTimeoutMs: 2000 })
      const [node] = etcd.nodes
      const lease = await store.grantLease(3000)
      await store.txn({ success: [put('held', '', lease.id)] })
      lease.onLost(() => assert.fail('etcd never said so'))
      const { revision } = await store.get('')
      const seen = new Seen()
      store.watch('n', revision + 1, seen)
      const writing = writer(store)
      await seen.until(({ values }) => values.length > 20)
      await node.kill9()
      await passing(500)
      await node.start()
      let reached = seen.values.length
      await seen.until(({ values }) => values.length > reached + 20)
      node.pause()
      await passing(1000)
      node.resume()
      reached = seen.values.length
      await seen.until(({ values }) => values.length > reached + 20)
      await node.stop()
      await node.start()
      reached = seen.values.length
      await seen.until(({ values }) => values.length > reached + 20)
      const written = await writing.stop()
      await seen.until(({ values }) => values.length >= written)
      assertCounts(seen, written)
      await passing(1500)
      assert.equal((await store.get('held')).item?.lease, lease.id)
      await store.close()
    })

    it('tells that a watch was overtaken by a compaction while it was cut off', async () => {
      const [{ port }] = etcd.nodes
      const link = new Link('to etcd', await freePort(), port)
      await link.open()
      const store = openStore({ nodes: [{ ...etcd.nodes[0], port: link.port }] }, { prefix: 'cut/' })
      const other = openStore(etcd, { prefix: 'cut/' })
      const seen = new Seen()
      const { revision } = await store.txn({ success: [put('c', '1')] })
      store.watch('c', revision, seen)
      await seen.until(({ batches }) => batches.length === 1)
      await link.set({ type: 'cut' })
      await other.txn({ success: [put('c', '2')] })
      const last = await other.txn({ success: [put('c', '3')] })
      await etcd.ctl(['compact', String(last.revision)])
      await link.open()
      await seen.until(({ ends }) => ends.length > 0)
      assert.deepEqual(seen.ends, [['compacted', last.revision]])
      assert.deepEqual(seen.values, ['1'])
      await other.close()
      await store.close()
      await link.close()
    })

    it('does not take silence for the end of a lease, only what etcd says afterwards', async () => {
      const store = openStore(etcd, { requestTimeoutMs: 1000 })
      const [node] = etcd.nodes
      const lease = await store.grantLease(1000)
      await store.txn({ success: [put('held', '', lease.id)] })
      let lost = 0
      lease.onLost(() => lost++)
      assert.equal(lease.inDoubt, false)
      node.pause()
      await passing(2500)
      assert.equal(lost, 0)
      assert.equal(lease.inDoubt, true)
      node.resume()
      // It runs out, or the holder is first: what its key says and what it is told must agree.
      await passing(1500)
      const { item } = await eventually(() => store.get('held').catch(() => undefined))
      await eventually(() => lost === (item ? 0 : 1))
      if (item) {
        assert.equal(lease.inDoubt, false, 'a whole time after it was renewed')
        await passing(1500)
        assert.equal(lost, 0)
      }
      await store.close()
    })

    it('says that nothing is known of a transaction whose answer was lost', async () => {
      const store = openStore(etcd, { requestTimeoutMs: 500 })
      const [node] = etcd.nodes
      await store.get('')
      node.pause()
      const began = Date.now()
      await assert.rejects(store.txn({ success: [put('a', '1')] }), { kind: 'unavailable' })
      await assert.rejects(store.get('a'), { kind: 'unavailable' })
      assert.ok(Date.now() - began < 3000)
      node.resume()
      await eventually(() => store.get('a').catch(() => undefined))
      await store.close()
    })

    it('puts revisions together that come in parts', async () => {
      const store = openStore(etcd)
      const { revision } = await store.get('')
      const sizes = [120, 127, 3, 110]
      const value = 'x'.repeat(8000)
      for (const size of sizes)
        await store.txn({ success: Array.from({ length: size }, (_, i) => put(`big/${i}`, value)) })
      const seen = new Seen()
      store.watch('big/', revision + 1, seen)
      await seen.until(({ batches }) => batches.length === sizes.length)
      assert.deepEqual(
        seen.batches.map(({ changes }) => changes.length),
        sizes
      )
      await assert.rejects(store.txn({ success: [put('big', 'x'.repeat(1 << 20))] }), { kind: 'invalid' })
      await store.close()
    })

    it('reads more keys than fit into one answer as they were at one revision', async () => {
      const store = openStore(etcd)
      for (let part = 0; part < 100; part++)
        await store.txn({ success: Array.from({ length: 101 }, (_, i) => put(`many/${part}/${i}`, 'v'.repeat(500))) })
      const reading = store.range('many/')
      await store.txn({ success: [put('many/0/0', 'w')] })
      const { items, revision } = await reading
      assert.equal(items.length, 10_100)
      assert.ok(items.every(item => item.modRevision <= revision))
      assert.deepEqual(
        items.map(item => item.key),
        items.map(item => item.key).sort()
      )
      await store.close()
    })

    it('shares etcd with others by its prefix', async () => {
      const one = openStore(etcd, { prefix: 'one/' })
      const two = openStore(etcd, { prefix: 'two/' })
      const { revision } = await one.get('')
      const seen = new Seen()
      two.watch('', revision + 1, seen)
      await one.txn({ success: [put('k', 'one')] })
      await two.txn({ success: [put('k', 'two')] })
      await seen.until(({ values }) => values.length > 0)
      assert.deepEqual(seen.values, ['two'])
      assert.equal((await one.get('k')).item?.value, 'one')
      assert.equal((await two.range('')).items.length, 1)
      await one.close()
      await two.close()
    })
  })

  describe('a store on three etcd nodes', { concurrency: 1 }, () => {
    let etcd: EtcdTest
    before(async () => {
      etcd = await startEtcd({ nodes: 3 })
    })
    after(() => etcd.remove())

    it('goes on wherever a majority is: nodes paused, killed, restarted, their leader moved', async () => {
      const store = openStore(etcd, { requestTimeoutMs: 3000 })
      const lease = await store.grantLease(3000)
      await store.txn({ success: [put('held', '', lease.id)] })
      lease.onLost(() => assert.fail('etcd never said so'))
      const seen = new Seen()
      store.watch('n', (await store.get('')).revision + 1, seen)
      const writing = writer(store)
      const more = async () => {
        const reached = seen.values.length
        await seen.until(({ values }) => values.length > reached + 20)
      }
      await more()
      for (const node of etcd.nodes) {
        node.pause()
        await more()
        node.resume()
        await more()
      }
      for (const node of etcd.nodes.slice(0, 2)) {
        await node.kill9()
        await more()
        await node.start()
        await more()
      }
      await moveEtcdLeader(etcd)
      await more()
      const written = await writing.stop()
      await seen.until(({ values }) => values.length >= written)
      assertCounts(seen, written)
      assert.equal((await store.get('held')).item?.lease, lease.id)
      await store.close()
    })

    it('does not stay with a node that has lost the others', async () => {
      const store = openStore(etcd, { requestTimeoutMs: 3000 })
      const [asked, second, third] = etcd.nodes
      const { revision } = await store.get('')
      const seen = new Seen()
      store.watch('a', revision + 1, seen)
      await Promise.all([second.kill9(), third.kill9()])
      await assert.rejects(store.txn({ success: [put('a', '0')] }), { kind: 'unavailable' })
      await second.start()
      await eventually(() => store.txn({ success: [put('a', '1')] }).catch(() => undefined))
      await seen.until(({ values }) => values.at(-1) === '1')
      await third.start()
      await asked.kill9()
      await eventually(() => store.txn({ success: [put('a', '2')] }).catch(() => undefined))
      await seen.until(({ values }) => values.at(-1) === '2')
      await asked.start()
      await store.close()
    })

    it('does not use an endpoint that belongs to another etcd', async () => {
      const stranger = await startEtcd()
      const store = openStore({ nodes: [...etcd.nodes.slice(0, 1), ...stranger.nodes] }, { requestTimeoutMs: 1000 })
      await store.txn({ success: [put('a', 'ours')] })
      etcd.nodes[0].pause()
      await assert.rejects(store.txn({ success: [put('a', 'lost')] }), { kind: 'unavailable' })
      await assert.rejects(store.get('a'), /another etcd cluster|gave no answer|does not answer/)
      etcd.nodes[0].resume()
      assert.equal((await stranger.ctl(['get', '', '--prefix', '--keys-only'])).trim(), '')
      await store.close()
      await stranger.remove()
    })
  })
})
