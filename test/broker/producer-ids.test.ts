import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ProducerIds } from '../../src/broker/producer-ids.ts'
import { adminWorld } from './admin-world.ts'

const nobody = { producerId: -1, producerEpoch: -1 }

it('no two producers get the same id, across blocks and brokers', async () => {
  const { control, producerIds } = await adminWorld()
  const other = new ProducerIds(control)
  const given = await Promise.all(
    Array.from({ length: 2500 }, (_, at) => (at % 2 ? other : producerIds).init(null, nobody))
  )
  assert.equal(new Set(given.map(({ producerId }) => producerId)).size, 2500)
  assert.ok(given.every(({ producerEpoch }) => producerEpoch === 0))
})

it('a producer that had an id gets a new one', async () => {
  const { producerIds } = await adminWorld()
  const before = await producerIds.init(null, nobody)
  const after = await producerIds.init(null, before)
  assert.notEqual(after.producerId, before.producerId)
})

it('who failed to get a block can ask again', async () => {
  const { control } = await adminWorld()
  let broken = true
  const flaky = {
    allocateProducerIds: () => (broken ? Promise.reject(new Error('no')) : control.allocateProducerIds())
  }
  const ids = new ProducerIds(flaky as never)
  const both = await Promise.allSettled([ids.init(null, nobody), ids.init(null, nobody)])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['rejected', 'rejected']
  )
  broken = false
  assert.equal((await ids.init(null, nobody)).producerEpoch, 0)
})

it('producers begin while no block can be had', async () => {
  let allocated = 0
  let reachable = true
  const control = {
    allocateProducerIds: () =>
      reachable ? Promise.resolve({ first: 1000 * allocated++, count: 1000 }) : Promise.reject(new Error('no'))
  }
  const ids = new ProducerIds(control as never)
  await ids.prepare()
  reachable = false
  const inits = (count: number) => Promise.all(Array.from({ length: count }, () => ids.init(null, nobody)))
  const given = await inits(700)
  reachable = true
  given.push(...(await inits(1)))
  await ids.prepare()
  reachable = false
  given.push(...(await inits(1000)))
  assert.equal(new Set(given.map(({ producerId }) => producerId)).size, 1701)
  assert.equal(allocated, 2)
})

for (const [transactionalId, identity, code] of [
  ['', nobody, 'INVALID_REQUEST'],
  [null, { producerId: 5, producerEpoch: -1 }, 'INVALID_REQUEST'],
  [null, { producerId: -1, producerEpoch: 5 }, 'INVALID_REQUEST'],
  ['mine', nobody, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED']
] as const)
  it(`'${transactionalId}' with ${JSON.stringify(identity)} is refused as ${code}`, async () => {
    const { producerIds } = await adminWorld()
    await assert.rejects(producerIds.init(transactionalId, identity), { code })
  })
