import assert from 'node:assert/strict'
import { duplexPair } from 'node:stream'
import { test } from 'node:test'
import { Output, pieceBytesMax } from '../../../src/doors/kafka/output.ts'
import { below, SeededRandom } from '../../../src/std/random.ts'
import { turns } from './support.ts'

test('responses of any size and number of chunks arrive as they were pushed, each released once', async () => {
  const random = new SeededRandom(3)
  for (let round = 0; round < 20; round++) {
    const [near, far] = duplexPair()
    const got: Buffer[] = []
    near.on('data', (chunk: Buffer) => got.push(chunk))
    const output = new Output(far, () => {})
    const slab = Buffer.alloc(10_000)
    for (let i = 0; i < slab.length; i++) slab[i] = i
    const expected: Buffer[] = []
    const released: number[] = []
    const count = 1 + below(random, 20)
    for (let response = 0; response < count; response++) {
      const chunks: Buffer[] = []
      // Neighbours in a slab, which are written as one, among chunks of their own that are larger than a piece.
      let at = below(random, 100)
      for (let left = below(random, 4); left >= 0; left--) {
        const bytes = 1 + below(random, 500)
        if (below(random, 3) > 0) chunks.push(slab.subarray(at, at + bytes))
        else chunks.push(Buffer.alloc(below(random, 10) === 0 ? 2 * pieceBytesMax + bytes : bytes, response))
        at += bytes
      }
      expected.push(...chunks)
      output.push(chunks, () => released.push(response))
      if (below(random, 3) === 0) output.flush()
      if (below(random, 5) === 0) await turns(1)
    }
    output.flush()
    while (!output.empty) await turns(1)
    await turns(1)
    assert.ok(Buffer.concat(got).equals(Buffer.concat(expected)), `round ${round}`)
    assert.deepEqual(
      released,
      Array.from({ length: count }, (_, i) => i)
    )
    assert.equal(output.queuedBytes, 0)
  }
})

test('a large response is written in pieces, so that a slow reader is seen to make progress', async () => {
  const [near, far] = duplexPair()
  const output = new Output(far, () => {})
  output.push([Buffer.alloc(10 * pieceBytesMax)], undefined)
  output.flush()
  near.on('data', () => {})
  while (!output.empty) await turns(1)
  assert.equal(output.piecesWritten, 10)
})
