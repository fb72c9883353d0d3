import assert from 'node:assert/strict'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import lz4 from 'lz4-napi'
import snappy from 'snappy'
import { compress, decompress } from '../../src/record/compression.ts'
import { compressionCodecs } from '../../src/record/header.ts'

const codecs = compressionCodecs.filter(codec => codec !== 'none')

const compressible = fc
  .array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(5000)), { maxLength: 8 })
  .map(parts =>
    Buffer.concat(
      parts.map(([bytes, repeat]) =>
        Buffer.concat(Array.from({ length: 1 + (repeat % 200) }, () => Buffer.from(bytes)))
      )
    )
  )

for (const codec of codecs) {
  test(`${codec}: round trips, large and incompressible data too`, () => {
    fc.assert(
      fc.property(compressible, data => {
        assert.ok(decompress(codec, compress(codec, data), data.length + 1).equals(data))
      }),
      { numRuns: 50 }
    )
    const random = Buffer.from(Array.from({ length: 300_000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 23))
    for (const data of [Buffer.alloc(0), Buffer.alloc(3_000_000, 'abc'), random])
      assert.ok(decompress(codec, compress(codec, data)).equals(data))
  })

  test(`${codec}: the limit is exact, and a bomb costs no memory`, () => {
    const data = Buffer.alloc(1_000_000, 'some text ')
    const packed = compress(codec, data)
    assert.equal(decompress(codec, packed, data.length).length, data.length)
    assert.throws(() => decompress(codec, packed, data.length - 1), { code: 'MESSAGE_TOO_LARGE' })
    const bomb = compress(codec, Buffer.alloc(150_000_000))
    const before = process.memoryUsage().rss
    assert.throws(() => decompress(codec, bomb, 1_000_000), { code: 'MESSAGE_TOO_LARGE' })
    assert.ok(process.memoryUsage().rss - before < 30_000_000)
  })

  test(`${codec}: damaged data is refused in order`, () => {
    const packed = compress(codec, Buffer.alloc(5_000, 'some text and a bit more of it, '))
    const refused = (data: Buffer) => {
      try {
        decompress(codec, data, 1_000_000)
      } catch (error) {
        assert.match((error as { code: string }).code, /^(CORRUPT_MESSAGE|MESSAGE_TOO_LARGE)$/)
      }
    }
    for (let length = 0; length < packed.length; length++) refused(packed.subarray(0, length))
    for (let at = 0; at < packed.length; at++)
      for (const bits of [1, 0x10, 0x80, 0xff]) {
        const bad = Buffer.from(packed)
        bad[at] ^= bits
        refused(bad)
      }
    assert.throws(() => decompress(codec, Buffer.from('nothing of the kind')), { code: /CORRUPT|LARGE/ })
  })
}

test('zstd: frames whose content size is missing or lies', () => {
  const data = Buffer.alloc(1000, 'abcdefgh')
  const packed = compress('zstd', data)
  // Descriptor with a two-byte size in a single segment, as one-shot writers make it for this length.
  assert.equal(packed[4] >>> 5, 0b011)
  const lie = Buffer.from(packed)
  lie.writeUInt16LE(0xffff, 5)
  assert.throws(() => decompress('zstd', lie), { code: 'CORRUPT_MESSAGE' })
  // The same blocks behind a header without a size but with a window of 1 MB, as streaming writers make it.
  const streamed = Buffer.concat([packed.subarray(0, 4), Buffer.from([0x00, 0x50]), packed.subarray(7)])
  assert.ok(decompress('zstd', streamed).equals(data))
  assert.ok(decompress('zstd', Buffer.concat([streamed, packed])).equals(Buffer.concat([data, data])))
})

test('snappy: one raw block, as librdkafka and others write, and xerial blocks', () => {
  const data = Buffer.alloc(100_000, 'snap')
  assert.ok(decompress('snappy', snappy.compressSync(data)).equals(data))
  const packed = compress('snappy', data)
  assert.equal(packed.toString('hex', 0, 16), '82534e41505059000000000100000001')
  assert.equal(packed.readInt32BE(16), snappy.compressSync(data.subarray(0, 32 * 1024)).length)
})

test('snappy: a block that declares 4 GB is refused before anything is allocated', () => {
  assert.throws(() => decompress('snappy', Buffer.from('ffffffff0f00', 'hex')), { code: 'CORRUPT_MESSAGE' })
})

test('lz4: frames say that their blocks are independent, as the Java reader demands', () => {
  const packed = compress('lz4', Buffer.alloc(200_000, 'lz4 '))
  assert.equal(packed.readUInt32LE(0), 0x184d2204)
  assert.equal(packed[4] & 0x20, 0x20)
})

test('lz4: reads frames with checksums, and finds them wrong', () => {
  const data = Buffer.alloc(300_000, 'some text that repeats, ')
  const packed = lz4.compressFrameSync(data, { blockChecksums: true, contentChecksum: true })
  assert.ok(decompress('lz4', packed).equals(data))
  const bad = Buffer.from(packed)
  bad[20] ^= 1
  assert.throws(() => decompress('lz4', bad), { code: 'CORRUPT_MESSAGE' })
  const badHeader = Buffer.from(packed)
  badHeader[6] ^= 1
  assert.throws(() => decompress('lz4', badHeader), { code: 'CORRUPT_MESSAGE' })
})

test('gzip: several members in a row are one', () => {
  const two = Buffer.concat([gzipSync('one '), gzipSync('two')])
  assert.equal(decompress('gzip', two).toString(), 'one two')
})
