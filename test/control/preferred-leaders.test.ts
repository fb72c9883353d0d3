import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodes, settle } from './nodes.ts'

describe('leaders that are not the preferred ones', () => {
  const texts = { 'leader.imbalance.check.interval.seconds': '60' }

  /** Node 1 was away, and leads nothing yet; it is in sync again where `inSync` says so. */
  async function away(count: number, inSync: (index: number) => boolean, more: Record<string, string> = {}) {
    const all = await nodes(3, count, { ...texts, ...more })
    const { controls, open, now } = all
    const [first, second] = controls
    const { topicId } = first.image.topic('t')!
    await first.close()
    await settle()
    const back = await open(1)
    await settle()
    for (let index = 0; index < count; index++)
      if (inSync(index)) {
        const change = { isr: [2, 3, 1], joining: [{ nodeId: 1, epoch: back.brokerEpoch! }], minIsr: 1 }
        assert.ok(await second.changeIsr(topicId, index, now(index, second), change))
      }
    await settle()
    const led = () => Array.from({ length: count }, (_, index) => now(index).leader)
    return { ...all, back, led, topicId }
  }

  it('are given back when it is time, where the preferred one is in sync again', async () => {
    const { clock, led, now } = await away(3, index => index !== 1)
    clock.advance(59_000)
    await settle()
    assert.deepEqual(led(), [2, 2, 2])
    clock.advance(2000)
    await settle()
    assert.deepEqual(led(), [1, 2, 1])
    assert.deepEqual(now(0).isr.toSorted(), [1, 2, 3], 'nobody leaves the ISR for that')
  })

  it('are given back a hundred at a time', async () => {
    const { clock, led } = await away(150, () => true)
    clock.advance(60_000)
    await settle()
    assert.equal(led().filter(leader => leader === 1).length, 100)
    clock.advance(1000)
    await settle()
    assert.equal(led().filter(leader => leader === 1).length, 150)
  })

  it('stay where they are when the preferred one gives them away again', async () => {
    const { clock, controls, led, now, back, topicId } = await away(1, () => true)
    clock.advance(60_000)
    await settle()
    assert.deepEqual(led(), [1])
    await back.giveAway(topicId, 0)
    await settle()
    assert.deepEqual(led(), [2])
    const change = { isr: [2, 3, 1], joining: [{ nodeId: 1, epoch: back.brokerEpoch! }], minIsr: 1 }
    assert.ok(await controls[1].changeIsr(topicId, 0, now(0, controls[1]), change))
    await settle()
    clock.advance(120_000)
    await settle()
    assert.deepEqual(led(), [2])
  })

  it('are given back as often as the preferred one was taken for gone, though it lived', async () => {
    const { clock, controls, led, now, back, topicId } = await away(1, () => true)
    const second = controls[1]
    for (let time = 0; time < 2; time++) {
      clock.advance(60_000)
      await settle()
      assert.deepEqual(led(), [1])
      await second.reportGone(1, back.brokerEpoch!)
      await settle()
      assert.deepEqual([led(), second.image.broker(1)?.epoch], [[2], back.brokerEpoch])
      const change = { isr: [2, 3, 1], joining: [{ nodeId: 1, epoch: back.brokerEpoch! }], minIsr: 1 }
      assert.ok(await second.changeIsr(topicId, 0, now(0, second), change))
      await settle()
    }
  })

  it('are looked for only while there are some', async () => {
    const { clock, controls } = await nodes(3, 1, texts)
    const [first, second] = controls
    await settle()
    assert.equal(clock.nextDueMs(), undefined)
    const { topicId } = first.image.topic('t')!
    await first.giveAway(topicId, 0)
    await settle()
    assert.notEqual(clock.nextDueMs(), undefined)
    await second.deleteTopic(topicId)
    clock.advance(60_000)
    await settle()
    assert.equal(clock.nextDueMs(), undefined)
  })

  it('stay where auto.leader.rebalance.enable is false', async () => {
    const { clock, led } = await away(2, () => true, { 'auto.leader.rebalance.enable': 'false' })
    clock.advance(1_000_000)
    await settle()
    assert.deepEqual(led(), [2, 2])
  })
})
