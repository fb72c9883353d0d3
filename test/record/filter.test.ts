import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type BatchOptions, buildBatch } from '../../src/record/build.ts'
import { validBatchAt } from '../../src/record/check.ts'
import { filterBatch, type RecordFilter } from '../../src/record/filter.ts'
import * as header from '../../src/record/header.ts'
import { iterateRecords } from '../../src/record/iterate.ts'
import { setLogAppendTime } from '../../src/record/rewrite.ts'

const nowMs = 1_800_000_000_000

const records = [
  { key: 'a', value: '1' },
  { key: 'b', value: null },
  { key: 'c', value: '3' },
  { key: null, value: '4' }
].map(({ key, value }, at) => ({
  timestamp: 1_700_000_000_000 + at * 10,
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  headers: [{ key: 'h', value: Buffer.from(`${at}`) }]
}))

const options: BatchOptions = { baseOffset: 100, leaderEpoch: 3, producerId: 7, producerEpoch: 2, baseSequence: 50 }

/** Keeps the records with these offset deltas. */
function keeping(deltas: readonly number[], more: Partial<RecordFilter> = {}): RecordFilter {
  return {
    nowMs,
    deleteRetentionMs: 1000,
    upTo: Number.MAX_SAFE_INTEGER,
    isNewest: offset => deltas.includes(offset - 100),
    isLastOfProducer: () => false,
    ...more
  }
}

function view(batch: Buffer) {
  return [...iterateRecords(batch)].map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key: key?.toString(),
    value: value?.toString() ?? null,
    header: headers[0].value?.toString()
  }))
}

describe('filterBatch', () => {
  for (const codec of header.compressionCodecs)
    it(`rebuilds a ${codec} batch of which a part stays`, () => {
      const batch = buildBatch(records, { ...options, codec })
      const left = filterBatch(Buffer.concat([Buffer.alloc(9), batch]), 9, keeping([0, 2]))
      assert.ok(left)
      assert.equal(validBatchAt(left, 0), left.length)
      assert.deepEqual(view(left), [view(batch)[0], view(batch)[2]])
      for (const field of [
        header.baseOffset,
        header.lastOffset,
        header.leaderEpoch,
        header.producerId,
        header.producerEpoch,
        header.baseSequence,
        header.attributes
      ])
        assert.equal(field(left), field(batch))
      assert.equal(header.recordCount(left), 2)
      assert.equal(header.maxTimestamp(left), records[2].timestamp)
    })

  it('gives the batch itself when all of it stays', () => {
    const batch = buildBatch([records[0], records[2]], options)
    const left = filterBatch(batch, 0, keeping([0, 1]))
    assert.equal(left?.buffer, batch.buffer)
    assert.equal(left?.byteOffset, batch.byteOffset)
  })

  it('sets the delete horizon of tombstones once, and drops them when it is over (KIP-534)', () => {
    const batch = buildBatch(records, options)
    const first = filterBatch(batch, 0, keeping([0, 1, 2]))
    assert.ok(first)
    assert.equal(header.deleteHorizonMs(first), nowMs + 1000)
    assert.deepEqual(view(first), view(batch).slice(0, 3))
    const second = filterBatch(first, 0, keeping([0, 1], { nowMs: nowMs + 999, deleteRetentionMs: 5 }))
    assert.ok(second)
    assert.equal(header.deleteHorizonMs(second), nowMs + 1000)
    assert.deepEqual(view(second), view(batch).slice(0, 2))
    const third = filterBatch(second, 0, keeping([0, 1], { nowMs: nowMs + 1000 }))
    assert.ok(third)
    assert.deepEqual(view(third), view(batch).slice(0, 1))
    assert.equal(header.deleteHorizonMs(third), nowMs + 1000)
  })

  it('touches nothing behind what compaction has looked at, tombstones neither: what they stand for may still be there', () => {
    const batch = buildBatch(records, options)
    assert.ok(filterBatch(batch, 0, keeping([], { upTo: 100 }))?.equals(batch))
    const dated = filterBatch(batch, 0, keeping([0, 1, 2]))
    assert.ok(dated)
    assert.ok(filterBatch(dated, 0, keeping([0], { upTo: 101, nowMs: nowMs + 5000 }))?.equals(dated))
  })

  it('keeps the time of a LogAppendTime batch, with a horizon too', () => {
    const batch = buildBatch(records, options)
    setLogAppendTime(batch, 1_750_000_000_000)
    const left = filterBatch(batch, 0, keeping([1, 2]))
    assert.ok(left)
    assert.equal(header.deleteHorizonMs(left), nowMs + 1000)
    assert.deepEqual(
      view(left).map(({ offset, timestamp }) => [offset, timestamp]),
      [
        [101, 1_750_000_000_000],
        [102, 1_750_000_000_000]
      ]
    )
  })

  it('keeps the header alone while it is the last of its producer', () => {
    const batch = buildBatch(records, { ...options, codec: 'gzip' })
    assert.equal(filterBatch(batch, 0, keeping([])), undefined)
    const isLastOfProducer = (id: number, lastOffset: number) => id === 7 && lastOffset === 103
    const left = filterBatch(batch, 0, keeping([], { isLastOfProducer }))
    assert.ok(left)
    assert.equal(validBatchAt(left, 0), header.headerBytes)
    assert.equal(header.recordCount(left), 0)
    assert.equal(header.codecId(left), 0)
    assert.deepEqual([header.lastOffset(left), header.baseSequence(left), header.producerEpoch(left)], [103, 50, 2])
    assert.equal(header.newestTimestamp(left), -1)
    // And goes with the next pass when it no longer is.
    assert.ok(filterBatch(left, 0, keeping([], { isLastOfProducer }))?.equals(left))
    assert.equal(filterBatch(left, 0, keeping([])), undefined)
  })

  it('keeps control batches', () => {
    const batch = buildBatch([records[0]], { ...options, control: true, transactional: true })
    assert.ok(filterBatch(batch, 0, keeping([]))?.equals(batch))
  })

  it('refuses malformed records', () => {
    const batch = buildBatch(records, options)
    batch.writeInt32BE(5, 57)
    assert.throws(() => filterBatch(batch, 0, keeping([0])), { code: 'CORRUPT_MESSAGE' })
  })
})
