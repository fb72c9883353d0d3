import assert from 'node:assert/strict'
import { it } from 'node:test'
import { below, SeededRandom } from '../../../src/std/random.ts'
import { KeyHash } from '../../../src/storage/compaction/key-hash.ts'
import { OffsetMap } from '../../../src/storage/compaction/offset-map.ts'

const nothing = async () => {}

function hashed(hash: KeyHash, key: string): KeyHash {
  const bytes = Buffer.from(key)
  hash.hash(bytes, 0, bytes.length)
  return hash
}

it('has the newest offset of each key, within its memory', async () => {
  const random = new SeededRandom(3)
  const hash = KeyHash.random(random)
  const map = new OffsetMap()
  // Used again and again: nothing of the time before must be left.
  for (let round = 0; round < 5; round++) {
    const base = round * 1_000_000_000_000
    const bytesMax = 20 * (100 + below(random, 2000))
    await map.prepare(base, 5000, bytesMax, 0.9, nothing)
    assert.ok(map.bytes <= Math.max(bytesMax, 20 * 2100))
    const expected = new Map<string, number>()
    for (let offset = base; ; offset++) {
      const key = `${below(random, 5000)}`
      const isNew = !expected.has(key)
      if (!map.put(hashed(hash, key), offset)) {
        assert.ok(isNew, 'a known key always has room')
        break
      }
      expected.set(key, offset)
    }
    assert.equal(map.size, expected.size)
    assert.ok(Math.abs(map.size - (bytesMax / 20) * 0.9) < 2)
    for (let key = 0; key < 5000; key++) assert.equal(map.get(hashed(hash, `${key}`)), expected.get(`${key}`) ?? -1)
  }
})

it('takes no more memory than there are records', async () => {
  const map = new OffsetMap()
  await map.prepare(0, 10, 1_000_000, 0.9, nothing)
  assert.ok(map.bytes < 400)
  const hash = KeyHash.random(new SeededRandom(1))
  for (let at = 0; at < 10; at++) assert.ok(map.put(hashed(hash, `${at}`), at))
})

it('takes offsets as far as 32 bits reach from its first', async () => {
  const map = new OffsetMap()
  await map.prepare(5, 10, 1000, 0.9, nothing)
  const hash = KeyHash.random(new SeededRandom(1))
  assert.ok(map.put(hashed(hash, 'a'), 5 + 0xffff_fffe))
  assert.equal(map.get(hashed(hash, 'a')), 5 + 0xffff_fffe)
  assert.ok(!map.put(hashed(hash, 'a'), 5 + 0xffff_ffff))
})
