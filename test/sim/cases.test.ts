import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Partition } from '../../src/partition/partition.ts'
import { buildBatch } from '../../src/record/build.ts'
import { silent } from '../../src/std/log.ts'
import { contentOf, unsettled } from './checks/replicas.ts'
import { SimCluster } from './cluster.ts'
import type { Machine } from './machine.ts'
import { type Plan, planOf, type TopicPlan } from './plan.ts'
import { makeTopic } from './scenario.ts'

const topic = {
  name: 'case',
  partitions: 1,
  replicas: 3,
  minInsyncReplicas: 1,
  pageCache: false,
  compacted: false,
  unclean: false
}

/** Three brokers in peace, with one topic of three replicas. */
async function open(changes: Partial<TopicPlan> = {}): Promise<SimCluster> {
  const topics = [{ ...topic, ...changes }]
  const plan: Plan = { ...planOf(1), brokers: 3, topics, lossProbability: 0, watchDelayMaxMs: 0 }
  const sim = await SimCluster.open(1, silent, plan)
  for (const machine of sim.machines) machine.start()
  await sim.run(5000, () => sim.machines.every(({ isUp }) => isUp))
  await makeTopic(sim, topics[0])
  // The others hear of it a moment later.
  await sim.run(5000, () => sim.machines.every(({ nodeId }) => findReplica(sim, nodeId)))
  return sim
}

function findReplica(sim: SimCluster, nodeId: number): Partition | undefined {
  const broker = sim.machines[nodeId - 1].node?.broker
  const topicId = broker?.control.image.topic(topic.name)?.topicId
  return topicId && broker ? broker.partitions.ofTopic(topicId)[0] : undefined
}

function replicaOf(sim: SimCluster, nodeId: number): Partition {
  const partition = findReplica(sim, nodeId)
  assert.ok(partition, `broker ${nodeId} has its replica`)
  return partition
}

function leaderOf(sim: SimCluster): Partition {
  const leader = sim.machines
    .flatMap(({ nodeId, isUp }) => (isUp ? [replicaOf(sim, nodeId)] : []))
    .find(one => one.leader)
  assert.ok(leader)
  return leader
}

/** Appends batches of three records to the leader and waits until they are committed. */
async function append(sim: SimCluster, batches: number): Promise<void> {
  const leader = leaderOf(sim)
  for (let at = 0; at < batches; at++)
    leader.appendFromProducer(
      buildBatch([1, 2, 3].map(n => ({ timestamp: sim.clock.now(), value: Buffer.from(`${n}`) })))
    )
  await sim.run(5000, () => leader.highWatermark === leader.endOffset)
  assert.equal(leader.highWatermark, leader.endOffset)
}

/** Cuts the leader off from the others; gives its machine. */
function cutOff(sim: SimCluster): Machine {
  const leading = sim.machines[(leaderOf(sim).leader?.nodeId ?? 0) - 1]
  for (const { host } of sim.machines) if (host !== leading.host) sim.network.cut(host, leading.host)
  return leading
}

function isLed(sim: SimCluster): boolean {
  return sim.machines.some(({ nodeId, isUp }) => isUp && replicaOf(sim, nodeId).leader)
}

async function settle(sim: SimCluster): Promise<void> {
  await sim.run(20_000, () => unsettled(sim).length === 0)
  assert.deepEqual(unsettled(sim), [])
}

describe('replicas', () => {
  it('follow their leader to a new start while nothing is written', async () => {
    const sim = await open()
    await append(sim, 5)
    await settle(sim)
    await sim.during(leaderOf(sim).deletions.before(6))
    await sim.run(2000, () => [1, 2, 3].every(nodeId => replicaOf(sim, nodeId).startOffset === 6))
    assert.deepEqual(
      [1, 2, 3].map(nodeId => replicaOf(sim, nodeId).startOffset),
      [6, 6, 6]
    )
    sim.close()
  })

  it('that lag are put out once, and not taken in and put out for as long as too few are in sync', async () => {
    const sim = await open({ minInsyncReplicas: 3 })
    await append(sim, 1)
    await settle(sim)
    const leader = leaderOf(sim)
    for (const { nodeId, host } of sim.machines)
      if (nodeId !== leader.leader?.nodeId) sim.network.cut(host, sim.machines[(leader.leader?.nodeId ?? 0) - 1].host)
    // Nobody else has it, and it moves no high watermark.
    leader.appendFromProducer(buildBatch([{ timestamp: sim.clock.now(), value: Buffer.from('alone') }]))
    await sim.run(6000)
    assert.deepEqual(leader.leader?.isr, [leader.leader?.nodeId])
    assert.ok((sim.coverage.counts.get('ISR grown') ?? 0) === 0, 'nobody is taken in who does not fetch')
    sim.network.healAll()
    await settle(sim)
    sim.close()
  })

  it('come back after their leader has deleted all that they have, up to the middle of a batch', async () => {
    const sim = await open()
    const leader = leaderOf(sim)
    const away = sim.machines.find(({ node }) => node?.nodeId !== leader.leader?.nodeId)
    assert.ok(away)
    away.kill()
    await sim.run(4000, () => leader.leader?.isr.length === 2)
    await append(sim, 5)
    // The batch of offsets 6 to 8 goes whole or not at all.
    await sim.during(leader.deletions.before(7))
    away.start()
    await sim.run(5000, () => away.isUp)
    await settle(sim)
    const replica = replicaOf(sim, away.nodeId)
    assert.deepEqual([replica.startOffset, replica.endOffset], [7, 15])
    const [theirs, ours] = await sim.during(Promise.all([leader, replica].map(contentOf)))
    assert.deepEqual(ours.bytes, theirs.bytes)
    sim.close()
  })

  it('come back with other records than their leader has deleted, which has one batch across their end', async () => {
    const sim = await open()
    await append(sim, 2)
    await settle(sim)
    const former = cutOff(sim)
    const { log } = replicaOf(sim, former.nodeId)
    replicaOf(sim, former.nodeId).appendFromProducer(
      buildBatch([{ timestamp: sim.clock.now(), value: Buffer.from('nobody else has it') }])
    )
    await sim.run(1000, () => log.durableEndOffset === 7)
    former.kill()
    await sim.run(5000, () => isLed(sim))
    await append(sim, 1)
    assert.equal(leaderOf(sim).endOffset, 9)
    await sim.during(leaderOf(sim).deletions.before(7))
    sim.network.healAll()
    former.start()
    await sim.run(5000, () => former.isUp)
    await settle(sim)
    const contents = await sim.during(Promise.all([leaderOf(sim), replicaOf(sim, former.nodeId)].map(contentOf)))
    assert.deepEqual(contents[1], contents[0])
    sim.close()
  })

  it('know what a producer repeats when its newer batch was cut off again, which was there while they were compacted', async () => {
    const sim = await open({ compacted: true })
    const put = (leader: Partition, value: string, producer = {}) =>
      leader.appendFromProducer(
        buildBatch([{ timestamp: sim.clock.now(), key: Buffer.from('k'), value: Buffer.from(value) }], producer)
      )
    const producer = { producerId: 7, producerEpoch: 0, baseSequence: 0 }
    const first = put(leaderOf(sim), 'superseded', producer)
    put(leaderOf(sim), 'last')
    await settle(sim)
    await sim.during(leaderOf(sim).log.compaction.seal())

    const former = cutOff(sim)
    const leader = leaderOf(sim)
    put(leader, 'cut off', { ...producer, baseSequence: 1 })
    await sim.run(1000, () => leader.log.durableEndOffset === leader.endOffset)
    assert.equal(leader.highWatermark, 2)
    await sim.during(leader.compactSoon())
    assert.deepEqual(
      (await sim.during(contentOf(leader))).values.map(([, , value]) => value),
      ['last', 'cut off']
    )
    former.kill()
    await sim.run(5000, () => isLed(sim))
    sim.network.healAll()
    former.start()
    await sim.run(5000, () => former.isUp)
    await settle(sim)
    for (const machine of sim.machines) if (machine !== former) machine.kill()
    await sim.run(10_000, () => replicaOf(sim, former.nodeId).leader !== undefined)
    const back = leaderOf(sim)
    assert.equal(put(back, 'superseded', producer).baseOffset, first.baseOffset)
    assert.equal(back.endOffset, 2)
    assert.equal(put(back, 'again', { ...producer, baseSequence: 1 }).baseOffset, 2)
    sim.close()
  })
})
