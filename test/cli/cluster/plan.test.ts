import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { distributionOf } from '../../../src/cli/cluster/distribution.ts'
import { sharesOf } from '../../../src/cli/cluster/plan-text.ts'
import type { ClusterState } from '../../../src/cli/cluster/state.ts'
import { createTopic } from '../../../src/client/admin.ts'
import type { Cluster } from '../../../src/client/cluster.ts'
import { type RunningCluster, startCluster } from '../../../src/index.ts'
import { clientOf } from '../../support/client.ts'
import { naru } from '../support.ts'

/** Brokers by id, each with its rack and host; a topic with these replicas, the first of which lead. */
function stateWith(places: readonly (readonly [string | null, string])[], replicas: number[][]): ClusterState {
  const brokers = places.map(([rack, host], at) => ({ id: at + 1, host, port: 1, rack }))
  return {
    brokers,
    cordoned: [],
    sites: brokers.map(({ id, host, rack }) => ({ nodeId: id, host, rack: rack ?? undefined })),
    partitions: replicas.map((ids, index) => ({
      topic: 't',
      index,
      replicas: ids,
      leader: ids[0],
      isr: ids,
      bytes: 10
    })),
    reassigning: []
  }
}

describe('the distribution of replicas', () => {
  it('names partitions whose replicas share a rack or a host while they need not', () => {
    const places = [
      ['a', 'x'],
      ['a', 'x'],
      ['b', 'y'],
      ['b', 'z']
    ] as const
    const { together } = distributionOf(
      stateWith(places, [
        [1, 2],
        [1, 3],
        [3, 4],
        [1, 3, 2],
        [1, 3, 4]
      ])
    )
    assert.deepEqual(
      together.map(({ partition, shares }) => [partition, shares]),
      [
        [0, 'rack'],
        [2, 'rack'],
        [3, 'host']
      ]
    )
  })

  it('names none where there is no other place', () => {
    const places = [
      ['a', 'x'],
      ['a', 'x'],
      [null, 'x']
    ] as const
    assert.deepEqual(distributionOf(stateWith(places, [[1, 2, 3]])).together, [])
  })

  it('counts what brokers have, those that are gone too', () => {
    const { brokers, even } = distributionOf(
      stateWith(
        [
          [null, 'x'],
          [null, 'y']
        ],
        [
          [1, 2],
          [1, 9],
          [9, 1]
        ]
      )
    )
    assert.deepEqual(
      brokers.map(({ broker, there, replicas, leads, preferred, bytes }) => [
        broker,
        there,
        replicas,
        leads,
        preferred,
        bytes
      ]),
      [
        [1, true, 3, 2, 2, 30],
        [2, true, 1, 0, 0, 10],
        [9, false, 2, 1, 1, 20]
      ]
    )
    assert.deepEqual(
      [even.replicas, even.leads],
      [
        { least: 1, most: 3 },
        { least: 0, most: 2 }
      ]
    )
  })
})

describe('what a plan means for each broker', () => {
  it('counts bytes out where they come from: leaders send, dead brokers nothing', () => {
    const state = stateWith(
      [
        [null, 'x'],
        [null, 'y']
      ],
      [
        [1, 9],
        [9, 1]
      ]
    )
    const partitions = state.partitions.map(partition => ({ ...partition, leader: 1 }))
    const moves = partitions.map(partition => ({ partition, replicas: [1, 2] }))
    assert.deepEqual(
      sharesOf({ ...state, partitions }, { moves }).map(({ broker, replicas, bytesIn, bytesOut }) => [
        broker,
        replicas.to,
        bytesIn,
        bytesOut
      ]),
      [
        [1, 2, 0, 20],
        [2, 2, 20, 0],
        [9, 0, 0, 0]
      ]
    )
  })
})

describe('naru cluster plan', { concurrency: 1 }, () => {
  let cluster: RunningCluster
  let client: Cluster

  before(async () => {
    cluster = await startCluster({
      brokers: 4,
      racks: ['a', 'b'],
      config: { 'offsets.topic.num.partitions': 1, 'default.replication.factor': 2 }
    })
    client = clientOf(cluster.bootstrap)
    await createTopic(client, { name: 'orders', partitions: 5, replicationFactor: 2 })
  })

  after(async () => {
    client.close()
    await cluster.close()
  })

  const plan = async (...flags: string[]) => {
    const ran = await naru(['cluster', 'plan', ...flags], cluster.bootstrap)
    assert.equal(ran.code, 0, ran.stderr)
    return ran.stdout.toString()
  }
  const replicasOf = async (topic: string) =>
    (await client.fetchTopics([topic]))[0].partitions.map(({ replicas }) => [...replicas])

  it('says where a new topic would go, and that is where it goes', async () => {
    const { partitions, dryRun, controller, brokers } = JSON.parse(
      await plan('--topic', 'new', '--partitions', '7', '--replicas', '3', '--json')
    )
    assert.equal(dryRun, true)
    assert.ok([1, 2, 3, 4].includes(controller))
    const preferred = brokers.map((broker: { preferred: number }) => broker.preferred).sort()
    assert.deepEqual(preferred, [1, 2, 2, 2])
    await createTopic(client, { name: 'new', partitions: 7, replicationFactor: 3 })
    assert.deepEqual(
      partitions.map(({ replicas }: { replicas: number[] }) => replicas),
      await replicasOf('new')
    )
    const refused = await naru(['cluster', 'plan', '--topic', 'new'], cluster.bootstrap)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /Topic new is there already/)
    assert.equal((await naru(['cluster', 'plan', '--topic', 'x', '--replicas', '5'], cluster.bootstrap)).code, 1)
    assert.equal((await naru(['cluster', 'plan', '--replicas', '2'], cluster.bootstrap)).code, 2)
  })

  it('says what rebalance would do, the same as that says, and changes nothing', async () => {
    const racks = ['a', 'b', 'a', 'b']
    const quiet = JSON.parse(await plan('--json'))
    assert.deepEqual(
      quiet.brokers.map(({ rack }: { rack: string }) => rack),
      racks
    )
    assert.deepEqual([quiet.together, quiet.even.replicas.most - quiet.even.replicas.least <= 1], [[], true])
    await cluster.start(5)
    const before = await replicasOf('new')
    const { rebalance, dryRun } = JSON.parse(await plan('--json'))
    const dry = await naru(['cluster', 'rebalance', '--dry-run', '--json'], cluster.bootstrap)
    assert.deepEqual(rebalance.moves, JSON.parse(dry.stdout.toString()).moves)
    assert.ok(dryRun && rebalance.moves.length > 0)
    const text = await plan()
    assert.match(text, /A dry run, made here .*the controller is broker \d\. Nothing is changed\./)
    assert.match(text, /^ +5 +\S+ +a +0 +0 +0 +0 B$/m)
    assert.match(text, /'naru cluster rebalance' would do this:[\s\S]*The plan copies/)
    assert.deepEqual(await replicasOf('new'), before)
  })

  it('takes what is left out of a new topic as the brokers have it', async () => {
    const usual = JSON.parse(await plan('--topic', 'usual', '--json'))
    const made = await naru(['topic', 'create', 'usual'], cluster.bootstrap)
    assert.equal(made.code, 0, made.stderr)
    assert.deepEqual(
      usual.partitions.map(({ replicas }: { replicas: number[] }) => replicas),
      await replicasOf('usual')
    )
  })
})
