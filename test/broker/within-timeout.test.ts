import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withinTimeout } from '../../src/broker/within-timeout.ts'
import { ManualClock } from '../../src/std/clock.ts'

test('what is done in time is answered, and no timer stays', async () => {
  const clock = new ManualClock()
  assert.equal(await withinTimeout(clock, 1000, async () => 'done'), 'done')
  await assert.rejects(
    withinTimeout(clock, 1000, async () => assert.fail('wrong')),
    /wrong/
  )
  clock.advance(2000)
})

test('what takes longer is refused, and goes on', async () => {
  const clock = new ManualClock()
  let finish = () => {}
  let finished = false
  const answer = withinTimeout(clock, 1000, async () => {
    await new Promise<void>(resolve => {
      finish = resolve
    })
    finished = true
  })
  clock.advance(999)
  clock.advance(1)
  await assert.rejects(answer, { code: 'REQUEST_TIMED_OUT' })
  finish()
  await new Promise(resolve => setImmediate(resolve))
  assert.ok(finished)
})

test('without time nothing is begun', async () => {
  let begun = false
  const work = async () => {
    begun = true
  }
  for (const timeoutMs of [0, -1]) await assert.rejects(withinTimeout(new ManualClock(), timeoutMs, work), /time-out/)
  assert.equal(begun, false)
})
