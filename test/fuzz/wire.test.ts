import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { closureCodec } from '../../src/schema/closures.ts'
import { DecodeError } from '../../src/schema/errors.ts'
import type { Message } from '../../src/schema/message.ts'
import { planStruct } from '../../src/schema/plan.ts'
import { Reader } from '../../src/schema/reader.ts'
import { SeededRandom } from '../../src/std/random.ts'
import { arbitraryStruct } from '../schema/arbitrary.ts'
import { eachVersion } from '../wire/kafka/all-messages.ts'
import { mutated, randomBytes } from './mutate.ts'

// A long run: NARU_FUZZ_RUNS=2000 NARU_FUZZ_SEED=9 npm test -- test/fuzz/wire.test.ts
const runs = Number(process.env.NARU_FUZZ_RUNS ?? 12)
const seed = Number(process.env.NARU_FUZZ_SEED ?? 1)

type AnyMessage = Message<unknown, unknown>

/** What decoding may allocate: an element of a few bytes becomes an object of a few hundred. */
const allocationMax = (bytes: number) => 4 * 1024 * 1024 + 1000 * bytes

function allocated(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Decodes; gives whether that ended in a value. Anything but a value and a DecodeError fails, and so does a lot of memory. */
function attempt(decode: (reader: Reader) => unknown, name: string, bytes: Buffer): boolean {
  const before = allocated()
  let value = false
  try {
    decode(new Reader(bytes))
    value = true
  } catch (error) {
    assert.ok(error instanceof DecodeError, `${name} ${bytes.toString('hex')}: ${error}`)
    assert.ok(error.message.length < 1000)
  }
  const growth = allocated() - before
  assert.ok(growth < allocationMax(bytes.length), `${name} took ${growth} bytes for ${bytes.toString('hex')}`)
  return value
}

const decoderOf = (message: AnyMessage, version: number) => (reader: Reader) => message.codec(version).decode(reader)

test('whatever bytes come for a message end in a value or a clear error, at a memory that fits them', t => {
  const random = new SeededRandom(seed)
  let values = 0
  let errors = 0
  eachVersion((message, version) => {
    const decode = decoderOf(message, version)
    const closures = closureCodec(planStruct(message.name, message.fields, version, message.isFlexible(version)))
    const name = `${message.name} ${version}`
    const samples = fc.sample(arbitraryStruct(message.fields, version), { numRuns: 3, seed: seed + version })
    const encoded = samples.map(value => message.encode(value, version))
    for (let run = 0; run < runs; run++) {
      const bytes = run % 6 === 5 ? randomBytes(random, run * 7) : mutated(random, encoded[run % encoded.length])
      const ok = attempt(decode, name, bytes)
      if (ok) values++
      else errors++
      if (run % 4 === 0) assert.equal(attempt(closures.decode, `${name} by closures`, bytes), ok, name)
    }
  })
  t.diagnostic(`${values} values, ${errors} errors`)
  assert.ok(values > 100 && errors > 1000)
})

test('bytes of one kind, which make the most elements, end so too', () => {
  eachVersion((message, version) => {
    if (version !== message.versions[0] && version !== message.versions[1]) return
    for (const fill of [0, 1, 2, 0x7f, 0x80, 0xff])
      for (const front of ['', '7fffffff', '00003000', 'ffff03', '01'])
        attempt(
          decoderOf(message, version),
          `${message.name} ${version}`,
          Buffer.concat([Buffer.from(front, 'hex'), Buffer.alloc(20_000, fill)])
        )
  })
})
