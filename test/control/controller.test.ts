import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openControl } from '../../src/control/control.ts'
import { format, keys } from '../../src/control/keys.ts'
import { leaderOf, type PartitionImage } from '../../src/control/types.ts'
import { openEmbeddedMetastore } from '../../src/metastore/embedded/embedded.ts'
import type { Metastore, Transaction } from '../../src/metastore/metastore.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { silent } from '../../src/std/log.ts'
import { nextRandom, nodes, sessionTimeoutMs, settle } from './nodes.ts'

/** As the store itself does when time has run out. */
async function endLease(metastore: Metastore, lease: string): Promise<void> {
  await (metastore as Metastore & { endLease(id: string): Promise<void> }).endLease(lease)
}

describe('a partition whose leader', () => {
  it('signs off is led by the next in-sync replica, with a new epoch and without the old leader', async () => {
    const { controls, now } = await nodes(3)
    assert.deepEqual([now().leader, now().isr], [1, [1, 2, 3]])
    await controls[0].close()
    await settle()
    assert.deepEqual([now().leader, now().leaderEpoch, now().isr], [2, 1, [2, 3]])
    assert.equal(now().leaderBrokerEpoch, controls[1].brokerEpoch)
  })

  it('dies is led by another when the lease has ended, also when it was the controller', async () => {
    const { clock, controls, now } = await nodes(3)
    assert.equal(controls[2].image.controllerId, 1)
    await controls[0].abandon()
    clock.advance(sessionTimeoutMs - 1)
    await settle()
    assert.equal(now().leader, 1)
    clock.advance(2)
    await settle()
    assert.deepEqual([now().leader, now().leaderEpoch], [2, 1])
    assert.equal(controls[2].image.controllerId, 2)
  })

  it('is found gone by a peer is led by another at once', async () => {
    const { controls, now } = await nodes(3)
    const { epoch } = controls[2].image.broker(1)!
    await controls[0].abandon()
    await controls[2].reportGone(1, epoch - 1)
    assert.equal(now().leader, 1, 'a report on an earlier life says nothing')
    await controls[2].reportGone(1, epoch)
    await settle()
    assert.deepEqual([now().leader, now().leaderEpoch, now().isr], [2, 1, [2, 3]])
    assert.notEqual(controls[2].image.controllerId, 1)
  })

  it('is taken for gone and is not comes back as the same life', async () => {
    const { controls, now } = await nodes(2)
    const [first, second] = controls
    const epoch = first.brokerEpoch!
    await second.reportGone(1, epoch)
    await settle()
    assert.equal(first.brokerEpoch, epoch)
    assert.equal(second.image.broker(1)?.epoch, epoch)
    // Whoever leads now was elected anew, or is who led before.
    assert.notEqual(leaderOf(second.image, now()), undefined)
    assert.deepEqual([...now().isr].sort(), [1, 2])
  })

  it('has lost its lease while the metastore was silent leads on, and so do others', async () => {
    const { clock, metastore, controls, now } = await nodes(3)
    const before = now()
    const epochs = controls.map(({ brokerEpoch }) => brokerEpoch)
    // What a store does that was paused: all leases have ended when it goes on, whoever lives.
    const leases = new Set((await metastore.range('')).items.map(({ lease }) => lease))
    await Promise.all([...leases].filter(lease => lease !== '').map(lease => endLease(metastore, lease)))
    await settle()
    for (const control of controls) assert.equal(control.inDoubt, true)
    assert.deepEqual(
      controls.map(({ brokerEpoch }) => brokerEpoch),
      epochs
    )
    assert.equal(now(), before)
    assert.equal(leaderOf(controls[2].image, now())?.nodeId, 1)
    // Who does not come back is dead after all.
    await controls[0].abandon()
    clock.advance(sessionTimeoutMs + 1)
    await settle()
    assert.deepEqual([now().leader, now().leaderEpoch], [2, 1])
  })

  it('died while the metastore was silent is replaced when there was time to come back', async () => {
    const { clock, metastore, controls, now } = await nodes(3)
    await controls[0].abandon()
    const leases = new Set((await metastore.range('')).items.map(({ lease }) => lease))
    await Promise.all([...leases].filter(lease => lease !== '').map(lease => endLease(metastore, lease)))
    await settle()
    assert.deepEqual([now().leader, leaderOf(controls[2].image, now())], [1, undefined])
    clock.advance(sessionTimeoutMs - 1)
    await settle()
    assert.equal(now().leader, 1)
    clock.advance(2)
    await settle()
    assert.deepEqual([now().leader, now().leaderEpoch], [2, 1])
  })

  it('has a full disk is led by another until the disk has room, and not by it again of itself', async () => {
    const { controls, now } = await nodes(3)
    await controls[0].reportFull(true)
    await settle()
    assert.deepEqual([now().leader, now().leaderEpoch, now().isr], [2, 1, [2, 3]])
    await controls[0].reportFull(false)
    await settle()
    assert.equal(controls[2].image.broker(1)?.draining, false)
    assert.deepEqual([now().leader, now().leaderEpoch], [2, 1])
  })

  it('has a full disk like all others leads on', async () => {
    const { controls, now } = await nodes(2)
    await controls[1].reportFull(true)
    await controls[0].reportFull(true)
    await settle()
    assert.deepEqual([now().leader, now().leaderEpoch], [1, 0])
  })

  it('stops while its disk is full does not come to be a candidate again when there is room', async () => {
    const { clock, controls } = await nodes(2)
    await controls[0].reportFull(true)
    const drained = controls[0].drain(1000)
    await settle()
    clock.advance(1000)
    await drained
    await controls[0].reportFull(false)
    assert.equal(controls[1].image.broker(1)?.draining, true)
  })

  it('changes its ISR twice at once gets one of the changes', async () => {
    const { controls, now } = await nodes(2)
    const [first] = controls
    const { topicId } = first.image.topic('t')!
    const change = (isr: number[]) => first.changeIsr(topicId, 0, now(0, first), { isr, joining: [], minIsr: 1 })
    assert.deepEqual(await Promise.all([change([1]), change([1, 2])]), [true, false])
    assert.deepEqual(now().isr, [1])
  })

  it('was the last in-sync replica waits for it, and it leads again with a new epoch when it is back', async () => {
    const { controls, open, now } = await nodes(2)
    const [first, second] = controls
    assert.equal(
      await first.changeIsr(first.image.topic('t')!.topicId, 0, now(0, first), { isr: [1], joining: [], minIsr: 1 }),
      true
    )
    await first.close()
    await settle()
    assert.equal(leaderOf(second.image, now()), undefined)
    assert.deepEqual(now().isr, [1])
    const back = await open(1)
    await settle()
    assert.equal(leaderOf(second.image, now())?.nodeId, 1)
    assert.deepEqual([now().leaderEpoch, now().leaderBrokerEpoch], [1, back.brokerEpoch])
  })

  it('has the last word is replaced uncleanly only when that is asked for', async () => {
    const { controls, now } = await nodes(2)
    const [first, second] = controls
    const { topicId } = first.image.topic('t')!
    assert.equal(await first.changeIsr(topicId, 0, now(0, first), { isr: [1], joining: [], minIsr: 1 }), true)
    await first.close()
    await settle()
    assert.equal(await second.elect(topicId, 0, 'preferred'), 'no candidate')
    assert.equal(await second.elect(topicId, 0, 'unclean'), 'elected')
    assert.deepEqual([now().leader, now().leaderEpoch, now().isr], [2, 1, [2]])
    assert.equal(await second.elect(topicId, 0, 'unclean'), 'not needed')
    assert.equal(await second.elect(topicId, 5, 'unclean'), 'unknown partition')
  })

  it('is not the preferred one is replaced on demand', async () => {
    const { controls, open, now } = await nodes(2)
    const [first, second] = controls
    const { topicId } = first.image.topic('t')!
    await first.close()
    await settle()
    await open(1)
    assert.equal(await second.elect(topicId, 0, 'preferred'), 'no candidate', 'it is not in sync yet')
    const { epoch } = second.image.broker(1)!
    assert.equal(
      await second.changeIsr(topicId, 0, now(0, second), { isr: [2, 1], joining: [{ nodeId: 1, epoch }], minIsr: 1 }),
      true
    )
    assert.equal(await second.elect(topicId, 0, 'preferred'), 'elected')
    assert.deepEqual([now().leader, now().leaderEpoch, now().isr], [1, 2, [2, 1]])
  })

  it('drains hands over before it is told so, as far as there is someone', async () => {
    const { controls, clock, now } = await nodes(2, 3)
    const [first, second] = controls
    await first.drain(1000)
    for (const index of [0, 1, 2]) assert.deepEqual([now(index).leader, now(index).isr], [2, [2]])
    await second.drain(1000)
    assert.equal(now().leader, 2, 'a broker that drains too is no better')
    assert.equal(clock.nextDueMs(), undefined)
  })

  it('gives it away is replaced, unless it is the only one', async () => {
    const { controls, now } = await nodes(2)
    const { topicId } = controls[0].image.topic('t')!
    await controls[0].giveAway(topicId, 0)
    assert.deepEqual([now().leader, now().isr], [2, [2]])
    await controls[1].giveAway(topicId, 0)
    assert.deepEqual([now().leader, now().leaderEpoch], [2, 1])
  })
})

describe('a broker that joins', () => {
  it('registers again when its registration is taken away in the very moment in which it is made', async () => {
    const clock = new ManualClock()
    const store = await openEmbeddedMetastore({ clock, logger: silent })
    let left = 1
    const metastore: Metastore = Object.assign(Object.create(store), {
      txn(transaction: Transaction) {
        const done = store.txn(transaction)
        const registers = transaction.success?.some(({ type, key }) => type === 'put' && key === keys.registration(1))
        if (registers && left-- > 0) void store.txn({ success: [{ type: 'delete', key: keys.registration(1) }] })
        return done
      }
    })
    const control = await openControl({ metastore, nodeId: 1, clock, random: nextRandom(), logger: silent })
    await settle()
    assert.equal(control.image.broker(1)?.epoch, control.brokerEpoch)
    await control.close()
  })
})

describe('the controller', () => {
  it('sees a partition without a leader also when it comes in the very turn in which all others had one', async () => {
    const { metastore, controls, now } = await nodes(1, 2)
    const { topicId } = controls[0].image.topic('t')!
    const put = (index: number, value: PartitionImage) =>
      metastore.txn({ success: [{ type: 'put', key: keys.partition(topicId, index), value: format(value) }] })
    for (let turns = 0; turns < 20; turns++) {
      const first = put(0, { ...now(0) })
      for (let turn = 0; turn < turns; turn++) await undefined
      await put(1, { ...now(1), leader: 9 })
      await first
      await settle()
      assert.equal(now(1).leader, 1, `${turns} turns later`)
    }
  })
})

describe('a controller whose own broker has logs to open', () => {
  it('elects leaders meanwhile, as often as brokers go', async () => {
    const { metastore, controls, now } = await nodes(3)
    const [first, second, third] = controls
    const { topicId } = await first.createTopic({ name: 'u', assignments: [[3, 2, 1]], configs: {} })
    first.onChange(() => new Promise(() => {}))
    const leader = () => first.image.topicById(topicId)!.partitions[0].leader
    assert.deepEqual([first.image.controllerId, leader()], [1, 3])
    for (const [gone, next] of [
      [third, 2],
      [second, 1]
    ] as const) {
      await gone.abandon()
      const registration = [keys.registration(gone.nodeId), keys.broker(gone.nodeId)]
      await metastore.txn({ success: registration.map(key => ({ type: 'delete', key })) })
      await settle()
      assert.equal(leader(), next)
    }
    assert.equal(now(0, first).leader, 1)
  })
})

describe('a change of the ISR', () => {
  it('counts only for the partition as its leader saw it, and for the registration that caught up', async () => {
    const { controls, open, now } = await nodes(3)
    const [first, second, third] = controls
    const { topicId } = first.image.topic('t')!
    const seen = now(0, first)
    assert.equal(await first.changeIsr(topicId, 0, seen, { isr: [1, 2], joining: [], minIsr: 1 }), true)
    assert.equal(await first.changeIsr(topicId, 0, seen, { isr: [1], joining: [], minIsr: 1 }), false)
    const { epoch } = first.image.broker(3)!
    await third.close()
    await open(3)
    assert.equal(
      await first.changeIsr(topicId, 0, now(0, first), { isr: [1, 2, 3], joining: [{ nodeId: 3, epoch }], minIsr: 1 }),
      false
    )
    assert.deepEqual(second.image.topic('t')!.partitions[0].isr, [1, 2])
  })
})

describe('changes of the ISR of many partitions at once', () => {
  it('take few transactions, and each holds or fails on its own', async () => {
    const { controls, metastore, now } = await nodes(3, 300)
    const [first] = controls
    const { topicId } = first.image.topic('t')!
    const revisionNow = async () => (await metastore.get('nothing')).revision
    const before = await revisionNow()
    const stale = now(0, first)
    assert.equal(await first.changeIsr(topicId, 0, stale, { isr: [1, 2], joining: [], minIsr: 1 }), true)
    const { epoch } = first.image.broker(3)!
    const asked = Array.from({ length: 300 }, (_, index) => {
      // One whose new member is of a former life, and one that goes by what is no longer so.
      if (index === 7)
        return first.changeIsr(topicId, 7, now(7, first), {
          isr: [1, 2, 3],
          joining: [{ nodeId: 3, epoch: epoch - 1 }],
          minIsr: 1
        })
      return first.changeIsr(topicId, index, index === 0 ? stale : now(index, first), {
        isr: [1, 2],
        joining: [],
        minIsr: 1
      })
    })
    // Somebody else comes first for one of them.
    const others = controls[1].elect(topicId, 9, 'preferred').then(() => controls[1].giveAway(topicId, 9))
    const outcomes = await Promise.all(asked)
    await others
    // Who came first for one of them may have been node 2, which has left the ISR of it.
    for (const [index, changed] of outcomes.entries())
      if (index !== 9) assert.equal(changed, index !== 0 && index !== 7, `of ${index}`)
    await settle()
    for (const index of [1, 8, 150, 299]) assert.deepEqual(now(index).isr, [1, 2])
    assert.deepEqual(now(7).isr, [1, 2, 3])
    const taken = (await revisionNow()) - before
    assert.ok(taken < 150, `${taken} transactions`)
  })
})

describe('a new topic', () => {
  it('begins with the replicas that are there, led by the first of them', async () => {
    const { controls } = await nodes(3)
    await controls[0].close()
    await controls[1].createTopic({
      name: 'u',
      assignments: [
        [1, 2, 3],
        [3, 1, 2]
      ],
      configs: {}
    })
    const [one, other] = controls[2].image.topic('u')!.partitions
    assert.deepEqual([one.leader, one.isr, one.leaderEpoch], [2, [2, 3], 0])
    assert.deepEqual([other.leader, other.isr], [3, [3, 2]])
  })

  it('of many partitions is not taken for the leftovers of a crash while it is made', async () => {
    const { controls, open } = await nodes(2)
    const making = controls[0].createTopic({
      name: 'big',
      assignments: Array.from({ length: 500 }, () => [1]),
      configs: {}
    })
    const [made] = await Promise.all([making, open(3), open(4)])
    assert.ok(made.partitions.every(({ leader }) => leader === 1))
    assert.equal(controls[1].image.topic('big')?.partitions.filter(({ replicas }) => replicas.length === 1).length, 500)
  })
})

describe('brokers that start in the same moment', () => {
  it('all start, whoever of them becomes the controller', async () => {
    const { controls, open } = await nodes(1)
    await controls[0].close()
    const started = await Promise.all([open(1), open(2), open(3)])
    await settle()
    const [elected] = new Set(started.map(({ image }) => image.controllerId))
    assert.ok([1, 2, 3].includes(elected))
  })
})

describe('two processes with one node id', () => {
  it('end with the newer one registered, and the older one leading nothing', async () => {
    const { controls, open, now } = await nodes(1)
    const newer = await open(1)
    await settle()
    assert.equal(controls[0].brokerEpoch, undefined)
    assert.equal(now().leaderBrokerEpoch, newer.brokerEpoch)
    await controls[0].close()
    assert.notEqual(newer.brokerEpoch, undefined)
  })
})
