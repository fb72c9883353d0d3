import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ForgottenTopics } from '../../src/groups/forgotten-topics.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { type ErrorCode, NaruError } from '../../src/std/errors.ts'
import { silent } from '../../src/std/log.ts'
import { commitAlone, committed, item, settle, World } from './harness.ts'

/** A shard that fails with `error` while there is one. */
function failing(error: ErrorCode | undefined) {
  const clock = new ManualClock()
  const warned: unknown[] = []
  const logger = { ...silent, warn: (fields: { code?: string }) => void warned.push(fields.code) }
  const shard = {
    error,
    tries: 0,
    whenLoaded: () => Promise.resolve(),
    execute(): Promise<never> {
      shard.tries++
      return shard.error ? Promise.reject(new NaruError(shard.error)) : (Promise.resolve() as Promise<never>)
    }
  }
  return { clock, warned, shard, topics: new ForgottenTopics(shard, { clock, logger }) }
}

test('what fails is told once for as long as it fails alike, tried again more and more slowly, and ends', async () => {
  const { clock, warned, shard, topics } = failing('COORDINATOR_NOT_AVAILABLE')
  const done = ['a', 'b', 'c'].map(name => topics.add(name, `id-of-${name}`))
  for (let second = 0; second < 600; second++) {
    await settle()
    clock.advance(1000)
  }
  assert.ok(shard.tries > 10 && shard.tries < 50, `${shard.tries} tries in ten minutes`)
  assert.deepEqual(warned, ['COORDINATOR_NOT_AVAILABLE'])
  shard.error = undefined
  await settle()
  clock.advance(30_000)
  await Promise.all(done)
  const { tries } = shard
  clock.advance(600_000)
  await settle()
  assert.equal(shard.tries, tries)
})

test('a partition that is led elsewhere is not worth a word, and is let go', async () => {
  const { clock, warned, shard, topics } = failing('NOT_COORDINATOR')
  const done = topics.add('a', 'id-of-a')
  await settle()
  clock.advance(1000)
  await settle()
  topics.close()
  await done
  assert.deepEqual(warned, [])
  const { tries } = shard
  clock.advance(600_000)
  await settle()
  assert.equal(shard.tries, tries)
})

test('a topic that is deleted while groups are loaded is forgotten then', async () => {
  const world = await World.start()
  await commitAlone(world, [item(1), item(2, 0, 'events')])
  const next = new World(world.config, world.log.successor(), world.clock)
  const loaded = next.coordinator.becomeLeader(0, next.log)
  const forgotten = next.coordinator.topicDeleted('events', next.topics.idOf('events')!)
  next.topics.ids.delete('events')
  await loaded
  await forgotten
  assert.deepEqual(await committed(next), { 'orders/0': 1 })
})
