import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Image } from '../../src/control/image.ts'
import { format, keys } from '../../src/control/keys.ts'
import type { PartitionImage } from '../../src/control/types.ts'
import type { Change } from '../../src/metastore/metastore.ts'
import { noLease } from '../../src/metastore/metastore.ts'

const topicId = 'AAAAAAAAAAAAAAAAAAAAAQ'

function put(key: string, value: string, modRevision: number): Change {
  return { type: 'put', item: { key, value, createRevision: 1, modRevision, version: 1, lease: noLease } }
}

const partition = (leaderEpoch: number, modRevision: number): Change => {
  const image: PartitionImage = { leader: 1, leaderEpoch, leaderBrokerEpoch: 1, replicas: [1, 2], isr: [1, 2] }
  return put(keys.partition(topicId, 0), format(image), modRevision)
}

describe('the image', () => {
  it('never goes back behind what a page of a reading has shown, and tells nothing twice', () => {
    const image = new Image()
    const topic = put(keys.topic(topicId), format({ name: 't', partitions: 1, configs: {} }), 2)
    // The last page was read at revision 12.
    image.apply(10, [topic, partition(5, 12)])
    const now = () => image.topicById(topicId)?.partitions[0]
    const shown = now()
    assert.deepEqual(image.apply(11, [partition(4, 11)]).partitions, [])
    assert.equal(now(), shown)
    assert.deepEqual(image.apply(12, [partition(5, 12)]).partitions, [])
    assert.equal(now(), shown, 'what is asked for on the strength of it is still under way')
    assert.deepEqual(image.apply(13, [partition(6, 13)]).partitions, [{ topicId, index: 0 }])
    assert.equal(now()?.leaderEpoch, 6)
  })

  it('keeps what was deleted and made again before a page was read', () => {
    const image = new Image()
    image.apply(10, [put(keys.name('t'), topicId, 12), put(keys.brokerConfigs(1), format({ a: 'b' }), 12)])
    image.apply(11, [{ type: 'delete', key: keys.brokerConfigs(1), modRevision: 11 }])
    assert.deepEqual(image.brokerConfigs(1), { a: 'b' })
  })
})
