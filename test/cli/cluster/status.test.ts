import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { partitionStatus } from '../../../src/cli/cluster/status-view.ts'
import { type RunningCluster, startCluster } from '../../../src/index.ts'
import { naru } from '../support.ts'

describe('what is wrong with a partition', () => {
  const states = (leader: number, isr: number[], needed = 2, replicas = [1, 2, 3]) =>
    partitionStatus('t', { index: 0, leader, leaderEpoch: 0, replicas, isr }, needed).states

  it('is told as Kafka counts it', () => {
    assert.deepEqual(states(1, [1, 2, 3]), [])
    assert.deepEqual(states(2, [1, 2, 3]), ['not on its preferred leader'])
    assert.deepEqual(states(1, [1, 2]), ['at min ISR', 'under-replicated'])
    assert.deepEqual(states(1, [1]), ['under min ISR', 'under-replicated'])
    assert.deepEqual(states(-1, []), ['offline', 'under min ISR', 'under-replicated'])
    assert.deepEqual(states(1, [1, 2], 5, [1, 2]), [], 'no more can be asked than there are replicas')
    assert.deepEqual(states(1, [1], 1, [1]), [])
  })
})

describe('naru cluster status', () => {
  let cluster: RunningCluster

  before(async () => {
    cluster = await startCluster({
      racks: ['a', 'b', 'c'],
      config: { 'offsets.topic.num.partitions': 1, 'broker.session.timeout.ms': 1000, 'min.insync.replicas': 2 }
    })
    const made = await naru(['topic', 'create', 'orders', '--partitions', '3'], cluster.bootstrap)
    assert.equal(made.code, 0, made.stderr)
  })

  after(() => cluster.close())

  const status = async (...flags: string[]) => {
    const ran = await naru(['cluster', 'status', '--json', ...flags], cluster.bootstrap)
    return { code: ran.code, stderr: ran.stderr, ...JSON.parse(ran.stdout.toString()) }
  }

  it('shows brokers, racks and leaders of a cluster that is well', async () => {
    const { code, brokers, counts, affected, partitions, topics, controller } = await status('--check')
    assert.equal(code, 0)
    assert.deepEqual(
      brokers.map((broker: Record<string, unknown>) => [broker.broker, broker.rack, broker.state, broker.replicas]),
      [
        [1, 'a', 'up', 4],
        [2, 'b', 'up', 4],
        [3, 'c', 'up', 4]
      ]
    )
    assert.equal(
      brokers.reduce((sum: number, { leads }: { leads: number }) => sum + leads, 0),
      4
    )
    assert.deepEqual([partitions, topics, affected], [4, 2, []])
    assert.equal(counts['under-replicated'], 0)
    assert.ok([1, 2, 3].includes(controller))
    const { stdout } = await naru(['cluster', 'status'], cluster.bootstrap)
    assert.match(stdout.toString(), /4 partitions of 2 topics: all are as they should be\./)
  })

  it('tells of brokers that are gone, and says by its exit code how bad it is', async () => {
    const [, second, third] = cluster.brokers()
    await third.kill()
    let seen = await status('--check')
    for (let attempt = 0; attempt < 50 && seen.counts['at min ISR'] < 4; attempt++) seen = await status('--check')
    assert.equal(seen.code, 4)
    assert.equal(seen.brokers[2].state, 'gone')
    assert.deepEqual([seen.counts['at min ISR'], seen.counts['under-replicated'], seen.counts.offline], [4, 4, 0])
    await second.kill()
    for (let attempt = 0; attempt < 50 && seen.counts['under min ISR'] < 4; attempt++) seen = await status('--check')
    assert.equal(seen.code, 1)
    const { code, stdout } = await naru(['cluster', 'status'], cluster.bootstrap)
    assert.equal(code, 0, 'without --check it only tells')
    assert.match(stdout.toString(), /4 under min ISR/)
    assert.match(stdout.toString(), /orders\s+0\s+1\s+/)
  })

  it('lists groups of the brokers that can be asked', async () => {
    const ran = await naru(['group', 'list'], cluster.bootstrap)
    assert.equal(ran.code, 0, ran.stderr)
  })
})
