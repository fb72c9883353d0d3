import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adminWorld, wanted } from './admin-world.ts'
import { fetch, item, openWorld } from './world.ts'

test('partitions are bounded over all topics, however they come about', async () => {
  const { topics, cluster, control } = await adminWorld({ 'naru.partitions.max': '10' })
  const create = async (name: string, numPartitions: number) =>
    (await topics.create([wanted(name, { numPartitions })], false))[0].error
  assert.equal(await create('a', 6), undefined)
  assert.equal(await create('b', 5), 'POLICY_VIOLATION')
  const made = await topics.create([wanted('c', { numPartitions: 2 }), wanted('d', { numPartitions: 3 })], false)
  assert.deepEqual(
    made.map(({ error }) => error),
    [undefined, 'POLICY_VIOLATION']
  )
  assert.equal(
    (await topics.addPartitions([{ name: 'c', count: 5, assignments: null }], false))[0].error,
    'POLICY_VIOLATION'
  )
  assert.equal((await topics.addPartitions([{ name: 'c', count: 4, assignments: null }], false))[0].error, undefined)
  assert.equal((await cluster.findTopics([{ name: 'auto' }], true))[0].error, 'POLICY_VIOLATION')
  await topics.delete([{ name: 'a', topicId: undefined }])
  assert.equal(await create('b', 6), undefined)
  assert.deepEqual(
    [...control.image.topics()].map(({ name }) => name),
    ['b', 'c']
  )
})

test('a flood of automatic creations is told to ask again', async () => {
  const { cluster, control } = await adminWorld({ 'naru.auto.create.topics.in.flight.max': '5' })
  const names = Array.from({ length: 12 }, (_, i) => ({ name: `t${i}` }))
  const asked = async () => (await cluster.findTopics(names, true)).filter(({ error }) => error === undefined).length
  assert.deepEqual([await asked(), await asked(), await asked()], [5, 10, 12])
  assert.equal([...control.image.topics()].length, 12)
})

test('partitions of fetch sessions are bounded: beyond, clients fetch without one', async () => {
  const world = await openWorld({ 'naru.fetch.session.partitions.max': '5' })
  await world.topic('t', 8)
  const items = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => item('t', from + i, 0))
  const open = (count: number) => fetch(world, items(0, count), { sessionId: 0, sessionEpoch: 0 })
  const first = await open(3)
  assert.notEqual(first.sessionId, 0)
  const second = await open(3)
  assert.deepEqual([second.sessionId, second.partitions.length], [0, 3])
  // One that outgrows the bound is closed, and its room is free.
  const more = await fetch(world, items(3, 7), { sessionId: first.sessionId, sessionEpoch: 1 })
  assert.equal(more.error, 'FETCH_SESSION_ID_NOT_FOUND')
  assert.notEqual((await open(5)).sessionId, 0)
  await world.close()
})
