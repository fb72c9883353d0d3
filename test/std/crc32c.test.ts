import assert from 'node:assert/strict'
import test from 'node:test'
import { crc32c } from '../../src/std/crc32c.ts'

test('gives the check value of the catalogue and the vectors of RFC 3720', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
})

test('covers a part and goes on from an earlier part', () => {
  const bytes = Buffer.from('xx123456789yy')
  assert.equal(crc32c(bytes, 2, 11), 0xe3069283)
  assert.equal(crc32c(bytes, 6, 11, crc32c(bytes, 2, 6)), 0xe3069283)
})
