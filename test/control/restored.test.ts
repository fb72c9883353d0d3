import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { format, keys, parse } from '../../src/control/keys.ts'
import { noticeRestore } from '../../src/control/restored.ts'
import type { PartitionImage } from '../../src/control/types.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import type { Metastore } from '../../src/metastore/metastore.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'

const topicId = 'AAAAAAAAAAAAAAAAAAAAAA'
const partition = { leader: 1, leaderEpoch: 3, leaderBrokerEpoch: 7, replicas: [1, 2], isr: [1, 2] }
const count = 150

async function storeWithPartitions(): Promise<Metastore> {
  const store = await openEmbeddedMetastore({ clock: new ManualClock(), logger: silent })
  for (let index = 0; index < count; index++)
    await store.txn({
      success: [
        { type: 'put', key: keys.partition(topicId, index), value: format({ ...partition, leaderEpoch: index }) }
      ]
    })
  await store.txn({ success: [{ type: 'put', key: keys.producerIds, value: '5000' }] })
  return store
}

const epochsIn = async (store: Metastore) => {
  const { items } = await store.range(keys.partitions)
  return items.map(({ key, value }) => parse<PartitionImage>(value).leaderEpoch - Number(key.split('/')[2]))
}

describe('a store that is another one than before', () => {
  it('has all epochs and producer ids go on far behind those of before, once', async () => {
    const store = await storeWithPartitions()
    await noticeRestore(store, 'first', silent)
    await noticeRestore(store, 'first', silent)
    assert.deepEqual(new Set(await epochsIn(store)), new Set([0]))
    assert.equal((await store.get(keys.producerIds)).item?.value, '5000')
    await noticeRestore(store, 'second', silent)
    await noticeRestore(store, 'second', silent)
    assert.deepEqual(new Set(await epochsIn(store)), new Set([1_000_000]))
    assert.equal((await store.get(keys.producerIds)).item?.value, '1000005000')
  })

  it('is noticed by several brokers at a time, and by one that others are ahead of', async () => {
    const store = await storeWithPartitions()
    await noticeRestore(store, 'first', silent)
    await Promise.all([1, 2, 3].map(() => noticeRestore(store, 'second', silent)))
    assert.ok((await epochsIn(store)).every(epoch => epoch >= 1_000_000))
    assert.equal((await store.get(keys.storeId)).item?.value, 'second')
  })
})
