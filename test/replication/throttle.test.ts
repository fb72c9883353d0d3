import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ReplicationThrottle, throttleOptions } from '../../src/replication/throttle.ts'
import { ManualClock } from '../../src/std/clock.ts'

describe('a throttle of replication', () => {
  it('lets what goes on average stay within the rate, whatever single answers take', () => {
    const clock = new ManualClock()
    const throttle = new ReplicationThrottle(clock, () => 1000n)
    let sent = 0
    for (let second = 0; second < 100; second++) {
      while (throttle.isOpen) {
        throttle.record(1700)
        sent += 1700
      }
      clock.advance(Math.min(throttle.waitMs, 1000))
    }
    const seconds = clock.monotonic() / 1000
    assert.ok(sent > seconds * 900 && sent < (seconds + 2) * 1000 + 1700, `${sent} bytes in ${seconds} s`)
  })

  it('saves no more than one second up', () => {
    const clock = new ManualClock()
    const throttle = new ReplicationThrottle(clock, () => 1000n)
    clock.advance(60_000)
    throttle.record(1000)
    assert.equal(throttle.isOpen, false)
    clock.advance(1)
    assert.equal(throttle.isOpen, true)
  })

  it('follows the rate as it is set, from none at all to no limit', () => {
    const clock = new ManualClock()
    let rate = 0n
    const throttle = new ReplicationThrottle(clock, () => rate)
    assert.deepEqual([throttle.isOpen, throttle.waitMs], [false, 1000])
    rate = throttleOptions.leaderRate.default
    assert.deepEqual([throttle.isOpen, throttle.waitMs], [true, 0])
    throttle.record(1e12)
    assert.equal(throttle.isOpen, true)
    rate = 10n
    throttle.record(20)
    assert.equal(throttle.waitMs, 1000)
    rate = 100n
    clock.advance(200)
    assert.equal(throttle.isOpen, true)
  })
})
