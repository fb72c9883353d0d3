import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/std/clock.ts'
import { ThrottledLog } from '../../src/std/throttled-log.ts'
import { LogKeeper } from '../doors/kafka/support.ts'

test('a flood of lines is cut to so many a second, and the next one says how many were left out', () => {
  const clock = new ManualClock()
  const kept = new LogKeeper()
  const log = new ThrottledLog(kept, clock, 3)
  for (let i = 0; i < 1000; i++) log.warn({ i }, 'rubbish came')
  assert.deepEqual(
    kept.lines.map(({ fields }) => fields),
    [{ i: 0 }, { i: 1 }, { i: 2 }]
  )
  clock.advance(1000)
  log.error({ i: 1000 }, 'and again')
  assert.deepEqual(kept.lines[3], { level: 'error', fields: { i: 1000, suppressed: 997 }, message: 'and again' })
})

test('a text that a client chose is cut', () => {
  const kept = new LogKeeper()
  new ThrottledLog(kept, new ManualClock()).info({ reason: 'x'.repeat(30_000), connection: 7 }, 'dropped')
  assert.equal((kept.lines[0].fields.reason as string).length, 303)
  assert.equal(kept.lines[0].fields.connection, 7)
})
