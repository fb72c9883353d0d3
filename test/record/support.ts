import fc from 'fast-check'
import type { RecordInput } from '../../src/record/build.ts'
import type { ProduceLimits } from '../../src/record/check.ts'

/** Limits that refuse nothing but damage. */
export const lenient: ProduceLimits = {
  maxBytes: 1 << 30,
  requireKeys: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  nowMs: 0,
  checkCompressed: true,
  decompressedBytesMax: 1 << 24
}

const bytes = fc.uint8Array({ maxLength: 300 })

export const anyRecords: fc.Arbitrary<RecordInput[]> = fc.array(
  fc.record({
    key: fc.option(bytes),
    value: fc.option(bytes),
    timestamp: fc.integer({ min: 0, max: 2 ** 44 }),
    headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 9 }), value: fc.option(bytes) }), {
      maxLength: 3
    })
  }),
  { minLength: 1, maxLength: 20 }
)

const hex = (field: Uint8Array | null | undefined) => (field == null ? null : Buffer.from(field).toString('hex'))

/** A record in a form that compares. */
export function plain(record: RecordInput & { offset?: number }) {
  return {
    offset: record.offset,
    timestamp: record.timestamp,
    key: hex(record.key),
    value: hex(record.value),
    headers: record.headers?.map(({ key, value }) => [key, hex(value)])
  }
}
