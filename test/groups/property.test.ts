import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { codeOf, NaruError } from '../../src/std/errors.ts'
import { commitAlone, committed, item, settle, type TestMember, World } from './harness.ts'

const ignore = (): undefined => undefined

/** What clients, time and operators may do to one group; `at` picks the member. */
const step = fc.record({
  what: fc.constantFrom('new', 'static', 'join', 'sync', 'leave', 'commit', 'heartbeat', 'advance', 'delete', 'reload'),
  at: fc.nat(5),
  ms: fc.constantFrom(10, 500, 3100, 11_000)
})

async function act(world: World, members: TestMember[], what: string, at: number, ms: number): Promise<World> {
  const member = members[at % Math.max(1, members.length)]
  switch (what) {
    case 'new':
      members.push(world.member({ rebalanceTimeoutMs: 6000 }, `m${members.length}`))
      void members[members.length - 1].join(at % 2 ? 3 : 9).catch(ignore)
      break
    case 'static':
      members.push(world.member({ groupInstanceId: `i-${at % 2}` }, 's'))
      void members[members.length - 1].join().catch(ignore)
      break
    case 'join':
      void member?.join().catch(ignore)
      break
    case 'sync':
      for (const each of members) void each.sync().catch(ignore)
      break
    case 'leave':
      void member?.leave().catch(ignore)
      break
    case 'commit':
      void member?.commit(ms, at).catch(ignore)
      break
    case 'heartbeat':
      for (const each of members) void each.heartbeat().catch(ignore)
      break
    case 'delete':
      void world.coordinator.deleteGroup('group').catch(ignore)
      break
    case 'reload': {
      await settle()
      const next = await world.reload()
      for (const each of members) Object.assign(each, { world: next })
      return next
    }
    default:
      await world.advance(ms)
  }
  await settle()
  return world
}

// So small that nearly every turn has the log compacted while the next ones go on.
World.compactedBytesMin = 100

test('replaying the log gives the state that was built live', async () => {
  let settled = 0
  const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
    let world = await World.start({ initialRebalanceDelayMs: 100 })
    const members: TestMember[] = []
    for (const { what, at, ms } of steps) world = await act(world, members, what, at, ms)
    await settle()
    const live = await world.coordinator.describe('group')
    const offsets = await committed(world)
    const beats = await Promise.all(members.map(member => member.heartbeat().catch(codeOf)))
    const replayed = await world.reload()
    for (const member of members) Object.assign(member, { world: replayed })
    assert.deepEqual(await committed(replayed), offsets)
    if (live.state === 'Stable' || live.state === 'Empty' || live.state === 'Dead') {
      settled++
      const described = await replayed.coordinator.describe('group')
      const sorted = (group: typeof live) => ({
        ...group,
        members: [...group.members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
      })
      assert.deepEqual(sorted(described), sorted(live))
      // Whoever could go on without the reload still can, and nobody else.
      assert.deepEqual(await Promise.all(members.map(member => member.heartbeat().catch(codeOf))), beats)
    }
    replayed.coordinator.close()
  })
  await fc.assert(property, { numRuns: 400 })
  assert.ok(settled > 80, `only ${settled} runs ended in a settled group`)
})

const disturbance = fc.record({
  what: fc.constantFrom(
    'commit',
    'commit',
    'fetch',
    'fetch',
    'settle',
    'settle',
    'hold',
    'release',
    'lose',
    'append error'
  ),
  partition: fc.nat(2),
  survivors: fc.constantFrom(0, 0, 1, 2)
})

test('committed offsets never go back: not past an acknowledgement, and not past what anybody has read', async () => {
  const property = fc.asyncProperty(fc.array(disturbance, { minLength: 10, maxLength: 60 }), async steps => {
    let world = await World.start()
    let next = 0
    const floor = [-1, -1, -1]
    const raise = (partition: number, offset: number): void => {
      floor[partition] = Math.max(floor[partition], offset)
    }
    const open: Promise<unknown>[] = []
    const violations: string[] = []
    const commit = async (partition: number): Promise<void> => {
      const offset = next++
      const [error] = await commitAlone(world, [item(offset, partition)])
      if (error === undefined) raise(partition, offset)
    }
    const fetch = async (partition: number): Promise<void> => {
      const atLeast = floor[partition]
      const asked = [{ name: 'orders', topicId: '', partitions: [partition] }]
      const [topic] = await world.coordinator.fetchOffsets('group', asked, false)
      const { offset } = topic.partitions[0]
      if (offset < atLeast) violations.push(`partition ${partition} went back from ${atLeast} to ${offset}`)
      raise(partition, offset)
    }
    for (const { what, partition, survivors } of steps) {
      if (what === 'commit') open.push(commit(partition))
      else if (what === 'fetch') open.push(fetch(partition).catch(ignore))
      else if (what === 'hold') world.log.commitByHand = true
      else if (what === 'release') {
        world.log.commitByHand = false
        world.log.commit()
      } else if (what === 'append error') world.log.nextAppendError = new NaruError('NOT_ENOUGH_REPLICAS')
      else if (what === 'settle') await settle()
      else {
        await settle()
        world.log.loseLeadership()
        const successor = new World(world.config, world.log.successor(survivors), world.clock, next + 2, world.topics)
        world.coordinator.close()
        await successor.coordinator.becomeLeader(0, successor.log)
        world = successor
      }
    }
    world.log.commitByHand = false
    await settle()
    world.log.commit()
    await settle()
    await Promise.all(open)
    for (const partition of [0, 1, 2]) await fetch(partition)
    assert.deepEqual(violations, [])
    world.coordinator.close()
  })
  await fc.assert(property, { numRuns: 1500 })
})
