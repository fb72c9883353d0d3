import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, EncodeError } from '../../src/schema/errors.ts'
import { bool, bytes, int8, int16, int32, int64, list, records, string, struct, uuid } from '../../src/schema/fields.ts'
import { api, message, type RequestOf, type ResponseOf } from '../../src/schema/message.ts'
import { elementsMax } from '../../src/schema/reader.ts'
import { Writer } from '../../src/schema/writer.ts'

const Order = message({
  name: 'Order',
  versions: [0, 3],
  flexible: 2,
  fields: {
    id: int32,
    note: string.since(1).nullable(),
    priority: int8.since(1).or(5).lossy(),
    old: int16.until(1).or(-1),
    lines: list({ sku: string, count: int32 }).nullable(3),
    origin: struct({ host: string.or(''), port: int32.or(-1) })
      .since(2)
      .tag(0),
    labels: list(string).since(2).tag(1)
  }
})

const order = { id: 7, lines: [{ sku: 'a', count: 2 }] }

test('old and flexible encodings have the bytes of Kafka', () => {
  assert.equal(Order.encode(order, 0).toString('hex'), '00000007' + 'ffff' + '00000001' + '0001' + '61' + '00000002')
  assert.equal(
    Order.encode({ ...order, note: 'hi', origin: { host: 'h', port: 1 } }, 2).toString('hex'),
    '00000007' + '036869' + '05' + '02' + '0261' + '00000002' + '00' + '01' + '0007' + '0268' + '00000001' + '00'
  )
})

test('every field is present after decoding, whatever the version', () => {
  assert.deepEqual(Order.decode(Order.encode(order, 0), 0), {
    id: 7,
    note: null,
    priority: 5,
    old: -1,
    lines: [{ sku: 'a', count: 2 }],
    origin: { host: '', port: -1 },
    labels: []
  })
})

test('a default list of one message is not shared with the next', () => {
  const first = Order.decode(Order.encode(order, 0), 0)
  first.labels.push('mine')
  assert.deepEqual(Order.decode(Order.encode(order, 0), 0).labels, [])
})

test('a set field that the version lacks is an error, unless it is lossy or says no more than its default', () => {
  assert.throws(() => Order.encode({ ...order, note: 'lost' }, 0), EncodeError)
  assert.throws(() => Order.encode({ ...order, labels: ['lost'] }, 1), EncodeError)
  assert.throws(() => Order.encode({ ...order, origin: { port: 3 } }, 1), /has no origin/)
  const harmless = { ...order, note: null, labels: [], origin: { host: '', port: -1 }, priority: 9 }
  assert.equal(Order.decode(Order.encode(harmless, 0), 0).priority, 5)
})

test('tagged fields are left out when they hold their default, and unknown ones are passed over', () => {
  const plain = Order.encode(order, 2)
  assert.deepEqual(Order.encode({ ...order, origin: { host: '', port: -1 }, labels: [] }, 2), plain)
  const unknown = Buffer.concat([plain.subarray(0, -1), Buffer.from('01' + '63' + '02' + 'beef', 'hex')])
  assert.deepEqual(Order.decode(unknown, 2), Order.decode(plain, 2))
})

test('a tagged field that lies about its size is refused', () => {
  const bytes = Order.encode({ ...order, labels: ['x'] }, 2)
  bytes[bytes.length - 4]++
  assert.throws(() => Order.decode(Buffer.concat([bytes, Buffer.alloc(8)]), 2), DecodeError)
})

test('nulls are taken only where they may be', () => {
  assert.equal(Order.decode(Order.encode({ id: 1, lines: null }, 3), 3).lines, null)
  assert.throws(() => Order.encode({ id: 1, lines: null }, 2))
  const nullLines = Buffer.from('00000001' + '00' + '05' + '00' + '00', 'hex')
  assert.throws(() => Order.decode(nullLines, 2), DecodeError)
})

test('a tagged struct says null with another byte than one in its place, as Kafka writes it', () => {
  const inner = { n: int8 }
  const fields = { placed: struct(inner).nullable(), tagged: struct(inner).or({ n: 0 }).nullable().tag(0) }
  const Pair = message({ name: 'Pair', versions: [0, 0], flexible: 0, fields })
  for (const [values, hex] of [
    [{ placed: null, tagged: null }, 'ff' + '010001' + '00'],
    [{ placed: { n: 5 }, tagged: { n: 6 } }, '010500' + '010003' + '010600']
  ] as const) {
    assert.equal(Pair.encode(values, 0).toString('hex'), hex)
    assert.deepEqual(Pair.decode(Buffer.from(hex, 'hex'), 0), values)
  }
})

test('any negative count is null, as Kafka reads it', () => {
  const Names = message({ name: 'Names', versions: [0, 0], fields: { names: list(string).nullable() } })
  const writer = new Writer()
  writer.int32(-5)
  assert.equal(Names.decode(writer.takeWhole(), 0).names, null)
})

test('int64 goes through numbers: exact to 2^53, the rounded ends come back as the ends', () => {
  const Offset = message({ name: 'Offset', versions: [0, 0], fields: { offset: int64 } })
  for (const offset of [0, -1, 2 ** 32, -(2 ** 32) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])
    assert.equal(Offset.decode(Offset.encode({ offset }, 0), 0).offset, offset)
  for (const hex of ['7fffffffffffffff', '8000000000000000']) {
    const { offset } = Offset.decode(Buffer.from(hex, 'hex'), 0)
    assert.equal(Offset.encode({ offset }, 0).toString('hex'), hex)
  }
  assert.equal(Offset.encode({ offset: Number.MAX_VALUE }, 0).toString('hex'), '7fffffffffffffff')
  assert.throws(() => Offset.encode({ offset: 0.5 }, 0), EncodeError)
  assert.throws(() => Offset.encode({ offset: Number.NaN }, 0), EncodeError)
})

test('values out of a type are refused, not cut', () => {
  const Small = message({ name: 'Small', versions: [0, 0], fields: { a: int8, b: int16, c: int32, d: bool } })
  const good = { a: 1, b: 2, c: 3, d: true }
  for (const bad of [{ a: 128 }, { b: -0x8001 }, { c: 2 ** 31 }, { c: 1.5 }, { a: Number.NaN }])
    assert.throws(() => Small.encode({ ...good, ...bad }, 0), EncodeError)
})

test('uuids are the 22 characters that Kafka prints', () => {
  const Topic = message({ name: 'Topic', versions: [0, 0], fields: { id: uuid } })
  assert.equal(Topic.decode(Buffer.alloc(16), 0).id, 'AAAAAAAAAAAAAAAAAAAAAA')
  assert.deepEqual(Topic.encode({ id: 'AAAAAAAAAAAAAAAAAAAAAA' }, 0), Buffer.alloc(16))
  const id = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
  assert.deepEqual(Topic.encode(Topic.decode(id, 0), 0), id)
  for (const bad of ['', 'short', 'AAAAAAAAAAAAAAAAAAAA!!', 'A'.repeat(23)])
    assert.throws(() => Topic.encode({ id: bad }, 0), EncodeError)
})

const Batches = message({
  name: 'Batches',
  versions: [0, 0],
  fields: { key: bytes, records: records.nullable() }
})

test('records are slices when decoded; other bytes are copies', () => {
  const encoded = Batches.encode({ key: Buffer.from('k'), records: Buffer.from('rrr') }, 0)
  const decoded = Batches.decode(encoded, 0)
  encoded.fill(0x2e)
  assert.equal(decoded.key.toString(), 'k')
  assert.equal(decoded.records?.toString(), '...')
})

test('large record chunks are passed on by reference, between their small neighbours', () => {
  const large = Buffer.alloc(100_000, 1)
  const small = Buffer.alloc(10, 2)
  const writer = new Writer()
  Batches.codec(0).encode(writer, { key: Buffer.from('k'), records: [large, small] })
  assert.equal(writer.bytesWritten, 9 + 100_010)
  const chunks = writer.take()
  assert.equal(chunks.length, 3)
  assert.equal(chunks[1], large)
  assert.deepEqual(Batches.decode(Buffer.concat(chunks), 0).records, Buffer.concat([large, small]))
})

test('an array longer than the bytes left is refused before it is allocated', () => {
  const writer = new Writer()
  writer.int32(1)
  writer.int16(0)
  writer.int32(0x7fff_ffff)
  assert.throws(() => Order.decode(writer.takeWhole(), 0), /array of 2147483647/)
})

test('elements of all arrays together are bounded', () => {
  const Deep = message({ name: 'Deep', versions: [0, 0], fields: { outer: list({ inner: list(int8) }) } })
  const inner = Buffer.alloc(4 + 1000)
  inner.writeInt32BE(1000)
  const count = Buffer.alloc(4)
  count.writeInt32BE(1001)
  const start = performance.now()
  assert.throws(
    () => Deep.decode(Buffer.concat([count, ...Array(1001).fill(inner)]), 0),
    new RegExp(`more than ${elementsMax}`)
  )
  assert.ok(performance.now() - start < 2000)
})

test('bytes after a message are accepted', () => {
  assert.equal(Order.decode(Buffer.concat([Order.encode(order, 0), Buffer.from('more')]), 0).id, 7)
})

test('records of internal topics carry their version in front', () => {
  const encoded = Order.encodeVersioned(order, 2)
  assert.equal(encoded.readInt16BE(0), 2)
  assert.equal(Order.decodeVersioned(encoded).id, 7)
  encoded.writeInt16BE(9)
  assert.throws(() => Order.decodeVersioned(encoded), DecodeError)
})

test('a name that is no identifier is refused at once', () => {
  assert.throws(() => message({ name: 'Bad', versions: [0, 0], fields: { 'a){}': int8 } }), /no field name/)
})

test('types follow the declaration', () => {
  const Ping = api({
    key: 999,
    name: 'Ping',
    versions: [0, 1],
    request: { text: string, note: string.since(1).nullable() },
    response: { count: int32 }
  })
  const request: RequestOf<typeof Ping> = { text: 'a', note: null }
  const response: ResponseOf<typeof Ping> = { count: 1 }
  // @ts-expect-error a field of all versions without a default may not be left out
  const missing: ResponseOf<typeof Ping> = {}
  // @ts-expect-error decoding gives every field
  const partial: RequestOf<typeof Ping> = { text: 'a' }
  assert.ok(Ping.request.encode({ text: request.text }, 1) && response && missing && partial)
})
