import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { format, keys, parse } from '../../src/control/keys.ts'
import { forgetReplicas } from '../../src/control/lost-replicas.ts'
import type { PartitionImage } from '../../src/control/types.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import type { Metastore } from '../../src/metastore/metastore.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'

const topicId = 'AAAAAAAAAAAAAAAAAAAAAA'
const partition = (isr: number[], elr?: number[]) => ({
  leader: isr[0],
  leaderEpoch: 3,
  leaderBrokerEpoch: 7,
  replicas: [1, 2, 3],
  isr,
  ...(elr && { elr })
})

async function storeOf(...partitions: PartitionImage[]): Promise<Metastore> {
  const store = await openEmbeddedMetastore({ clock: new ManualClock(), logger: silent })
  for (const [index, value] of partitions.entries())
    await store.txn({ success: [{ type: 'put', key: keys.partition(topicId, index), value: format(value) }] })
  return store
}

const isrsIn = async (store: Metastore) =>
  (await store.range(keys.partitions)).items.map(({ value }) => parse<PartitionImage>(value).isr)

describe('a broker that has lost what it had', () => {
  it('is in sync nowhere any more but where it was the last, and the rest stays as it is', async () => {
    const store = await storeOf(...[[1, 2, 3], [2], [3, 1], [1, 3]].map(isr => partition(isr)))
    await forgetReplicas(store, 2)
    assert.deepEqual(await isrsIn(store), [[1, 3], [2], [3, 1], [1, 3]])
    const { item } = await store.get(keys.partition(topicId, 0))
    assert.deepEqual(parse(item!.value), { ...partition([1, 2, 3]), isr: [1, 3] })
  })

  it('is not eligible to lead either, and hands the last word over to those who are', async () => {
    const store = await storeOf(partition([1], [2, 3]), partition([1], [2]), partition([2], [3]))
    await forgetReplicas(store, 2)
    const { items } = await store.range(keys.partitions)
    const left = items.map(({ value }) => parse<PartitionImage>(value))
    assert.deepEqual(
      left.map(({ isr, elr }) => [isr, elr]),
      [
        [[1], [3]],
        [[1], undefined],
        [[3], undefined]
      ]
    )
  })

  it('is taken out of the set that there is, when somebody else changes it meanwhile', async () => {
    const store = await storeOf(partition([1, 2, 3]))
    const key = keys.partition(topicId, 0)
    const forgetting = forgetReplicas(store, 2)
    const changing = store.txn({ success: [{ type: 'put', key, value: format(partition([2, 3])) }] })
    await Promise.all([forgetting, changing])
    assert.deepEqual(await isrsIn(store), [[3]])
  })
})
