import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rejectsWith, settle, World, watch } from './harness.ts'

test('a broker that hands its groups over knows when their members have heard, by whatever they asked', async () => {
  const world = await World.start()
  const [beating, committing, leaving, joining] = await world.group(4)
  const { coordinator } = world
  coordinator.handOver()
  await leaving.leave()
  assert.equal(await committing.commit(1), undefined)
  coordinator.resign(0)
  const known = watch(coordinator.membersKnow().then(() => true))
  assert.equal(await committing.commit(2), 'NOT_COORDINATOR')
  await rejectsWith(joining.join(), 'NOT_COORDINATOR')
  await settle()
  assert.equal(known.value, undefined, 'one has heard nothing')
  await rejectsWith(beating.heartbeat(), 'NOT_COORDINATOR')
  await settle()
  assert.equal(known.value, true)
})

test('members that heard before all was handed over, and those who wait for a round, are not waited for', async () => {
  const world = await World.start()
  const [waiting, early] = await world.group(2)
  const { coordinator } = world
  coordinator.handOver()
  const round = rejectsWith(waiting.join(), 'NOT_COORDINATOR')
  await settle()
  world.log.loseLeadership()
  assert.equal(await early.commit(1), 'NOT_COORDINATOR')
  coordinator.resign(0)
  await round
  await coordinator.membersKnow()
})

test('nobody is waited for where nothing was handed over', async () => {
  const world = await World.start()
  await world.group(1)
  world.coordinator.handOver()
  await world.coordinator.membersKnow()
})
