import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NaruError } from '../../src/std/errors.ts'
import { batch, openWorld, produce } from './world.ts'

describe('an idempotent producer at a broker that may have been replaced', () => {
  it('is told that another leads, and not of a gap in sequence numbers, where that leader may have what is missing', async () => {
    const world = await openWorld()
    const partition = await world.topic('t')
    const send = async (baseSequence: number) =>
      (await produce(world, 't', 0, batch(['x'], { producerId: 9, producerEpoch: 0, baseSequence }))).error
    assert.equal(await send(0), undefined)
    partition.check = { confirm: () => Promise.reject(new NaruError('NOT_LEADER_OR_FOLLOWER', 'replaced')) }
    assert.equal(await send(5), 'NOT_LEADER_OR_FOLLOWER')
    assert.equal(await send(1), undefined)
    partition.check = { confirm: () => Promise.resolve() }
    assert.equal(await send(5), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    await world.close()
  })
})
