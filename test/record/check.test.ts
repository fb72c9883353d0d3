import assert from 'node:assert/strict'
import test from 'node:test'
import { buildBatch } from '../../src/record/build.ts'
import { checkProduceBatch, RecordsError, validBatchAt, verifyCrc, walkBatches } from '../../src/record/check.ts'
import { changed, record, refusedCases, three } from './cases.ts'
import { lenient } from './support.ts'

const limits = { ...lenient, maxBytes: 1000, decompressedBytesMax: 100_000 }

for (const [code, what, make] of refusedCases)
  test(`${what}: ${code}`, () => assert.throws(() => checkProduceBatch(make(), limits), { code }))

test('accepts a good batch, compressed or not, and tells what it saw', () => {
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const batch = buildBatch([record('a', 5), record('b', 9), record('c', 7)], { codec })
    const { count, maxTimestamp, decompressedBytes } = checkProduceBatch(batch, limits)
    assert.deepEqual([count, maxTimestamp], [3, 9])
    assert.equal(decompressedBytes > 0, codec !== 'none')
  }
})

test('leaves compressed records alone when told so', () => {
  const batch = changed(b => b.fill(0, 61), buildBatch(three, { codec: 'gzip' }))
  assert.throws(() => checkProduceBatch(batch, limits), { code: 'INVALID_RECORD' })
  assert.equal(checkProduceBatch(batch, { ...limits, checkCompressed: false }).count, 3)
})

test('finds a change of any byte that the header or the CRC guards', () => {
  for (const codec of ['none', 'lz4'] as const) {
    const good = buildBatch(three, { codec, baseSequence: 4, producerId: 8, producerEpoch: 1 })
    for (let at = 0; at < good.length; at++) {
      if (at >= 12 && at < 16) continue // the leader epoch is the broker's to write
      for (const bit of [1, 0x80]) {
        const bad = Buffer.from(good)
        bad[at] ^= bit
        assert.throws(() => checkProduceBatch(bad, limits), { name: 'NaruError' }, `byte ${at}`)
      }
    }
  }
})

test('any change of the records with a right CRC is accepted or refused in order, and never crashes', () => {
  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const good = buildBatch(three, { codec })
    for (let at = 61; at < good.length; at++)
      for (const bit of [1, 2, 0x40, 0x80, 0xff]) {
        const bad = changed(b => (b[at] ^= bit), Buffer.from(good))
        try {
          assert.equal(checkProduceBatch(bad, limits).count, 3)
        } catch (error) {
          const code = (error as { code: string }).code
          assert.ok(['INVALID_RECORD', 'MESSAGE_TOO_LARGE', 'INVALID_TIMESTAMP'].includes(code), `${codec}: ${error}`)
        }
      }
  }
})

test('names the records without a key', () => {
  const batch = buildBatch([three[0], { ...three[1], key: null }, { ...three[2], key: null }])
  checkProduceBatch(batch, limits)
  assert.throws(
    () => checkProduceBatch(batch, { ...limits, requireKeys: true }),
    (error: unknown) => {
      assert.ok(error instanceof RecordsError)
      assert.equal(error.code, 'INVALID_RECORD')
      assert.deepEqual(
        error.records.map(refused => refused.index),
        [1, 2]
      )
      return true
    }
  )
})

test('names the records whose time is out of bounds, for CreateTime only', () => {
  const batch = buildBatch([record('old', 899), record('ok', 900), record('ok', 1010), record('new', 1011)])
  const bounded = { ...limits, nowMs: 1000, timestampBeforeMaxMs: 100, timestampAfterMaxMs: 10 }
  assert.throws(
    () => checkProduceBatch(batch, bounded),
    (error: unknown) => {
      assert.ok(error instanceof RecordsError)
      assert.equal(error.code, 'INVALID_TIMESTAMP')
      assert.deepEqual(
        error.records.map(refused => refused.index),
        [0, 3]
      )
      return true
    }
  )
  checkProduceBatch(batch, { ...bounded, timestampType: 'LogAppendTime' })
  checkProduceBatch(buildBatch([record('none', -1)]), bounded)
})

test('walks whole batches and leaves a piece at the end', () => {
  const one = buildBatch(three)
  const two = buildBatch([record('d')])
  const all = Buffer.concat([one, two, one.subarray(0, 80)])
  const seen: number[] = []
  assert.equal(
    walkBatches(all, (at, bytes) => {
      seen.push(at, bytes)
    }),
    one.length + two.length
  )
  assert.deepEqual(seen, [0, one.length, one.length, two.length])
  assert.equal(
    walkBatches(all, at => at === 0),
    one.length
  )
  assert.equal(
    walkBatches(Buffer.alloc(200), () => {}),
    0
  )
})

test('tells a valid batch from any other bytes', () => {
  const batch = buildBatch(three)
  const inside = Buffer.concat([Buffer.alloc(7, 0xee), batch, Buffer.alloc(9)])
  assert.equal(validBatchAt(inside, 7), batch.length)
  assert.ok(verifyCrc(inside, 7))
  assert.equal(validBatchAt(inside, 7, 7 + batch.length - 1), 0)
  for (let at = 0; at < inside.length; at++) if (at !== 7) assert.equal(validBatchAt(inside, at), 0)
  inside[100] ^= 4
  assert.equal(validBatchAt(inside, 7), 0)
})
