import assert from 'node:assert/strict'
import test from 'node:test'
import { murmur2, partitionOf } from '../../src/record/partitioner.ts'

/** From Kafka's own test of its hash. */
const vectors: [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107]
]

test('hashes as the Java client does', () => {
  for (const [text, hash] of vectors) assert.equal(murmur2(Buffer.from(text)), hash)
})

test('places keys as the Java client does', () => {
  for (const [text, hash] of vectors) assert.equal(partitionOf(Buffer.from(text), 7), (hash & 0x7fffffff) % 7)
})
