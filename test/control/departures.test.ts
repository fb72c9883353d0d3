import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openControl } from '../../src/control/control.ts'
import { silent } from '../../src/std/log.ts'
import { nextRandom, nodes, sessionTimeoutMs, settle } from './nodes.ts'

describe('a broker that may lack what its replicas have acknowledged', () => {
  /** Three nodes; those that are opened anew vouch for the topic `kept` only. */
  async function restarted(options: { isr?: number[]; minIsr?: number } = {}) {
    const all = await nodes(3)
    const { controls, metastore, clock, now } = all
    const [first, , third] = controls
    const assignments = [[1, 2, 3]]
    await first.createTopic({ name: 'kept', assignments, configs: {} })
    const { isr, minIsr = 1 } = options
    if (isr) {
      const { topicId } = first.image.topic('t')!
      assert.ok(await first.changeIsr(topicId, 0, now(0, first), { isr, joining: [], minIsr }))
    }
    const open = (nodeId: number) =>
      openControl({
        metastore,
        nodeId,
        sessionTimeoutMs,
        clock,
        random: nextRandom(),
        logger: silent,
        vouches: ({ name }) => name === 'kept'
      })
    const kept = () => third.image.topic('kept')!.partitions[0]
    return { ...all, open, kept }
  }

  it('is neither in sync nor leads when it is back, though its lease had not ended', async () => {
    const { controls, open, now, kept } = await restarted()
    await controls[0].abandon()
    const back = await open(1)
    await settle()
    assert.deepEqual([now().leader, now().isr], [2, [2, 3]])
    assert.deepEqual(kept().isr.includes(1), false, 'the end of its registration ended that too')
    assert.ok(back.brokerEpoch)
  })

  it('is not eligible', async () => {
    const { controls, open, now } = await restarted({ isr: [1, 3], minIsr: 3 })
    assert.deepEqual(now().elr, [2])
    await controls[1].abandon()
    await open(2)
    await settle()
    assert.deepEqual([now().leader, now().isr, now().elr], [1, [1, 3], undefined])
  })

  it('has the last word where it was the last in sync', async () => {
    const { controls, open, now } = await restarted({ isr: [1] })
    await controls[0].abandon()
    const back = await open(1)
    await settle()
    assert.deepEqual([now().leader, now().isr, now().leaderBrokerEpoch], [1, [1], back.brokerEpoch])
  })

  it('leaves the last word to one that is eligible', async () => {
    const { controls, open, now } = await restarted({ isr: [1], minIsr: 2 })
    assert.deepEqual(now().elr, [2, 3])
    await controls[0].abandon()
    await open(1)
    await settle()
    assert.deepEqual([now().leader, now().isr, now().elr], [2, [2, 3], undefined], 'they have all that is committed')
  })
})

describe('a broker that is unregistered', () => {
  it('leads nothing any more, is not in sync, and stays away until it is started again', async () => {
    const { controls, open, now, clock } = await nodes(3)
    assert.equal(await controls[1].unregister(1), true)
    await settle()
    assert.deepEqual([now().leader, now().isr], [2, [2, 3]])
    clock.advance(sessionTimeoutMs * 3)
    await settle()
    assert.equal(controls[0].brokerEpoch, undefined)
    assert.equal(controls[2].image.broker(1), undefined)
    const back = await open(1)
    assert.notEqual(back.brokerEpoch, undefined)
  })

  it('may be dead, and is no longer eligible', async () => {
    const { controls, now, clock } = await nodes(3)
    const [first, second] = controls
    const { topicId } = first.image.topic('t')!
    assert.ok(await first.changeIsr(topicId, 0, now(0, first), { isr: [1, 3], joining: [], minIsr: 3 }))
    await second.abandon()
    clock.advance(sessionTimeoutMs + 1)
    await settle()
    assert.deepEqual(now(0, first).elr, [2])
    assert.equal(await first.unregister(2), true)
    assert.equal(now(0, first).elr, undefined)
    assert.equal(await first.unregister(7), false)
  })
})
