import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createTopic } from '../../src/client/admin.ts'
import { listReassignments, reassignPartitions } from '../../src/client/admin-replicas.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Producer } from '../../src/client/producer.ts'
import { type RunningCluster, startCluster } from '../../src/index.ts'
import { clientOf } from '../support/client.ts'
import { ended, naru, startNaru } from './support.ts'
import { jsonLines } from './world.ts'

let cluster: RunningCluster
let client: Cluster

before(async () => {
  cluster = await startCluster({
    config: {
      'offsets.topic.num.partitions': 3,
      'broker.session.timeout.ms': 3000,
      // So that a throttle has something to hold back.
      'replica.fetch.max.bytes': 65_536
    }
  })
  client = clientOf(cluster.bootstrap)
  await createTopic(client, { name: 'orders', partitions: 12, replicationFactor: 3 })
  await createTopic(client, { name: 'logs', partitions: 6, replicationFactor: 2 })
})

after(async () => {
  client.close()
  await cluster.close()
})

async function run(...args: string[]): Promise<string> {
  const ran = await naru(['cluster', ...args], cluster.bootstrap)
  assert.equal(ran.code, 0, `naru cluster ${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
  return ran.stdout.toString('utf8')
}

async function fails(...args: string[]): Promise<string> {
  const ran = await naru(['cluster', ...args], cluster.bootstrap)
  assert.equal(ran.code, 1, `naru cluster ${args.join(' ')}: ${ran.stdout}`)
  return ran.stderr
}

/** How many replicas each broker has, and how many partitions it leads; nothing must be out of sync. */
async function shares() {
  const replicas: Record<number, number> = {}
  const leads: Record<number, number> = {}
  for (const { partitions } of await client.fetchTopics(null))
    for (const partition of partitions) {
      assert.equal(partition.isr.length, partition.replicas.length)
      leads[partition.leader] = (leads[partition.leader] ?? 0) + 1
      for (const nodeId of partition.replicas) replicas[nodeId] = (replicas[nodeId] ?? 0) + 1
    }
  return { replicas, leads }
}

const values = (counts: Record<number, number>) => Object.values(counts)
const spread = (counts: Record<number, number>) => Math.max(...values(counts)) - Math.min(...values(counts))

describe('naru cluster', { concurrency: 1 }, () => {
  it('has nothing to move in a cluster that is in order', async () => {
    assert.equal(await run('rebalance'), 'There is nothing to move.\n')
    assert.equal(await run('cancel'), 'Nothing is being moved.\n')
  })

  it('says who there is when a broker is not there', async () => {
    assert.match(await fails('add', '4'), /Broker 4 has not joined; there are 1, 2, 3\./)
    assert.match(await fails('drain', '9'), /Broker 9 is not there.*\n.*naru cluster remove --dead 9/)
    assert.match(await fails('remove', '--dead', '2'), /Broker 2 is alive/)
    assert.equal((await naru(['cluster', 'drain', 'two'], cluster.bootstrap)).code, 2)
  })

  it('empties no broker whose replicas have nowhere to go', async () => {
    assert.match(
      await fails('drain', '3'),
      /No broker is left that could take a replica of 15 partitions: .*\n.*--replicas/
    )
  })

  it('gives a broker that joins its share, once the plan was read', async () => {
    await cluster.start(4)
    const before = await shares()
    const plan = await run('add', '4', '--dry-run')
    assert.match(plan, /^ +4 +0 -> 14 +0 -> 5 /m)
    assert.match(plan, /The plan copies 14 replicas of 14 partitions/)
    assert.deepEqual(await shares(), before)
    assert.match(await run('add', '4', '--yes', '--in-flight', '3'), /partitions moved\.\n$/)
    const { replicas, leads } = await shares()
    assert.deepEqual([replicas[4], spread(replicas) <= 1, spread(leads) <= 1], [14, true, true])
    assert.equal(await run('add', '4'), 'There is nothing to move.\n')
  })

  it('empties a broker, and then puts all in order again', async () => {
    const [plan, done] = jsonLines(await run('drain', '1', '--json', '--throttle', '100000000')) as unknown as [
      { brokers: { broker: number; replicas: { to: number }; leaders: { to: number } }[]; moves: unknown[] },
      { moved: number; left: number; failed: unknown[] }
    ]
    assert.deepEqual([plan.brokers[0].broker, plan.brokers[0].replicas.to, plan.brokers[0].leaders.to], [1, 0, 0])
    assert.deepEqual([done.moved, done.left, done.failed], [plan.moves.length, 0, []])
    const { replicas, leads } = await shares()
    assert.deepEqual([replicas[1], leads[1]], [undefined, undefined])
    // It is about to leave: nothing new goes there, neither topics nor what is evened out.
    assert.match(await run('status'), /^ *1 .* up, cordoned .* 0 /m)
    assert.match(await fails('drain', '2'), /No broker is left that could take .*\n.*'naru cluster add 1'/)
    await createTopic(client, { name: 'late', partitions: 8, replicationFactor: 2 })
    await run('rebalance', '--yes')
    assert.equal((await shares()).replicas[1], undefined)
    assert.match(await run('add', '1', '--dry-run'), /^ +1 +0 -> [1-9]/m)
    assert.match(await run('status'), /^ *1 .* up, cordoned /m)
    assert.match(await run('add', '1', '--yes'), /moved/)
    assert.doesNotMatch(await run('status'), /cordoned/)
    const again = await shares()
    assert.ok(spread(again.replicas) <= 1 && spread(again.leads) <= 1 && again.replicas[1] > 0)
  })

  it('leaves what it has begun to the cluster when it is stopped, goes on with the rest, and can take it back', async () => {
    const producer = new Producer(client, { acks: -1 })
    const value = Buffer.alloc(100_000)
    for (let i = 0; i < 5; i++)
      await Promise.all(
        Array.from({ length: 12 }, (_, partition) => producer.send({ topic: 'orders', partition, value }))
      )
    await producer.close()
    // Slow enough to be stopped in the middle.
    const child = startNaru(
      ['cluster', 'drain', '2', '--yes', '--throttle', '1', '--in-flight', '4'],
      cluster.bootstrap
    )
    // How long it takes until then is not its own doing.
    const stopped = ended(child, '', 120_000)
    // Those without records come first, and are there at once.
    const isHeldBack = async () => (await listReassignments(client)).some(({ topic }) => topic === 'orders')
    while (!(await isHeldBack())) await new Promise(resolve => setTimeout(resolve, 50))
    child.kill('SIGINT')
    const { code, stderr } = await stopped
    assert.equal(code, 1)
    assert.match(stderr, /Stopped: \d+ partitions? being moved, \d+ not begun\.\n.*naru cluster cancel/)
    const moving = (await listReassignments(client)).length
    assert.ok(moving > 0)
    assert.match(await run('cancel', '--yes'), new RegExp(`${moving} partitions? stay where they were`))
    assert.deepEqual(await listReassignments(client), [])
    assert.match(await run('drain', '2', '--yes'), /Broker 2 has no replica any more and can be stopped/)
    assert.equal((await shares()).replicas[2], undefined)
    await run('add', '2', '--yes')
  })

  it('changes how many replicas a topic has', async () => {
    await createTopic(client, { name: 'few', partitions: 4, replicationFactor: 1 })
    const replicasOf = async () =>
      (await client.fetchTopics(['few']))[0].partitions.map(({ replicas, isr }) => [replicas.length, isr.length])
    const alter = (replicas: string, ...more: string[]) =>
      naru(['topic', 'alter', 'few', '--replicas', replicas, ...more], cluster.bootstrap)
    assert.match(String((await alter('5')).stderr), /can't have 5 replicas: there are 4 brokers/)
    assert.match(
      String((await alter('3', '--dry-run')).stdout),
      /nothing was changed:\n {2}replicas of 4 partitions -> 3/
    )
    assert.deepEqual((await replicasOf())[0], [1, 1])
    assert.equal((await alter('3', '--partitions', '6')).code, 0)
    assert.deepEqual(await replicasOf(), Array(6).fill([3, 3]))
    assert.equal((await alter('2')).code, 0)
    assert.deepEqual(await replicasOf(), Array(6).fill([2, 2]))
    await run('rebalance', '--yes')
  })

  it('moves on while a broker is dead, and says for whom it waits where it can not', async () => {
    await cluster.start(5)
    await cluster
      .brokers()
      .find(({ nodeId }) => nodeId === 3)!
      .kill()
    while (true) {
      await client.fetchTopics([])
      if (!client.brokerList().some(({ id }) => id === 3)) break
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    // Partitions with a replica there keep it, dead as it is.
    assert.match(await run('drain', '4', '--yes'), /Broker 4 has no replica any more/)
    const target = { topic: 'few', index: 0, replicas: [1, 3] }
    assert.deepEqual(await reassignPartitions(client, [target]), [])
    assert.match(
      await fails('rebalance', '--yes', '--patience', '1'),
      /1 partition waits for broker 3, not there: few-0\.\n.*naru cluster cancel/
    )
    await run('cancel', '--yes')
  })

  it('makes the replicas of a dead broker anew on the others', async () => {
    assert.match(await run('remove', '--dead', '3', '--yes'), /Broker 3 is forgotten/)
    const { replicas } = await shares()
    assert.deepEqual(
      [replicas[3], replicas[1] + replicas[2] + replicas[5]],
      [undefined, 12 * 3 + 6 * 2 + 8 * 2 + 6 * 2 + 3 * 3]
    )
  })
})
