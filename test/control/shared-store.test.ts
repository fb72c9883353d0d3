import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openControl } from '../../src/control/control.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import type { ChangeBatch, Compare, KeyValue, Metastore, Operation } from '../../src/metastore/metastore.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'
import { nextRandom, settle } from './nodes.ts'

/** The keys under a prefix of a store that others use too: its revisions count their changes as well, as etcd's do. */
function under(prefix: string, store: Metastore): Metastore {
  const inside = <T extends Compare | Operation>(each: T): T => ({ ...each, key: prefix + each.key })
  const outside = (item: KeyValue): KeyValue => ({ ...item, key: item.key.slice(prefix.length) })
  const seen = ({ revision, changes }: ChangeBatch): ChangeBatch => ({
    revision,
    changes: changes.map(change =>
      change.type === 'put'
        ? { type: 'put', item: outside(change.item) }
        : { ...change, key: change.key.slice(prefix.length) }
    )
  })
  return {
    async get(key) {
      const { revision, item } = await store.get(prefix + key)
      return { revision, item: item && outside(item) }
    },
    async range(begin, page) {
      const after = page?.after === undefined ? undefined : prefix + page.after
      const found = await store.range(prefix + begin, { ...page, after })
      return { ...found, items: found.items.map(outside) }
    },
    async txn({ compare, success, failure }) {
      const [compares, ...operations] = [compare?.map(inside), success?.map(inside), failure?.map(inside)]
      const result = await store.txn({ compare: compares, success: operations[0], failure: operations[1] })
      return { ...result, items: result.items.map(item => item && outside(item)) }
    },
    watch: (begin, from, watcher) =>
      store.watch(prefix + begin, from, {
        changed: batch => watcher.changed(seen(batch)),
        ended: (reason, oldest) => watcher.ended(reason, oldest)
      }),
    grantLease: ttlMs => store.grantLease(ttlMs),
    close: () => store.close()
  }
}

describe('a cluster in a store that others use too', () => {
  it('hears what became of a change that did not hold, though nothing of its own has changed since', async () => {
    const clock = new ManualClock()
    const store = await openEmbeddedMetastore({ clock, logger: silent })
    const ours = under('ours/', store)
    const control = await openControl({ metastore: ours, nodeId: 1, clock, random: nextRandom(), logger: silent })
    const { topicId } = await control.createTopic({ name: 't', assignments: [[1, 2]], configs: {} })
    await store.txn({ success: [{ type: 'put', key: 'theirs/key', value: 'x' }] })
    const partition = control.image.topicById(topicId)!.partitions[0]
    const joining = [{ nodeId: 2, epoch: 1 }]
    let held: boolean | undefined
    void control.changeIsr(topicId, 0, partition, { isr: [1, 2], joining, minIsr: 1 }).then(answer => {
      held = answer
    })
    await settle()
    clock.advance(1000)
    await settle()
    assert.equal(held, false)
    await control.close()
    await store.close()
  })
})
