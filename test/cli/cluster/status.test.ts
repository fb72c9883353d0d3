import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { partitionStatus, statusOf } from '../../../src/cli/cluster/status-view.ts'
import { type RunningCluster, startCluster } from '../../../src/index.ts'
import { version } from '../../../src/run/version.ts'
import { ManualClock } from '../../../src/std/clock.ts'
import { ApiVersions } from '../../../src/wire/kafka/messages/api-versions.ts'
import { DescribeConfigs } from '../../../src/wire/kafka/messages/describe-configs.ts'
import { Metadata } from '../../../src/wire/kafka/messages/metadata.ts'
import { FakeBrokers } from '../../client/fake-broker.ts'
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

describe('what a cluster says of itself', () => {
  const fakes = (...topics: { name: string; leaders: number[] }[]) => {
    const brokers = new FakeBrokers(2).on(DescribeConfigs, ({ resources }) => ({
      results: resources.map(({ resourceType, resourceName }) => ({
        errorCode: 0,
        errorMessage: null,
        resourceType,
        resourceName,
        configs: []
      }))
    }))
    brokers.topics = topics
    return brokers
  }

  it('is told as it is when a broker that hangs has been waited for', async () => {
    const clock = new ManualClock()
    const brokers = fakes({ name: 't', leaders: [2] })
    const answer = brokers.handlers.get(ApiVersions.key)!.handle as () => never
    brokers.on(ApiVersions, (_, node) => (node === 2 ? 'silence' : answer()))
    const cluster = brokers.cluster(clock)
    await cluster.fetchTopics([])
    const told = statusOf(cluster)
    for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
    brokers.topics = [{ name: 't', leaders: [1] }]
    clock.advance(10_000)
    const { brokers: seen, counts } = await told
    assert.deepEqual(
      seen.map(({ broker, state, leads }) => [broker, state, leads]),
      [
        [1, 'up', 1],
        [2, 'unreachable', 0]
      ]
    )
    assert.match(seen[1].error ?? '', /did not answer ApiVersions within 10000 ms/)
    assert.equal(counts.offline, 0)
    cluster.close()
  })

  it('names the worst first', async () => {
    const topic = (name: string, isInternal: boolean, ...isrs: number[][]) => ({
      errorCode: 0,
      name,
      isInternal,
      partitions: isrs.map((isrNodes, partitionIndex) => ({
        errorCode: 0,
        partitionIndex,
        leaderId: isrNodes[0] ?? -1,
        replicaNodes: [1, 2],
        isrNodes
      }))
    })
    const brokers = fakes().on(Metadata, () => ({
      brokers: [{ nodeId: 1, host: 'fake', port: 1, rack: null }],
      controllerId: 1,
      topics: [topic('__of-its-own', true, [1], [1, 2], []), topic('orders', false, [2, 1], [1])]
    }))
    const cluster = brokers.cluster(new ManualClock())
    await cluster.fetchTopics([])
    const { affected } = await statusOf(cluster)
    assert.deepEqual(
      affected.map(({ topic, partition, states }) => [topic, partition, states[0]]),
      [
        ['__of-its-own', 2, 'offline'],
        ['orders', 1, 'at min ISR'],
        ['__of-its-own', 0, 'at min ISR'],
        ['orders', 0, 'not on its preferred leader']
      ]
    )
    cluster.close()
  })
})

describe('versions of brokers', () => {
  it('are what each says of itself, and unknown where one is too old to', async () => {
    const brokers = new FakeBrokers(3).on(DescribeConfigs, ({ resources: [{ resourceType, resourceName }] }, node) => ({
      results: [
        {
          errorCode: 0,
          errorMessage: null,
          resourceType,
          resourceName,
          configs:
            node === 3 || resourceType !== 4
              ? []
              : [
                  {
                    name: 'naru.version',
                    value: `0.${node}.0`,
                    readOnly: true,
                    configSource: 5,
                    isSensitive: false,
                    synonyms: []
                  }
                ]
        }
      ]
    }))
    const cluster = brokers.cluster(new ManualClock())
    await cluster.fetchTopics([])
    const { brokers: seen } = await statusOf(cluster)
    assert.deepEqual(
      seen.map(({ version, state }) => [version, state]),
      [
        ['0.1.0', 'up'],
        ['0.2.0', 'up'],
        [null, 'up']
      ]
    )
    cluster.close()
  })
})

describe('naru cluster status', () => {
  let cluster: RunningCluster

  before(async () => {
    cluster = await startCluster({
      racks: ['a', 'b', 'c'],
      config: { 'offsets.topic.num.partitions': 1, 'broker.session.timeout.ms': 1000, 'min.insync.replicas': 2 }
    })
    const made = await naru(['topic', 'create', 'orders', '--partitions', '3', '--replicas', '3'], cluster.bootstrap)
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
      brokers.map(({ broker, rack, version, state, replicas }: Record<string, unknown>) => [
        broker,
        rack,
        version,
        state,
        replicas
      ]),
      [
        [1, 'a', version, 'up', 4],
        [2, 'b', version, 'up', 4],
        [3, 'c', version, 'up', 4]
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
    assert.match(stdout.toString(), new RegExp(`^ +1 +\\S+ +a +${version} +up `, 'm'))
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
