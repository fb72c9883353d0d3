import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fairness, type Scheduled, Share } from '../../../src/doors/kafka/fairness.ts'
import { ManualClock } from '../../../src/std/clock.ts'
import { turns } from './support.ts'

function share(ms: number): Share {
  const made = new Share()
  for (let i = 0; i < 30; i++) made.took(ms, 1)
  return made
}

test('a client with cheap requests has its turn at once, whatever stands in the line of costly ones', async () => {
  const clock = new ManualClock()
  const fairness = new Fairness(clock, 10)
  const order: string[] = []
  const connection = (name: string, costMs: number, again: number): Scheduled => {
    const made: Scheduled = {
      share: share(costMs),
      flush() {
        order.push(name)
        clock.advance(costMs)
        if (again-- > 0) fairness.add(made)
      }
    }
    return made
  }
  for (let i = 0; i < 100; i++) fairness.add(connection(`costly ${i}`, 6, 3))
  await turns(1)
  fairness.add(connection('cheap', 0, 0))
  const newcomer: Scheduled = { share: new Share(), flush: () => order.push('newcomer') }
  fairness.add(newcomer)
  await turns(300)
  assert.ok(order.indexOf('cheap') <= 4, `after ${order.indexOf('cheap')} costly ones`)
  assert.ok(order.indexOf('newcomer') <= 5, `after ${order.indexOf('newcomer')} costly ones`)
  assert.equal(order.length, 402, 'everybody has had all turns')
  const first = order.filter(name => name.startsWith('costly')).slice(0, 100)
  assert.equal(new Set(first).size, 100, 'in order: nobody twice before everybody once')
})

test('a turn that took long for once makes no client a costly one', () => {
  const polite = share(0.1)
  polite.took(5000, 1)
  assert.ok(!polite.isHeavy)
  for (let i = 0; i < 20; i++) polite.took(30, 1)
  assert.ok(polite.isHeavy)
})

test('turns in which nothing is begun, as nothing may be, make no costly client a cheap one', () => {
  const costly = share(30)
  for (let i = 0; i < 100; i++) costly.took(0, 0)
  assert.ok(costly.isHeavy)
})

test('in a turn that has taken long, costly connections wait and cheap ones do not; afterwards nobody does', async () => {
  const clock = new ManualClock()
  const fairness = new Fairness(clock, 10)
  fairness.begin()
  clock.advance(15)
  assert.ok(!fairness.mustWait(share(50)))
  clock.advance(15)
  assert.ok(fairness.mustWait(share(50)))
  assert.ok(fairness.mustWait(new Share()), 'nobody knows it yet')
  assert.ok(!fairness.mustWait(share(0.5)))
  await turns(1)
  fairness.begin()
  assert.ok(!fairness.mustWait(share(50)))
})

test('a newcomer behind a crowd of newcomers does not wait for all of them, nor do they for ever', async () => {
  const clock = new ManualClock()
  const fairness = new Fairness(clock, 10)
  const order: number[] = []
  const newcomer = (id: number): Scheduled => ({
    share: new Share(),
    flush() {
      order.push(id)
      clock.advance(6)
    }
  })
  for (let id = 0; id < 100; id++) fairness.add(newcomer(id))
  await turns(1)
  fairness.add(newcomer(100))
  await turns(200)
  assert.ok(order.indexOf(100) <= 4)
  assert.ok(order.indexOf(0) <= 4)
  assert.equal(new Set(order).size, 101)
})
