import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { campaign, electionKey } from '../../src/metastore/election.ts'
import {
  type ChangeBatch,
  type Metastore,
  MetastoreError,
  type MetastoreErrorKind,
  transactionOperationsMax
} from '../../src/metastore/metastore.ts'

export interface Subject {
  store: Metastore
  /** Lets time pass until leases of this length that nobody keeps alive have ended. */
  expire(ttlMs: number): Promise<void>
  /** Makes changes until those of revision 1 to `revision` are forgotten. */
  forget(revision: number): Promise<void>
}

const put = (key: string, value: string, lease?: string) => ({ type: 'put', key, value, lease }) as const
const absent = (key: string) => ({ key, target: 'createRevision', is: '=', to: 0 }) as const

/** What every Metastore must do; each case gets an empty one. */
export function metastoreConformance(name: string, make: () => Promise<Subject>): void {
  const withStore = (act: (subject: Subject) => Promise<void>) => async () => {
    const subject = await make()
    await act(subject)
    await subject.store.close()
  }

  describe(`${name} as a Metastore`, () => {
    it(
      'counts revisions and versions, and begins again after a deletion',
      withStore(async ({ store }) => {
        const first = await store.txn({ success: [put('a', '1'), put('b', '1')] })
        const second = await store.txn({ success: [put('a', '2')] })
        assert.equal(second.revision, first.revision + 1)
        const { item, revision } = await store.get('a')
        assert.equal(revision, second.revision)
        assert.deepEqual(item, {
          key: 'a',
          value: '2',
          createRevision: first.revision,
          modRevision: second.revision,
          version: 2,
          lease: ''
        })
        await store.txn({ success: [{ type: 'delete', key: 'a' }] })
        assert.equal((await store.get('a')).item, undefined)
        const third = await store.txn({ success: [put('a', '3')] })
        const again = (await store.get('a')).item
        assert.deepEqual([again?.createRevision, again?.version], [third.revision, 1])
      })
    )

    it(
      'takes no revision when nothing changes',
      withStore(async ({ store }) => {
        const { revision } = await store.txn({ success: [put('a', '1')] })
        const idle = await store.txn({
          success: [
            { type: 'delete', key: 'none' },
            { type: 'get', key: 'a' }
          ]
        })
        assert.equal(idle.revision, revision)
        assert.equal(idle.items[1]?.value, '1')
      })
    )

    it(
      'carries out one branch, by its compares',
      withStore(async ({ store }) => {
        const { revision } = await store.txn({ compare: [absent('a')], success: [put('a', '5')] })
        const holds: [boolean, Parameters<Metastore['txn']>[0]['compare']][] = [
          [true, [{ key: 'a', target: 'modRevision', is: '=', to: revision }]],
          [false, [{ key: 'a', target: 'modRevision', is: '!=', to: revision }]],
          [true, [{ key: 'a', target: 'version', is: '>', to: 0 }]],
          [true, [{ key: 'a', target: 'createRevision', is: '<', to: revision + 1 }]],
          [true, [{ key: 'a', target: 'value', is: '=', to: '5' }]],
          [false, [{ key: 'a', target: 'value', is: '>', to: '5' }]],
          [true, [{ key: 'a', target: 'lease', is: '=', to: '' }]],
          [false, [absent('a')]],
          [true, [absent('none'), { key: 'none', target: 'version', is: '=', to: 0 }]],
          [false, [{ key: 'none', target: 'value', is: '!=', to: 'x' }]],
          [false, [{ key: 'a', target: 'value', is: '=', to: '5' }, absent('a')]]
        ]
        for (const [expected, compare] of holds) {
          const result = await store.txn({
            compare,
            success: [{ type: 'get', key: 'a' }],
            failure: [{ type: 'get', key: 'none' }]
          })
          assert.equal(result.succeeded, expected, JSON.stringify(compare))
          assert.equal(result.items[0]?.value, expected ? '5' : undefined)
        }
      })
    )

    it(
      'lets one of many racers win, and orders the rest behind it',
      withStore(async ({ store }) => {
        const racers = Array.from({ length: 20 }, (_, i) =>
          store.txn({
            compare: [absent('leader')],
            success: [put('leader', String(i))],
            failure: [{ type: 'get', key: 'leader' }]
          })
        )
        const results = await Promise.all(racers)
        const winner = results.findIndex(result => result.succeeded)
        assert.equal(results.filter(result => result.succeeded).length, 1)
        for (const result of results) if (!result.succeeded) assert.equal(result.items[0]?.value, String(winner))
      })
    )

    it(
      'ranges by prefix in order, in pages',
      withStore(async ({ store }) => {
        const keys = ['p/1', 'p/10', 'p/2', 'p', 'q', 'o', 'p/\u{1F600}']
        await store.txn({ success: keys.map(key => put(key, `v${key}`)) })
        const all = await store.range('p/')
        assert.deepEqual(
          all.items.map(item => item.key),
          ['p/1', 'p/10', 'p/2', 'p/\u{1F600}']
        )
        assert.equal(all.more, false)
        const first = await store.range('p/', { limit: 2 })
        assert.deepEqual([first.items.map(item => item.key), first.more], [['p/1', 'p/10'], true])
        const second = await store.range('p/', { limit: 2, after: 'p/10' })
        assert.deepEqual([second.items.map(item => item.key), second.more], [['p/2', 'p/\u{1F600}'], false])
        assert.equal((await store.range('')).items.length, keys.length)
        assert.deepEqual((await store.range('none')).items, [])
      })
    )

    it(
      'refuses transactions against the rules, whole',
      withStore(async ({ store }) => {
        const many = Array.from({ length: transactionOperationsMax + 1 }, (_, i) => put(`k${i}`, ''))
        await rejects(store.txn({ success: many }), 'invalid')
        await rejects(store.txn({ success: [put('a', '1'), { type: 'delete', key: 'a' }] }), 'invalid')
        await rejects(store.txn({ success: [put('a', '1', '987654')] }), 'lease')
        assert.equal((await store.range('')).items.length, 0)
        await store.txn({ success: many.slice(1) })
        assert.equal((await store.range('k')).items.length, transactionOperationsMax)
      })
    )

    it(
      'delivers changes from a revision on, in order, whole revisions at a time',
      withStore(async ({ store }) => {
        await store.txn({ success: [put('w/a', '0')] })
        const { revision } = await store.txn({ success: [put('w/a', '1'), put('w/b', '1'), put('x', '1')] })
        const seen: ChangeBatch[] = []
        let inWatch = true
        const watch = store.watch('w/', revision, {
          changed(batch) {
            assert.ok(!inWatch)
            seen.push(batch)
          },
          ended: () => assert.fail('must not end')
        })
        inWatch = false
        await store.txn({ success: [put('x', '2')] })
        const last = await store.txn({ success: [{ type: 'delete', key: 'w/a' }, put('w/b', '2')] })
        await until(() => seen.length === 2)
        assert.deepEqual(
          seen.map(batch => batch.revision),
          [revision, last.revision]
        )
        assert.deepEqual(
          seen[0].changes.map(change => change.type === 'put' && [change.item.key, change.item.value]),
          [
            ['w/a', '1'],
            ['w/b', '1']
          ]
        )
        assert.equal(seen[1].changes.length, 2)
        assert.ok(
          seen[1].changes.some(
            change => change.type === 'delete' && change.key === 'w/a' && change.modRevision === last.revision
          )
        )
        watch.cancel()
        await store.txn({ success: [put('w/a', '9')] })
        await turns(5)
        assert.equal(seen.length, 2)
      })
    )

    it(
      'says so when what a watch asks for is forgotten',
      withStore(async ({ store, forget }) => {
        await store.txn({ success: [put('a', '1')] })
        await forget(1)
        const ended: [string, number][] = []
        store.watch('', 1, {
          changed: () => assert.fail('must not skip'),
          ended: (reason, oldest) => void ended.push([reason, oldest])
        })
        await until(() => ended.length > 0)
        assert.equal(ended[0][0], 'compacted')
        assert.ok(ended[0][1] > 1)
      })
    )

    it(
      'keeps keys as long as their lease, and deletes them together when it ends',
      withStore(async ({ store, expire }) => {
        const lease = await store.grantLease(1000)
        const other = await store.grantLease(1000)
        await store.txn({ success: [put('a', '1', lease.id), put('b', '1', lease.id), put('c', '1', other.id)] })
        await expire(1000)
        assert.equal((await store.range('')).items.length, 3, 'held leases live on')
        let lost = 0
        lease.onLost(() => lost++)
        const batches: ChangeBatch[] = []
        store.watch('', (await store.get('a')).revision + 1, {
          changed: batch => void batches.push(batch),
          ended: () => {}
        })
        lease.abandon()
        await expire(1000)
        await until(() => lost === 1)
        assert.deepEqual(
          (await store.range('')).items.map(item => item.key),
          ['c']
        )
        await until(() => batches.length === 1)
        assert.deepEqual(batches[0].changes.map(change => change.type).join(), 'delete,delete')
        await rejects(store.txn({ success: [put('a', '1', lease.id)] }), 'lease')
        lease.onLost(() => lost++)
        assert.equal(lost, 2)
        await other.revoke()
        assert.equal((await store.range('')).items.length, 0)
      })
    )

    it(
      'takes a key out of its lease when it is put without one',
      withStore(async ({ store }) => {
        const lease = await store.grantLease(1000)
        await store.txn({ success: [put('a', '1', lease.id), put('b', '1', lease.id)] })
        await store.txn({ success: [put('a', '2')] })
        await lease.revoke()
        assert.deepEqual(
          (await store.range('')).items.map(item => [item.key, item.lease]),
          [['a', '']]
        )
      })
    )

    it(
      'elects one leader at a time, with a token that grows and fences',
      withStore(async ({ store, expire }) => {
        const leaseA = await store.grantLease(1000)
        const leaseB = await store.grantLease(1000)
        const a = await campaign(store, 'controller', leaseA, 'a')
        assert.equal((await campaign(store, 'controller', leaseA, 'a')).token, a.token, 'its own win is recognized')
        let waits = true
        const waiting = campaign(store, 'controller', leaseB, 'b').finally(() => {
          waits = false
        })
        await turns(5)
        assert.ok(waits)
        assert.ok((await store.txn({ compare: [a.fence], success: [put('x', 'a')] })).succeeded)
        let lost = false
        a.onLost(() => {
          lost = true
        })
        leaseA.abandon()
        await expire(1000)
        const b = await waiting
        await until(() => lost)
        assert.ok(b.token > a.token)
        assert.equal((await store.txn({ compare: [a.fence], success: [put('x', 'late')] })).succeeded, false)
        await b.resign()
        assert.equal((await store.get(electionKey('controller'))).item, undefined)
      })
    )

    it('refuses everything once closed, and tells the watchers', async () => {
      const { store } = await make()
      let reason = ''
      store.watch('', 1, {
        changed: () => {},
        ended(why) {
          reason = why
        }
      })
      const last = store.txn({ success: [put('a', '1')] })
      const closing = store.close()
      await rejects(store.txn({ success: [put('a', '2')] }), 'closed')
      await Promise.all([closing, store.close(), last])
      assert.equal(reason, 'closed')
      await rejects(store.get('a'), 'closed')
      await rejects(store.txn({}), 'closed')
      await rejects(store.grantLease(1000), 'closed')
      await store.close()
    })
  })
}

async function rejects(promise: Promise<unknown>, kind: MetastoreErrorKind): Promise<void> {
  await assert.rejects(promise, error => error instanceof MetastoreError && error.kind === kind)
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Turns are enough for a store in this process; one elsewhere takes real time. */
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await turns(1)
  for (let i = 0; i < 1000 && !condition(); i++) await new Promise(resolve => setTimeout(resolve, 10))
  assert.ok(condition(), 'in time')
}
