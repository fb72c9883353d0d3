import assert from 'node:assert/strict'
import test from 'node:test'
import { xxh32 } from '../../src/std/xxh32.ts'

test('gives the published values', () => {
  assert.equal(xxh32(Buffer.alloc(0)), 0x02cc5d05)
  assert.equal(xxh32(Buffer.from('a')), 0x550d7456)
  assert.equal(xxh32(Buffer.from('abc')), 0x32d153ff)
  assert.equal(xxh32(Buffer.from('Nobody inspects the spammish repetition')), 0xe2293b2f)
  assert.equal(xxh32(Buffer.from('--abc--'), 2, 5), 0x32d153ff)
})
