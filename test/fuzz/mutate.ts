import { below, type SeededRandom } from '../../src/std/random.ts'

/** Lengths and counts that lie: int32s and varints at their ends, over their ends, and just large. */
const lies = [
  '7fffffff',
  '80000000',
  'ffffffff',
  'fffffffe',
  '00100000',
  '06400000',
  '7fff',
  '8000',
  'ffffffff0f',
  'ffffffff07',
  'feffffff0f',
  '8080808010',
  'ffffffffffffffffff01',
  '808080808000',
  'ffff03',
  '80808040'
].map(hex => Buffer.from(hex, 'hex'))

/** The bytes with one to four things done to them that a broken or hostile peer does. */
export function mutated(random: SeededRandom, bytes: Buffer): Buffer {
  let made: Buffer = Buffer.from(bytes)
  for (let times = 1 + below(random, 4); times > 0; times--) made = mutateOnce(random, made)
  return made
}

function mutateOnce(random: SeededRandom, bytes: Buffer): Buffer {
  const at = below(random, bytes.length + 1)
  const lie = lies[below(random, lies.length)]
  switch (below(random, 8)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      return Buffer.concat([bytes.subarray(0, at), lie, bytes.subarray(at)])
    case 2:
    case 3:
      return Buffer.concat([bytes.subarray(0, at), lie, bytes.subarray(Math.min(bytes.length, at + lie.length))])
    case 4: {
      const from = below(random, bytes.length + 1)
      const piece = bytes.subarray(Math.min(from, at), Math.max(from, at))
      return bytes.length > 100_000 ? bytes : Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
    }
    case 5:
      return Buffer.concat([bytes, randomBytes(random, below(random, 200))])
    case 6: {
      // Sections of tagged fields: thousands of them, unknown or known, empty or overlong.
      const count = below(random, 3000)
      const tags = Buffer.alloc(2 * count)
      for (let i = 0; i < count; i++) tags[2 * i] = below(random, 4)
      const head = Buffer.from([(count & 0x7f) | 0x80, (count >> 7) & 0x7f])
      return Buffer.concat([bytes.subarray(0, at), head, tags])
    }
    default: {
      const flipped = Buffer.from(bytes)
      if (at < flipped.length) flipped[at] ^= 1 << below(random, 8)
      return flipped
    }
  }
}

export function randomBytes(random: SeededRandom, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at++) bytes[at] = below(random, 4) === 0 ? 0xff : below(random, 256)
  return bytes
}
