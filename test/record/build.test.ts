import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import test from 'node:test'
import fc from 'fast-check'
import { BatchBuilder, buildBatch } from '../../src/record/build.ts'
import { checkProduceBatch } from '../../src/record/check.ts'
import { compressionCodecs } from '../../src/record/header.ts'
import { iterateRecords } from '../../src/record/iterate.ts'
import { recompress, setLogAppendTime } from '../../src/record/rewrite.ts'
import { anyRecords, lenient, plain } from './support.ts'

test('writes the bytes that the format describes', () => {
  const batch = buildBatch(
    [
      { key: Buffer.from('k'), value: Buffer.from('v'), timestamp: 1000, headers: [{ key: 'h', value: null }] },
      { key: null, value: Buffer.alloc(0), timestamp: 999 }
    ],
    { baseOffset: 5, leaderEpoch: 3, producerId: 7, producerEpoch: 1, baseSequence: 9, transactional: true }
  )
  const records = '16000000026b0276020268010c000102010000'
  assert.equal(batch.toString('hex', 61), records)
  assert.equal(
    batch.toString('hex', 0, 17),
    `0000000000000005${(batch.length - 12).toString(16).padStart(8, '0')}0000000302`
  )
  assert.equal(
    batch.toString('hex', 21, 61),
    '0010' +
      '00000001' +
      '00000000000003e8' +
      '00000000000003e8' +
      '0000000000000007' +
      '0001' +
      '00000009' +
      '00000002'
  )
})

test('foretells its size exactly, and is empty after build', () => {
  fc.assert(
    fc.property(anyRecords, records => {
      const builder = new BatchBuilder(64)
      for (const record of records) {
        const foretold = builder.bytesWith(record)
        builder.append(record)
        assert.equal(builder.bytes, foretold)
      }
      assert.equal(builder.bytes, builder.build().length)
      assert.equal(builder.count, 0)
    })
  )
})

test('what was built is accepted and read back, with every codec', () => {
  fc.assert(
    fc.property(anyRecords, fc.constantFrom(...compressionCodecs), (records, codec) => {
      const batch = buildBatch(records, { codec })
      const checked = checkProduceBatch(batch, lenient)
      assert.equal(checked.count, records.length)
      assert.equal(checked.maxTimestamp, Math.max(...records.map(record => record.timestamp)))
      const read = [...iterateRecords(batch)]
      assert.deepEqual(
        read.map(plain),
        records.map((record, index) => plain({ ...record, offset: index }))
      )
    })
  )
})

test('recompresses with everything else kept', () => {
  fc.assert(
    fc.property(
      anyRecords,
      fc.constantFrom(...compressionCodecs),
      fc.constantFrom(...compressionCodecs),
      (records, from, to) => {
        const batch = buildBatch(records, { codec: from, producerId: 3, producerEpoch: 2, baseSequence: 8 })
        const again = recompress(batch, to)
        checkProduceBatch(again, lenient)
        assert.deepEqual([...iterateRecords(again)].map(plain), [...iterateRecords(batch)].map(plain))
        assert.equal(again.toString('hex', 23, 61), batch.toString('hex', 23, 61))
      }
    ),
    { numRuns: 50 }
  )
})

test('keeps gaps in offsets', () => {
  const value = Buffer.from('v')
  const batch = buildBatch(
    [
      { value, timestamp: 1, offsetDelta: 2 },
      { value, timestamp: 1, offsetDelta: 5 }
    ],
    { baseOffset: 100, lastOffsetDelta: 9 }
  )
  assert.deepEqual(
    [...iterateRecords(batch)].map(record => record.offset),
    [102, 105]
  )
  assert.equal(batch.readInt32BE(23), 9)
})

test('stamps the append time, for all records', () => {
  const batch = buildBatch([
    { value: Buffer.from('a'), timestamp: 5 },
    { value: Buffer.from('b'), timestamp: 6 }
  ])
  setLogAppendTime(batch, 1234)
  assert.deepEqual(
    [...iterateRecords(batch)].map(record => record.timestamp),
    [1234, 1234]
  )
  assert.throws(() => checkProduceBatch(batch, lenient), { code: 'INVALID_TIMESTAMP' })
})

test('reads what kafkajs writes', async () => {
  const { RecordBatch } = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/v0/index.js')
  const Record = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/record/v0/index.js')
  const { Types } = createRequire(import.meta.url)('kafkajs/src/protocol/message/compression/index.js')
  for (const compression of [Types.None, Types.GZIP]) {
    const records = [
      Record({ offsetDelta: 0, timestampDelta: 0, key: 'k1', value: 'v1', headers: { one: 'x', two: 'y' } }),
      Record({ offsetDelta: 1, timestampDelta: 5, key: null, value: 'v2', headers: {} })
    ]
    const encoded = await RecordBatch({
      compression,
      firstTimestamp: 1000,
      maxTimestamp: 1005,
      records,
      lastOffsetDelta: 1
    })
    const batch = encoded.buffer as Buffer
    checkProduceBatch(batch, lenient)
    assert.deepEqual(
      [...iterateRecords(batch)].map(record => [record.timestamp, record.key?.toString(), record.value?.toString()]),
      [
        [1000, 'k1', 'v1'],
        [1005, undefined, 'v2']
      ]
    )
    assert.deepEqual([...iterateRecords(batch)][0].headers, [
      { key: 'one', value: Buffer.from('x') },
      { key: 'two', value: Buffer.from('y') }
    ])
  }
})
