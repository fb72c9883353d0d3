import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram } from '../../bench/histogram.ts'
import { fetchFrame, produceFrame, recordBatch, recordsPerBatch } from '../../bench/wire.ts'
import { checkProduceBatch } from '../../src/record/check.ts'
import { Fetch } from '../../src/wire/kafka/messages/fetch.ts'
import { Produce } from '../../src/wire/kafka/messages/produce.ts'

const limits = {
  maxBytes: 2 ** 20 + 12,
  requireKeys: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: 3_600_000,
  timestampAfterMaxMs: 3_600_000,
  nowMs: Date.now(),
  checkCompressed: true,
  decompressedBytesMax: 2 ** 24
} as const

/** Length, key, version, correlation id, client id "naru-bench" and no tags stand before the body. */
const bodyAt = 4 + 2 + 2 + 4 + 2 + 10 + 1

test('the batches that the load generator sends are good ones of the size asked for', () => {
  for (const valueBytes of [100, 1024, 16_384])
    for (const batchBytes of [0, 16_384, 1_000_000]) {
      const count = recordsPerBatch(valueBytes, batchBytes)
      const batch = recordBatch(valueBytes, count)
      assert.equal(checkProduceBatch(batch, limits).count, count)
      if (count > 1) assert.ok(batch.length <= batchBytes && batch.length > 0.9 * batchBytes - valueBytes)
    }
})

test('its requests say what they mean, also after they were patched in place', () => {
  const batch = recordBatch(100, 3)
  const produce = produceFrame('orders', -1, batch)
  produce.frame.writeInt32BE(7, produce.partitionAt)
  const request = Produce.request.decode(produce.frame.subarray(bodyAt), 9)
  assert.equal(produce.frame.readInt32BE(0), produce.frame.length - 4)
  assert.equal(request.acks, -1)
  assert.equal(request.topicData[0].name, 'orders')
  assert.equal(request.topicData[0].partitionData[0].index, 7)
  assert.deepEqual(request.topicData[0].partitionData[0].records, batch)

  const fetch = fetchFrame('orders', 1000)
  fetch.frame.writeInt32BE(3, fetch.partitionAt)
  fetch.frame.writeInt32BE(12_345, fetch.offsetAt + 4)
  const wanted = Fetch.request.decode(fetch.frame.subarray(bodyAt), 12)
  assert.equal(wanted.topics[0].partitions[0].partition, 3)
  assert.equal(wanted.topics[0].partitions[0].fetchOffset, 12_345)
  assert.equal(wanted.topics[0].partitions[0].partitionMaxBytes, 1000)
})

test('quantiles are right within two per cent', () => {
  const histogram = new Histogram()
  for (let us = 1; us <= 100_000; us++) histogram.record(us)
  for (const q of [0.001, 0.5, 0.99, 0.999, 1]) {
    const exact = q * 100_000
    assert.ok(Math.abs(histogram.quantile(q) - exact) <= exact * 0.02 + 1, `${q}: ${histogram.quantile(q)}`)
  }
})
