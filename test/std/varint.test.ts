import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Cursor, varintBytes, varlongBytes, writeVarint, writeVarlong } from '../../src/std/varint.ts'

const written = (write: (target: Buffer) => number): Buffer => {
  const target = Buffer.alloc(16)
  return target.subarray(0, write(target))
}

test('encodes as Protocol Buffers documents zigzag', () => {
  for (const [value, hex] of [
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [-65, '8101'],
    [0x7fffffff, 'feffffff0f'],
    [-0x80000000, 'ffffffff0f']
  ] as const) {
    assert.equal(written(b => writeVarint(b, value, 0)).toString('hex'), hex)
    assert.equal(written(b => writeVarlong(b, value, 0)).toString('hex'), hex)
    assert.equal(new Cursor(Buffer.from(hex, 'hex')).varint(), value)
  }
})

test('reads the ends of int64', () => {
  assert.equal(new Cursor(Buffer.from('feffffffffffffffff01', 'hex')).varlong(), 2 ** 63)
  assert.equal(new Cursor(Buffer.from('ffffffffffffffffff01', 'hex')).varlong(), -(2 ** 63))
})

test('round trips, with the size foretold', () => {
  fc.assert(
    fc.property(fc.integer(), value => {
      const bytes = written(b => writeVarint(b, value, 0))
      assert.equal(bytes.length, varintBytes(value))
      assert.equal(new Cursor(bytes).varint(), value)
    })
  )
  fc.assert(
    fc.property(fc.maxSafeInteger(), value => {
      const bytes = written(b => writeVarlong(b, value, 0))
      assert.equal(bytes.length, varlongBytes(value))
      assert.equal(new Cursor(bytes).varlong(), value)
    })
  )
})

test('refuses numbers that are too long or cut off', () => {
  assert.throws(() => new Cursor(Buffer.alloc(6, 0xff)).varint(), RangeError)
  assert.throws(() => new Cursor(Buffer.alloc(11, 0xff)).varlong(), RangeError)
  assert.throws(() => new Cursor(Buffer.from([0x80])).varint(), RangeError)
  assert.throws(() => new Cursor(Buffer.from([0x80])).varlong(), RangeError)
  assert.throws(() => new Cursor(Buffer.alloc(4)).skip(5), RangeError)
})
