import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetWaiters } from '../../src/partition/offset-waiters.ts'

test('completes, in order, exactly those whose end is reached', () => {
  const waiters = new OffsetWaiters()
  const done: number[] = []
  for (const end of [5, 7, 6, 9]) waiters.push(end, () => done.push(end))
  waiters.reach(4)
  assert.deepEqual(done, [])
  waiters.reach(7)
  assert.deepEqual(done, [5, 6, 7])
  assert.equal(waiters.size, 1)
  waiters.reach(100)
  assert.deepEqual(done, [5, 6, 7, 9])
})

test('a callback may wait again, and is not called twice', () => {
  const waiters = new OffsetWaiters()
  let calls = 0
  waiters.push(1, () => {
    calls++
    waiters.push(2, () => calls++)
  })
  waiters.reach(1)
  assert.equal(calls, 1)
  waiters.reach(2)
  waiters.reach(2)
  assert.equal(calls, 2)
})

test('a failure reaches everyone who waits', () => {
  const waiters = new OffsetWaiters()
  const errors: (Error | undefined)[] = []
  for (let i = 0; i < 3000; i++) waiters.push(i, error => errors.push(error))
  waiters.reach(1499)
  waiters.fail(new Error('offline'))
  assert.equal(errors.filter(error => error === undefined).length, 1500)
  assert.equal(errors.filter(error => error?.message === 'offline').length, 1500)
  assert.equal(waiters.size, 0)
})
