import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AdminWorld, adminWorld, make, refuses, wanted } from './admin-world.ts'

const named = (name: string) => ({ name })

describe('the cluster', () => {
  it('is its brokers that clients can reach', async () => {
    const { cluster, control } = await adminWorld({}, [2])
    const { clusterId, controllerId, brokers } = cluster.describe()
    assert.equal(clusterId, control.image.clusterId)
    assert.equal(controllerId, 1)
    assert.deepEqual(brokers, [
      { nodeId: 1, host: 'naru', port: 9092, rack: undefined },
      { nodeId: 2, host: 'naru', port: 9094, rack: undefined }
    ])
  })
})

describe('finding topics', () => {
  it('gives each once, in the order asked, by name or id', async () => {
    const world = await adminWorld()
    await make(world, 'a', 'b')
    const topicId = world.control.image.topic('b')?.topicId ?? ''
    const found = await world.cluster.findTopics([named('b'), named('a'), { topicId }, named('a')], false)
    assert.deepEqual(
      found.map(({ name }) => name),
      ['b', 'a']
    )
    assert.deepEqual(found[0], {
      name: 'b',
      topicId,
      internal: false,
      partitions: [
        {
          error: undefined,
          index: 0,
          leader: 1,
          leaderEpoch: found[0].partitions[0].leaderEpoch,
          replicas: [1],
          isr: [1],
          elr: [],
          lastKnownElr: [],
          offline: []
        }
      ]
    })
  })

  it('makes what is missing where client and broker allow it, ready to be written to', async () => {
    const { cluster } = await adminWorld({ 'num.partitions': '2' })
    const [first] = await cluster.findTopics([named('new')], false)
    assert.deepEqual([first.error, first.topicId], ['UNKNOWN_TOPIC_OR_PARTITION', undefined])
    const [made] = await cluster.findTopics([named('new')], true)
    assert.equal(made.error, undefined)
    assert.deepEqual(
      made.partitions.map(({ error, leader }) => [error, leader]),
      [
        [undefined, 1],
        [undefined, 1]
      ]
    )
    const off = await adminWorld({ 'auto.create.topics.enable': 'false' })
    assert.equal((await off.cluster.findTopics([named('new')], true))[0].error, 'UNKNOWN_TOPIC_OR_PARTITION')
  })

  it('says why a topic can not be found or made', async () => {
    const world = await adminWorld({ 'default.replication.factor': '2' })
    await world.topics.create([wanted('a_b')], false)
    const unknown = 'AAAAAAAAAAAAAAAAAAAAAQ'
    const found = await world.cluster.findTopics(
      [named('a b'), named('a.b'), named('fine'), named(''), { topicId: unknown }],
      true
    )
    assert.deepEqual(
      found.map(({ name, error }) => [name, error]),
      [
        ['a b', 'INVALID_TOPIC_EXCEPTION'],
        ['a.b', 'INVALID_TOPIC_EXCEPTION'],
        ['fine', 'INVALID_REPLICATION_FACTOR'],
        ['', 'INVALID_TOPIC_EXCEPTION'],
        [undefined, 'UNKNOWN_TOPIC_ID']
      ]
    )
  })

  it('tells that the leader is away', async () => {
    const world = await adminWorld({}, [2])
    const assignments = [{ partitionIndex: 0, brokerIds: [2, 1] }]
    await world.topics.create([wanted('a', { numPartitions: -1, replicationFactor: -1, assignments })], false)
    const leader = world.control.image.brokers().filter(({ nodeId }) => nodeId === 1)
    const image = Object.create(world.control.image, { brokers: { value: () => leader } })
    const { Cluster } = await import('../../src/broker/cluster.ts')
    const { Partitions } = await import('../../src/broker/partitions.ts')
    const { silent } = await import('../../src/std/log.ts')
    const { ManualClock } = await import('../../src/std/clock.ts')
    const { OptionValues } = await import('../../src/std/option.ts')
    const cluster = new Cluster({
      control: { ...world.control, image },
      partitions: new Partitions(silent),
      topics: world.topics,
      values: new OptionValues(),
      clock: new ManualClock()
    })
    const [{ partitions }] = cluster.allTopics()
    assert.deepEqual(
      [partitions[0].error, partitions[0].leader, partitions[0].offline],
      ['LEADER_NOT_AVAILABLE', -1, [2]]
    )
  })

  it("marks the broker's own topics", async () => {
    const { topics, cluster } = await adminWorld()
    await topics.ensureInternalTopics()
    assert.deepEqual(
      cluster.allTopics().map(({ name, internal }) => [name, internal]),
      [['__consumer_offsets', true]]
    )
  })
})

describe('describing partitions', () => {
  const withTopics = async (): Promise<AdminWorld> => {
    const world = await adminWorld()
    await world.topics.create(
      [wanted('a', { numPartitions: 3 }), wanted('b', { numPartitions: 2 }), wanted('c')],
      false
    )
    return world
  }
  const brief = ({ topics, next }: ReturnType<AdminWorld['cluster']['describePartitions']>) => [
    topics.map(({ name, error, partitions }) => error ?? `${name}:${partitions.map(({ index }) => index)}`).join(' '),
    next && `${next.topicName}:${next.partitionIndex}`
  ]

  it('goes through all topics page by page', async () => {
    const { cluster } = await withTopics()
    assert.deepEqual(brief(cluster.describePartitions([], null, 2)), ['a:0,1', 'a:2'])
    assert.deepEqual(brief(cluster.describePartitions([], { topicName: 'a', partitionIndex: 2 }, 2)), [
      'a:2 b:0',
      'b:1'
    ])
    assert.deepEqual(brief(cluster.describePartitions([], { topicName: 'b', partitionIndex: 1 }, 2)), [
      'b:1 c:0',
      undefined
    ])
    assert.deepEqual(brief(cluster.describePartitions([], null, 3)), ['a:0,1,2', 'b:0'])
    assert.deepEqual(brief(cluster.describePartitions([], null, 0)), ['a:0', 'a:1'], 'at least one')
  })

  it('takes topics by name, in order of names, and tells which are unknown', async () => {
    const { cluster } = await withTopics()
    assert.deepEqual(brief(cluster.describePartitions(['c', 'a', 'x', 'a'], null, 100)), [
      'a:0,1,2 c:0 UNKNOWN_TOPIC_OR_PARTITION',
      undefined
    ])
  })

  it("keeps to the broker's limit", async () => {
    const world = await adminWorld({ 'max.request.partition.size.limit': '1' })
    await world.topics.create([wanted('a', { numPartitions: 3 })], false)
    assert.deepEqual(brief(world.cluster.describePartitions([], null, 100)), ['a:0', 'a:1'])
  })

  it('refuses cursors that do not fit', async () => {
    const { cluster } = await withTopics()
    const at = (topicName: string, partitionIndex: number) => ({ topicName, partitionIndex })
    refuses(
      () => cluster.describePartitions(['a'], at('b', 0), 9),
      'INVALID_REQUEST',
      /should contain the cursor topic: b$/
    )
    refuses(
      () => cluster.describePartitions(['a'], at('a', -1), 9),
      'INVALID_REQUEST',
      /cursor partition must be valid/
    )
  })
})
