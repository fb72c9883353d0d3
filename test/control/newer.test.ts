import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keys } from '../../src/control/keys.ts'
import { nodes, settle } from './nodes.ts'

/** Values as a newer broker may write them: with fields that this one doesn't know. */
describe('what a newer broker has written', () => {
  async function mixed() {
    const world = await nodes(2, 2)
    const { metastore, controls } = world
    const { topicId } = controls[0].image.topic('t')!
    const stored = async (key: string) => JSON.parse((await metastore.get(key)).item!.value)
    const enrich = async (key: string) => {
      const value = JSON.stringify({ ...(await stored(key)), later: { kept: true } })
      const { revision } = await metastore.txn({ success: [{ type: 'put', key, value }] })
      while (controls.some(({ image }) => image.revision < revision)) await settle()
    }
    return { ...world, topicId, stored, enrich }
  }

  it('in a topic stays there when its configs change and it grows', async () => {
    const { controls, topicId, stored, enrich } = await mixed()
    const key = keys.topic(topicId)
    await enrich(key)
    await controls[0].updateTopicConfigs(topicId, configs => ({ ...configs, 'retention.ms': '1' }))
    await controls[1].addPartitions(topicId, 2, [[1, 2]])
    const { later, partitions, configs } = await stored(key)
    assert.deepEqual([later, partitions, configs], [{ kept: true }, 3, { 'retention.ms': '1' }])
  })

  it('in a partition stays there when its leader, its in-sync replicas and its replicas change', async () => {
    const { controls, topicId, stored, enrich, now } = await mixed()
    const key = keys.partition(topicId, 0)
    await enrich(key)
    const { leader } = now(0)
    const isr = [leader]
    const change = { isr, joining: [], minIsr: 1 }
    assert.equal(await controls[leader - 1].changeIsr(topicId, 0, now(0, controls[leader - 1]), change), true)
    assert.deepEqual((await stored(key)).later, { kept: true })
    await controls[0].updatePartitions([
      { topicId, index: 0, change: partition => ({ ...partition, replicas: [2, 1], isr: [1, 2] }) }
    ])
    await controls[0].elect(topicId, 0, 'preferred')
    await controls[1].giveAway(topicId, 0)
    const { later, leaderEpoch } = await stored(key)
    assert.deepEqual(later, { kept: true })
    assert.ok(leaderEpoch >= 2)
  })

  it('in configs of brokers stays there when others change', async () => {
    const { controls, metastore, stored } = await mixed()
    const key = keys.brokerConfigs(undefined)
    await metastore.txn({ success: [{ type: 'put', key, value: JSON.stringify({ 'newer.option': '1' }) }] })
    while (!controls[0].image.brokerConfigs(undefined)['newer.option']) await settle()
    await controls[0].updateBrokerConfigs(undefined, configs => ({ ...configs, 'message.max.bytes': '2000' }))
    assert.deepEqual(await stored(key), { 'newer.option': '1', 'message.max.bytes': '2000' })
  })

  it("under keys of its own stands in nobody's way", async () => {
    const { metastore, open } = await mixed()
    await metastore.txn({ success: [{ type: 'put', key: 'later/thing', value: '{}' }] })
    const third = await open(3)
    assert.equal(third.image.topic('t')?.partitions.length, 2)
  })

  it('in a format that this one does not know keeps it out', async () => {
    const { metastore, open } = await mixed()
    assert.equal((await metastore.get(keys.format)).item?.value, '1')
    await metastore.txn({ success: [{ type: 'put', key: keys.format, value: '2' }] })
    await assert.rejects(open(3), { code: 'INVALID_CONFIG', message: /format 2.*this one knows 1/ })
  })
})
