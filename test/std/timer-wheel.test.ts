import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../../src/std/clock.ts'
import { TimerWheel } from '../../src/std/timer-wheel.ts'

const tickMs = 8

test('every timer fires once, never early and at most a tick late, however far away', () => {
  const delay = fc.oneof(
    fc.integer({ min: 0, max: 600 }),
    fc.integer({ min: 0, max: 100_000 }),
    fc.integer({ min: 0, max: 40 * 86_400_000 })
  )
  const step = fc.record({ delayMs: delay, advanceMs: delay, cancel: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const clock = new ManualClock()
      clock.advance(12_345.6)
      const wheel = new TimerWheel(clock, tickMs)
      let waiting = 0
      for (const { delayMs, advanceMs, cancel } of steps) {
        const dueMs = clock.monotonic() + delayMs
        waiting++
        const timer = wheel.after(delayMs, () => {
          waiting--
          assert.ok(clock.monotonic() >= dueMs, `fired ${dueMs - clock.monotonic()} ms early`)
          assert.ok(clock.monotonic() <= dueMs + 2 * tickMs, `fired ${clock.monotonic() - dueMs} ms late`)
        })
        if (cancel) {
          timer.cancel()
          waiting--
        }
        clock.advance(advanceMs)
        assert.equal(wheel.armedCount, waiting)
      }
      clock.advance(41 * 86_400_000)
      assert.equal(waiting, 0)
      assert.equal(wheel.armedCount, 0)
      assert.equal(clock.nextDueMs(), undefined)
    }),
    { numRuns: 300 }
  )
})

test('arming again moves the due time, and a timer may arm itself while it fires', () => {
  const clock = new ManualClock()
  const wheel = new TimerWheel(clock, tickMs)
  let fired = 0
  const timer = wheel.timer(() => {
    fired++
    if (fired < 3) timer.arm(100)
  })
  timer.arm(100)
  clock.advance(80)
  timer.arm(100)
  clock.advance(80)
  assert.equal(fired, 0)
  clock.advance(30)
  assert.equal(fired, 1)
  clock.advance(300)
  assert.equal(fired, 3)
  assert.equal(timer.armed, false)
})

test('a timer may cancel another one that is due in the same tick', () => {
  const clock = new ManualClock()
  const wheel = new TimerWheel(clock, tickMs)
  const fired: string[] = []
  wheel.after(50, () => {
    fired.push('first')
    second.cancel()
  })
  const second = wheel.after(50, () => fired.push('second'))
  clock.advance(100)
  assert.deepEqual(fired, ['first'])
  assert.equal(wheel.armedCount, 0)
})

test('tens of thousands of timers use one clock timer', () => {
  const clock = new ManualClock()
  let clockTimers = 0
  const counting = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs: number, fire: () => void) => {
      clockTimers++
      return clock.after(delayMs, fire)
    }
  }
  const wheel = new TimerWheel(counting, tickMs)
  const timers = Array.from({ length: 50_000 }, () => wheel.timer(() => {}))
  for (const timer of timers) timer.arm(45_000)
  for (const timer of timers) timer.arm(45_000)
  assert.equal(wheel.armedCount, 50_000)
  assert.equal(clockTimers, 1)
  clock.advance(46_000)
  assert.equal(wheel.armedCount, 0)
})

test('a closed wheel fires nothing and lets go of the clock, also when a timer closes it', () => {
  const clock = new ManualClock()
  const wheel = new TimerWheel(clock, tickMs)
  const fired: string[] = []
  wheel.after(50, () => {
    fired.push('first')
    wheel.close()
  })
  const second = wheel.after(50, () => fired.push('second'))
  wheel.after(5000, () => fired.push('third'))
  clock.advance(100)
  second.arm(10)
  clock.advance(10_000)
  assert.deepEqual(fired, ['first'])
  assert.equal(clock.nextDueMs(), undefined)
})
