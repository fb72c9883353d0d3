import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SeededRandom } from '../../../src/std/random.ts'
import { KeyHash } from '../../../src/storage/compaction/key-hash.ts'

it('is Chaskey: the first vectors of its reference implementation, which has eight rounds', () => {
  const hash = new KeyHash([0x833d3433, 0x009f389f, 0x2398e64f, 0x417acf39], 8)
  const vectors = [
    [0x792e8fe5, 0x75ce87aa, 0x2d1450b5, 0x1191970b],
    [0x13a9307b, 0x50e62c89, 0x4577bd88, 0xc0bbdc18]
  ]
  for (const [length, expected] of vectors.entries()) {
    hash.hash(Buffer.from([0, 1]), 0, length)
    assert.deepEqual([hash.h0, hash.h1, hash.h2, hash.h3], expected)
  }
})

it('tells apart keys of all lengths, wherever they lie in a buffer', () => {
  const hash = KeyHash.random(new SeededRandom(1))
  const seen = new Map<string, string>()
  const source = Buffer.alloc(80, 7)
  for (let start = 0; start < 5; start++)
    for (let length = 0; length < 70; length++)
      for (const last of [0, 1, 0x80]) {
        if (length > 0) source[start + length - 1] = last
        hash.hash(source, start, length)
        const key = source.toString('hex', start, start + length)
        const text = `${hash.h0} ${hash.h1} ${hash.h2} ${hash.h3}`
        assert.equal(seen.get(text) ?? key, key, 'two keys with one hash')
        seen.set(text, key)
        source.fill(7)
      }
  assert.equal(new Set(seen.values()).size, seen.size, 'a key with two hashes')
})
