import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { closureCodec } from '../../../src/schema/closures.ts'
import { DecodeError } from '../../../src/schema/errors.ts'
import type { Message } from '../../../src/schema/message.ts'
import { planStruct } from '../../../src/schema/plan.ts'
import { Reader } from '../../../src/schema/reader.ts'
import { Writer } from '../../../src/schema/writer.ts'
import { below, SeededRandom } from '../../../src/std/random.ts'
import { arbitraryStruct, filled } from '../../schema/arbitrary.ts'
import { eachVersion } from './all-messages.ts'

function closures(message: Message<unknown, unknown>, version: number) {
  return closureCodec(planStruct(message.name, message.fields, version, message.isFlexible(version)))
}

test('every message of every version comes back as it was, by generated code and by closures', () => {
  let versions = 0
  eachVersion((message, version) => {
    const fallbackCodec = closures(message, version)
    fc.assert(
      fc.property(arbitraryStruct(message.fields, version), value => {
        const encoded = message.encode(value, version)
        const expected = filled(message.fields, version, value)
        assert.deepEqual(message.decode(encoded, version), expected)
        assert.deepEqual(fallbackCodec.decode(new Reader(encoded)), expected)
        const writer = new Writer()
        fallbackCodec.encode(writer, value)
        assert.deepEqual(writer.takeWhole(), encoded)
      }),
      { numRuns: 5, seed: version }
    )
    versions++
  })
  assert.ok(versions > 500, `${versions} versions`)
})

test('cut, flipped and random bytes end in a value or a DecodeError', () => {
  const random = new SeededRandom(7)
  const attempt = (message: Message<unknown, unknown>, version: number, bytes: Buffer) => {
    try {
      message.decode(bytes, version)
    } catch (error) {
      assert.ok(error instanceof DecodeError, `${message.name} ${version} ${bytes.toString('hex')}: ${error}`)
      return false
    }
    return true
  }
  eachVersion((message, version) => {
    for (const value of fc.sample(arbitraryStruct(message.fields, version), { numRuns: 3, seed: version })) {
      const encoded = message.encode(value, version)
      for (let i = 0; i < 8; i++) {
        const cut = below(random, encoded.length)
        if (encoded.length > 0)
          assert.ok(!attempt(message, version, encoded.subarray(0, cut)), `${message.name} ${version} cut at ${cut}`)
        const flipped = Buffer.from(encoded)
        if (flipped.length > 0) flipped[below(random, flipped.length)] ^= 1 << below(random, 8)
        attempt(message, version, flipped)
      }
    }
    for (let i = 0; i < 8; i++) {
      const bytes = Buffer.alloc(below(random, 64))
      for (let at = 0; at < bytes.length; at++) bytes[at] = below(random, 4) === 0 ? 0xff : below(random, 256)
      attempt(message, version, bytes)
    }
  })
})
