import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { offsetsTopic } from '../../src/broker/broker.ts'
import { committedOffsets, describeGroup } from '../../src/client/admin-groups.ts'
import { commitOffsets } from '../../src/client/admin-offsets.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { codeOf } from '../../src/std/errors.ts'
import { silent } from '../../src/std/log.ts'
import { SimCluster } from './cluster.ts'
import type { Machine } from './machine.ts'
import { planOf } from './plan.ts'
import { makeTopic } from './scenario.ts'

const groupId = 'group'
const topic = {
  name: 'case',
  partitions: 1,
  replicas: 3,
  minInsyncReplicas: 2,
  pageCache: false,
  compacted: false,
  unclean: false
}

async function open(): Promise<SimCluster> {
  const plan = { ...planOf(1), brokers: 3, topics: [topic], lossProbability: 0, watchDelayMaxMs: 0 }
  const sim = await SimCluster.open(1, silent, plan)
  for (const machine of sim.machines) machine.start()
  await sim.run(5000, () => sim.machines.every(({ isUp }) => isUp))
  await makeTopic(sim, topic)
  await sim.run(2000)
  return sim
}

/** A client that knows one broker only and gives up at once. */
function clientOf(sim: SimCluster, { host }: Machine): Cluster {
  return new Cluster({
    bootstrap: [`${host}:9092`],
    connect: to => sim.network.connect('client', to),
    clock: sim.clock,
    random: sim.fork(),
    requestTimeoutMs: 30_000
  })
}

/** Whether a broker takes itself for the one that leads the groups' partition. */
const coordinates = ({ node }: Machine): boolean =>
  typeof node?.broker.partitions.lookUp({ topic: offsetsTopic, index: 0 }) === 'object'

const others = (sim: SimCluster, than: Machine): Machine[] => sim.machines.filter(machine => machine !== than)

/** What a broker has for the group's committed offset, or the error that it answers. */
const told = (client: Cluster): Promise<unknown> =>
  committedOffsets(client, groupId, null).then(
    ([found]) => found?.offset,
    error => codeOf(error)
  )

/** Commits by the coordinator that the rest of the cluster has, once it has one. */
async function commitElsewhere(sim: SimCluster, old: Machine, offset: number): Promise<void> {
  await sim.run(20_000, () => others(sim, old).some(coordinates))
  const next = others(sim, old).find(coordinates)
  assert.ok(next, 'another broker has taken over')
  const client = clientOf(sim, next)
  await sim.during(
    client.retrying(() => commitOffsets(client, groupId, [{ topic: topic.name, partition: 0, offset }])),
    20_000
  )
  assert.equal(await sim.during(told(client)), offset)
  client.close()
}

/** The coordinator of a group that has committed 1, and a client that has asked it. */
async function begin(sim: SimCluster): Promise<{ old: Machine; client: Cluster }> {
  const old = sim.machines.find(coordinates)
  assert.ok(old)
  const client = clientOf(sim, old)
  await sim.during(
    client.retrying(() => commitOffsets(client, groupId, [{ topic: topic.name, partition: 0, offset: 1 }]))
  )
  assert.equal(await sim.during(told(client)), 1)
  return { old, client }
}

describe('a coordinator that was replaced and has not heard of it', () => {
  it('tells nothing while it hears neither from the metastore nor from brokers, and steps down when a broker says so', async () => {
    const sim = await open()
    const { old, client } = await begin(sim)
    old.metastore!.silent = true
    for (const other of others(sim, old)) sim.network.cut(old.host, other.host)
    await commitElsewhere(sim, old, 2)
    assert.ok(coordinates(old), 'silence is no evidence: it goes on')
    assert.equal(await sim.during(told(client)), 'NOT_COORDINATOR')
    const described = describeGroup(client, groupId).catch(codeOf)
    assert.equal(await sim.during(described), 'NOT_COORDINATOR')
    assert.ok(coordinates(old))
    sim.network.healAll()
    await sim.run(1000)
    assert.equal(await sim.during(told(client)), 'NOT_COORDINATOR')
    assert.ok(!coordinates(old), 'the others have told it, though the metastore has not')
    assert.deepEqual(await sim.during(old.node!.broker.groups.list({ states: [], types: [] })), [])
    // When it hears from the metastore it follows.
    old.metastore!.speak(false)
    await sim.run(3000)
    const client2 = clientOf(sim, old)
    assert.equal(await sim.during(client2.retrying(async () => told(client2))), 2)
    sim.close()
  })

  it('does not tell what it knew before a pause, to whom has asked in it', async () => {
    const sim = await open()
    const { old, client } = await begin(sim)
    old.life!.pause()
    // What it has missed comes to it later than the question.
    old.metastore!.silent = true
    await commitElsewhere(sim, old, 2)
    const answer = told(client)
    await sim.run(100)
    old.life!.resume()
    assert.equal(await sim.during(answer), 'NOT_COORDINATOR')
    sim.close()
  })

  it('tells it all the same while only the metastore is silent, and at once', async () => {
    const sim = await open()
    const { client } = await begin(sim)
    sim.coordination.goDown()
    await sim.run(10_000)
    const beganMs = sim.clock.monotonic()
    assert.equal(await sim.during(told(client)), 1)
    assert.ok(sim.clock.monotonic() - beganMs < 100)
    sim.close()
  })

  it('tells it by the word of the metastore while another broker is cut off', async () => {
    const sim = await open()
    const { old, client } = await begin(sim)
    const [one] = others(sim, old)
    sim.network.cut(old.host, one.host)
    assert.equal(await sim.during(told(client)), 1)
    sim.close()
  })
})
