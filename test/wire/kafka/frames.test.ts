import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../../src/schema/errors.ts'
import { FramePool, FrameSplitter } from '../../../src/wire/kafka/frames.ts'

function frame(content: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(content.length)
  return Buffer.concat([length, content])
}

function split(splitter: FrameSplitter, chunk: Buffer, into: Buffer[]): void {
  splitter.push(chunk)
  for (let next = splitter.next(); next; next = splitter.next()) into.push(Buffer.from(next))
}

test('frames come out whole and in order, however the stream is cut', () => {
  const pool = new FramePool(1 << 20)
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 60_000 }), { maxLength: 6 }),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 40_000 })), { minLength: 1 }),
      fc.boolean(),
      (sizes, cuts, pooled) => {
        const contents = sizes.map((size, i) => Buffer.alloc(size, i + 1))
        const stream = Buffer.concat(contents.map(frame))
        const splitter = new FrameSplitter(100_000, pooled ? pool : undefined)
        const got: Buffer[] = []
        for (let at = 0, i = 0; at < stream.length; i++) {
          const end = i < 500 ? at + cuts[i % cuts.length] : stream.length
          split(splitter, stream.subarray(at, end), got)
          at = end
        }
        assert.deepEqual(got, contents)
        assert.ok(splitter.idle)
      }
    ),
    { numRuns: 60 }
  )
})

test('a frame that lies whole in one chunk is a slice of it', () => {
  const chunk = Buffer.concat([frame(Buffer.from('one')), frame(Buffer.from('two'))])
  const splitter = new FrameSplitter(100)
  splitter.push(chunk)
  for (const text of ['one', 'two']) {
    const next = splitter.next()
    assert.equal(next?.toString(), text)
    assert.equal(next?.buffer, chunk.buffer)
  }
  assert.equal(splitter.next(), undefined)
})

test('memory grows with what arrived, not with what the length promises', () => {
  let taken = 0
  const pool = {
    take(bytes: number) {
      taken = Math.max(taken, bytes)
      return Buffer.alloc(bytes)
    },
    kept: () => undefined,
    give() {}
  }
  const splitter = new FrameSplitter(0x7fff_ffff, pool)
  const length = Buffer.alloc(4)
  length.writeInt32BE(100_000_000)
  split(splitter, length, [])
  for (let arrived = 0; arrived < 1_000_000; arrived += 10_000) {
    split(splitter, Buffer.alloc(10_000), [])
    assert.ok(taken <= Math.max(16_384, 4 * (arrived + 10_000)), `${taken} bytes after ${arrived + 10_000}`)
  }
})

test('a frame in pieces costs linear copying: a million pieces of a byte take no time', () => {
  const splitter = new FrameSplitter(2_000_000)
  const content = Buffer.alloc(300_000, 7)
  const stream = frame(content)
  const got: Buffer[] = []
  const start = performance.now()
  for (let at = 0; at < stream.length; at++) split(splitter, stream.subarray(at, at + 1), got)
  assert.deepEqual(got, [content])
  assert.ok(performance.now() - start < 3000)
})

for (const length of [0, -1, 101, -0x8000_0000, 0x7fff_ffff])
  test(`a length of ${length} is refused, in one piece and in four`, () => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(length)
    const whole = new FrameSplitter(100)
    whole.push(bytes)
    assert.throws(() => whole.next(), DecodeError)
    const pieces = new FrameSplitter(100)
    assert.throws(() => {
      for (const byte of bytes) split(pieces, Buffer.from([byte]), [])
    }, DecodeError)
  })

test('the pool hands a buffer out again, and keeps no more than its bound', () => {
  const pool = new FramePool(4096)
  const first = pool.take(3000)
  pool.give(first)
  assert.equal(pool.take(2100), first)
  const large = pool.take(10_000)
  pool.give(large)
  assert.notEqual(pool.take(10_000), large)
})

test('after keep, frames not taken yet survive the reuse of the chunk', () => {
  const splitter = new FrameSplitter(1000)
  const chunk = Buffer.from([0, 0, 0, 2, 1, 2, 0, 0, 0, 3, 3, 4, 5, 0, 0, 0, 2, 6])
  splitter.push(chunk)
  assert.deepEqual(splitter.next(), Buffer.from([1, 2]))
  splitter.keep()
  chunk.fill(255)
  assert.deepEqual(splitter.next(), Buffer.from([3, 4, 5]))
  assert.equal(splitter.next(), undefined)
  splitter.push(Buffer.from([7]))
  assert.deepEqual(splitter.next(), Buffer.from([6, 7]))
})
