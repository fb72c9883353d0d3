import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Writer } from '../../src/schema/writer.ts'

test('what was taken is never touched again, and small messages share a slab', () => {
  const writer = new Writer(64)
  writer.int32(1)
  const [first] = writer.take()
  writer.int32(2)
  const [second] = writer.take()
  assert.equal(first.readInt32BE(0), 1)
  assert.equal(second.readInt32BE(0), 2)
  assert.equal(first.buffer, second.buffer)
})

test('a message that outgrows the slab goes on in the next', () => {
  const writer = new Writer(16)
  const slot = writer.slot()
  for (let i = 0; i < 100; i++) writer.int32(i)
  writer.string('x'.repeat(100))
  writer.fill(slot, writer.bytesWritten)
  const whole = writer.takeWhole()
  assert.equal(whole.readInt32BE(0), 4 + 400 + 102)
  assert.equal(whole.length, 506)
  assert.equal(whole.readInt32BE(4 + 99 * 4), 99)
})

for (const slabBytes of [16, 4096])
  test(`going back to a mark leaves what was before it, slabs of ${slabBytes}`, () => {
    const writer = new Writer(slabBytes)
    writer.int32(1)
    const mark = writer.mark()
    for (let i = 0; i < 20; i++) writer.int64(i)
    writer.records(Buffer.alloc(5000))
    writer.reset(mark)
    writer.int32(2)
    assert.equal(writer.bytesWritten, 8)
    assert.equal(writer.takeWhole().toString('hex'), '0000000100000002')
  })
