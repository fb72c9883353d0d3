import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  assignRange,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription
} from '../../src/client/assignor.ts'

const member = (memberId: string, ...topics: string[]) => ({ memberId, instanceId: null, topics })

test('shares out as the example of the Java client does', () => {
  // Two consumers, two topics of three partitions: C0 gets t0p0 t0p1 t1p0 t1p1, C1 gets t0p2 t1p2.
  const plan = assignRange([member('C1', 't0', 't1'), member('C0', 't0', 't1')], () => 3)
  assert.deepEqual(plan.get('C0'), [
    { topic: 't0', partitions: [0, 1] },
    { topic: 't1', partitions: [0, 1] }
  ])
  assert.deepEqual(plan.get('C1'), [
    { topic: 't0', partitions: [2] },
    { topic: 't1', partitions: [2] }
  ])
})

test('every partition goes to one subscriber of its topic, evenly', () => {
  const topics = fc.subarray(['a', 'b', 'c'], { minLength: 1 })
  fc.assert(
    fc.property(fc.array(topics, { minLength: 1, maxLength: 7 }), fc.nat(9), (subscriptions, count) => {
      const members = subscriptions.map((subscribed, i) => member(`m${i}`, ...subscribed))
      const plan = assignRange(members, () => count)
      for (const topic of new Set(subscriptions.flat())) {
        const parts = members
          .filter(({ topics }) => topics.includes(topic))
          .map(({ memberId }) => plan.get(memberId)!.find(assigned => assigned.topic === topic)?.partitions ?? [])
        assert.deepEqual(
          parts.flat().sort((a, b) => a - b),
          Array.from({ length: count }, (_, i) => i)
        )
        const sizes = parts.map(({ length }) => length)
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
      }
    })
  )
})

test('the bytes are those of the consumer protocol', () => {
  assert.equal(encodeSubscription(['ab']).toString('hex'), '0000' + '00000001' + '00026162' + 'ffffffff')
  assert.deepEqual(decodeSubscription(Buffer.from('0003' + '00000001' + '00026162' + 'ffffffff' + '00000000', 'hex')), [
    'ab'
  ])
  const assignment = [{ topic: 'ab', partitions: [1, 2] }]
  assert.deepEqual(decodeAssignment(encodeAssignment(assignment)), assignment)
  assert.deepEqual(decodeAssignment(Buffer.alloc(0)), [])
})
