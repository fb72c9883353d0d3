import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProducerState } from '../../src/partition/producer-state.ts'
import { headerBytes, setBaseOffset, writeInt64 } from '../../src/record/header.ts'
import { NaruError } from '../../src/std/errors.ts'

function batch(id: number, epoch: number, sequence: number, count: number, offset = 0): Buffer {
  const bytes = Buffer.alloc(headerBytes)
  setBaseOffset(bytes, offset)
  bytes.writeInt8(2, 16)
  bytes.writeInt32BE(count - 1, 23)
  writeInt64(bytes, id, 43)
  bytes.writeInt16BE(epoch, 51)
  bytes.writeInt32BE(sequence, 53)
  bytes.writeInt32BE(count, 57)
  return bytes
}

function codeThrown(body: () => unknown): string | undefined {
  try {
    body()
  } catch (error) {
    assert(error instanceof NaruError)
    return error.code
  }
  return undefined
}

test('consecutive sequences pass, a repeat gives the original offsets, a gap is refused', () => {
  const state = new ProducerState()
  for (let i = 0; i < 5; i++) {
    const next = batch(7, 0, i * 10, 10, 100 + i * 10)
    assert.equal(state.check(next), undefined)
    state.record(next, 0, 0)
  }
  for (let i = 0; i < 5; i++) {
    const original = state.check(batch(7, 0, i * 10, 10))
    assert.equal(original?.firstOffset, 100 + i * 10)
    assert.equal(original?.lastOffset, 109 + i * 10)
  }
  assert.equal(
    codeThrown(() => state.check(batch(7, 0, 60, 1))),
    'OUT_OF_ORDER_SEQUENCE_NUMBER'
  )
  // The same first sequence with another length is no repeat of anything.
  assert.equal(
    codeThrown(() => state.check(batch(7, 0, 0, 9))),
    'OUT_OF_ORDER_SEQUENCE_NUMBER'
  )
})

test('only the five newest batches are remembered, as many as a client may repeat', () => {
  const state = new ProducerState()
  for (let i = 0; i < 6; i++) state.record(batch(1, 0, i, 1, i), 0, 0)
  assert.equal(
    codeThrown(() => state.check(batch(1, 0, 0, 1))),
    'OUT_OF_ORDER_SEQUENCE_NUMBER'
  )
  assert.equal(state.check(batch(1, 0, 1, 1))?.firstOffset, 1)
})

test('a new epoch begins at sequence 0 and fences the old one', () => {
  const state = new ProducerState()
  state.record(batch(1, 3, 0, 5, 0), 0, 0)
  assert.equal(
    codeThrown(() => state.check(batch(1, 4, 5, 1))),
    'OUT_OF_ORDER_SEQUENCE_NUMBER'
  )
  assert.equal(state.check(batch(1, 4, 0, 1)), undefined)
  state.record(batch(1, 4, 0, 1, 5), 0, 0)
  assert.equal(
    codeThrown(() => state.check(batch(1, 3, 5, 1))),
    'INVALID_PRODUCER_EPOCH'
  )
})

test('sequences wrap from 2^31 - 1 to 0', () => {
  const state = new ProducerState()
  state.record(batch(1, 0, 0x7fff_fffe, 3, 0), 0, 0)
  assert.equal(state.check(batch(1, 0, 1, 1)), undefined)
  assert.equal(
    codeThrown(() => state.check(batch(1, 0, 2, 1))),
    'OUT_OF_ORDER_SEQUENCE_NUMBER'
  )
})

test('saved state loads as it was; expired producers are forgotten', () => {
  const state = new ProducerState()
  for (let id = 0; id < 50; id++)
    for (let i = 0; i <= id % 7; i++) state.record(batch(id, id % 3, i * 4, 4, id * 1000 + i * 4), 0, id)
  const copy = new ProducerState()
  assert(copy.load(state.save()))
  assert.deepEqual(copy, state)
  copy.expire(100, 75)
  assert.equal(copy.size, 25)
  assert.equal(copy.load(Buffer.from([9])), false)
})

const outOfOrder = 'OUT_OF_ORDER_SEQUENCE_NUMBER'
const codeOfCheck = (state: ProducerState, next: Buffer) => codeThrown(() => state.check(next))

test('a damaged batch whose header goes on with what is known is known as a sound one', () => {
  const state = new ProducerState()
  state.record(batch(1, 0, 0, 4, 0), 0, 10)
  state.record(batch(2, 0, 0, 1, 4), 0, 20)
  state.recordDamaged([batch(1, 0, 4, 2, 5), batch(-1, -1, -1, 1, 7)], 20)
  assert.equal(state.check(batch(1, 0, 4, 2))?.firstOffset, 5)
  assert.equal(state.check(batch(1, 0, 6, 1)), undefined)
  assert.equal(state.check(batch(2, 0, 1, 1)), undefined)
})

test('after damage of which nothing is known every producer is refused until it begins a new epoch', () => {
  for (const headers of [undefined, [batch(1, 0, 9, 1, 2)], [batch(-1, -1, 7, 1, 2)], [batch(3, 0, 0, 1, 2)]]) {
    const state = new ProducerState()
    state.record(batch(1, 0, 0, 2, 0), 0, 0)
    state.recordDamaged(headers, 0)
    assert.equal(state.check(batch(1, 0, 0, 2))?.firstOffset, 0, 'what is known stays known')
    // A new epoch's first batch may be the one that is damaged.
    assert.equal(codeOfCheck(state, batch(1, 1, 0, 1)), outOfOrder)
    assert.equal(codeOfCheck(state, batch(1, 1, 0, 1)), outOfOrder)
    assert.equal(codeOfCheck(state, batch(1, 0, 2, 1)), outOfOrder)
    assert.equal(codeOfCheck(state, batch(1, 2, 5, 1)), outOfOrder)
    assert.equal(state.check(batch(1, 2, 0, 1)), undefined)
    assert.equal(state.lastBelow(9).get(1), 1, 'its newest batch that is there')
    const copy = new ProducerState()
    assert(copy.load(state.save()))
    assert.equal(codeOfCheck(copy, batch(1, 0, 2, 1)), outOfOrder, 'a snapshot keeps the doubt')
    state.record(batch(1, 0, 4, 1, 3), 0, 0)
    assert.equal(state.check(batch(1, 0, 5, 1)), undefined, 'what was found behind the damage ends the doubt')
  }
})

test('after damage of which nothing is known whoever is not known must begin anew', () => {
  const state = new ProducerState()
  state.recordDamaged(undefined, 0)
  state.record(batch(2, 0, 5, 1, 9), 0, 0)
  const copy = new ProducerState()
  assert(copy.load(state.save()))
  for (const one of [state, copy]) {
    assert.equal(codeOfCheck(one, batch(1, 0, 2, 1)), outOfOrder, 'what it wrote before may be what is damaged')
    assert.equal(one.check(batch(1, 0, 0, 1)), undefined)
    assert.equal(one.check(batch(1, 1, 0, 1)), undefined)
    // Its first ones may be: whoever repeats one of them has not skipped any.
    assert.throws(() => one.check(batch(2, 0, 3, 1)), { code: outOfOrder, message: /damaged/ })
    assert.equal(one.check(batch(2, 0, 6, 1)), undefined)
  }
  state.clear()
  assert.equal(state.check(batch(1, 0, 2, 1)), undefined, 'of a log that is read again')
})

test('the newest batch below an offset is told of each producer, while it is known', () => {
  const state = new ProducerState()
  for (let at = 0; at < 7; at++) state.record(batch(1, 0, at, 1, 10 * at), 0, 0)
  state.record(batch(2, 0, 0, 2, 71), 0, 0)
  state.record(batch(2, 1, 0, 1, 73), 0, 0)
  const below = (offset: number) => [...state.lastBelow(offset)]
  assert.deepEqual(below(100), [
    [1, 60],
    [2, 73]
  ])
  // Of the epoch before nothing is known any more.
  assert.deepEqual(below(60), [
    [1, 50],
    [2, undefined]
  ])
  assert.deepEqual(below(20), [
    [1, undefined],
    [2, undefined]
  ])
})

test('a damaged batch that seems to be the first of its producer is known, and others are in doubt', () => {
  const state = new ProducerState()
  state.record(batch(1, 0, 0, 2, 0), 0, 0)
  state.recordDamaged([batch(2, 0, 0, 3, 2)], 0)
  assert.equal(state.check(batch(2, 0, 0, 3))?.firstOffset, 2)
  assert.equal(state.check(batch(2, 0, 3, 1)), undefined)
  assert.equal(codeOfCheck(state, batch(1, 0, 2, 1)), outOfOrder)
})

test('so many producers are remembered: whoever was silent longest is forgotten, whoever writes on is not', () => {
  const state = new ProducerState(100)
  state.record(batch(1, 0, 0, 1), 0, 0)
  for (let id = 2; id < 5000; id++) {
    state.record(batch(id, 0, 0, 1), 0, id)
    state.record(batch(1, 0, id - 1, 1), 0, id)
  }
  assert.equal(state.size, 100)
  assert.equal(
    codeThrown(() => state.check(batch(1, 0, 3, 1))),
    'OUT_OF_ORDER_SEQUENCE_NUMBER'
  )
  assert.ok(state.check(batch(4999, 0, 0, 1)), 'the newest is remembered')
  assert.equal(state.check(batch(2, 0, 0, 1)), undefined, 'the oldest is not')
})
