import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type NewTopic, Topics } from '../../src/broker/topics.ts'
import { silent } from '../../src/std/log.ts'
import { OptionValues } from '../../src/std/option.ts'
import { adminWorld, make, wanted } from './admin-world.ts'

const none = { numPartitions: -1, replicationFactor: -1 }
const assigned = (...replicas: number[][]) =>
  ({ ...none, assignments: replicas.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })) }) as const

describe('making a topic', () => {
  it('makes it with what was asked', async () => {
    const { topics, control } = await adminWorld()
    const configs = [{ name: 'retention.ms', value: '1000' }]
    const [made] = await topics.create([wanted('orders', { numPartitions: 3, configs })], false)
    const topic = control.image.topic('orders')
    assert.deepEqual(made, {
      name: 'orders',
      topicId: topic?.topicId,
      numPartitions: 3,
      replicationFactor: 1,
      configs: { 'retention.ms': '1000' }
    })
    assert.deepEqual(topic?.configs, { 'retention.ms': '1000' })
    assert.deepEqual(
      topic?.partitions.map(({ leader, replicas, isr }) => ({ leader, replicas, isr })),
      Array.from({ length: 3 }, () => ({ leader: 1, replicas: [1], isr: [1] }))
    )
  })

  it('takes what was left open from the options', async () => {
    const { topics } = await adminWorld({ 'num.partitions': '4', 'default.replication.factor': '2' }, [2, 3])
    const [made] = await topics.create([wanted('orders', none)], false)
    assert.equal(made.error, undefined)
    assert.deepEqual([made.error ?? made.numPartitions, made.error ?? made.replicationFactor], [4, 2])
  })

  it('spreads leaders and replicas over the brokers, from topic to topic too', async () => {
    const { topics, control } = await adminWorld({}, [2, 3])
    await topics.create([wanted('a', { numPartitions: 4, replicationFactor: 2 }), wanted('b')], false)
    const replicas = (name: string) => control.image.topic(name)?.partitions.map(partition => partition.replicas)
    assert.deepEqual(replicas('a'), [
      [1, 2],
      [3, 1],
      [2, 3],
      [1, 3]
    ])
    assert.deepEqual(replicas('b'), [[2]])
  })

  it('spreads leaders of topics that are made one after the other by any broker', async () => {
    const world = await adminWorld({}, [2, 3])
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      // Every broker makes topics, and so does one that has just been started.
      const topics = new Topics({ control: world.control, values: new OptionValues({}), logger: silent })
      await topics.create([wanted(name, { numPartitions: 1, replicationFactor: 1 })], false)
    }
    const leaders = [...world.control.image.topics()].map(({ partitions }) => partitions[0].leader)
    assert.deepEqual(leaders, [1, 2, 3, 1, 2, 3])
    await world.topics.delete([{ name: 'b', topicId: undefined }])
    await make(world, 'g')
    assert.equal(world.control.image.topic('g')?.partitions[0].leader, 2, 'who leads least now')
  })

  it('only says what would be made when it is to validate', async () => {
    const { topics, control } = await adminWorld()
    const made = await topics.create([wanted('orders'), wanted('bad name')], true)
    assert.deepEqual(
      made.map(({ error }) => error),
      [undefined, 'INVALID_TOPIC_EXCEPTION']
    )
    assert.equal(control.image.topic('orders'), undefined)
    await make({ topics } as never, 'orders')
  })

  it('takes assignments that the client chose', async () => {
    const { topics, control } = await adminWorld({}, [2, 3])
    await topics.create([wanted('orders', assigned([3, 1], [2, 3]))], false)
    const [first, second] = control.image.topic('orders')?.partitions ?? []
    assert.deepEqual([first.replicas, first.leader, second.replicas, second.leader], [[3, 1], 3, [2, 3], 2])
  })

  const refused: [string, Partial<NewTopic>, string, RegExp][] = [
    ['', {}, 'INVALID_TOPIC_EXCEPTION', /^Topic name is invalid: the empty string is not allowed$/],
    ['.', {}, 'INVALID_TOPIC_EXCEPTION', /^Topic name is invalid: '.' is not allowed$/],
    ['..', {}, 'INVALID_TOPIC_EXCEPTION', /'\.\.' is not allowed$/],
    ['a b', {}, 'INVALID_TOPIC_EXCEPTION', /^Topic name is invalid: 'a b' contains one or more characters other than/],
    ['나루', {}, 'INVALID_TOPIC_EXCEPTION', /ASCII alphanumerics/],
    ['a'.repeat(250), {}, 'INVALID_TOPIC_EXCEPTION', /longer than the max allowed length 249$/],
    ['there', {}, 'TOPIC_ALREADY_EXISTS', /^Topic 'there' already exists\.$/],
    ['a.b', {}, 'INVALID_TOPIC_EXCEPTION', /^Topic 'a\.b' collides with existing topic: a_b$/],
    ['__cluster_metadata', {}, 'INVALID_REQUEST', /prohibited/],
    [
      'x',
      { numPartitions: 0 },
      'INVALID_PARTITIONS',
      /^Number of partitions was set to an invalid non-positive value\.$/
    ],
    ['x', { numPartitions: -2 }, 'INVALID_PARTITIONS', /non-positive/],
    ['x', { numPartitions: 2_147_483_647 }, 'POLICY_VIOLATION', /^Excessively large number of partitions/],
    ['x', { replicationFactor: 0 }, 'INVALID_REPLICATION_FACTOR', /^Replication factor must be larger than 0, or -1/],
    ['x', { replicationFactor: -2 }, 'INVALID_REPLICATION_FACTOR', /larger than 0/],
    [
      'x',
      { replicationFactor: 2 },
      'INVALID_REPLICATION_FACTOR',
      /^Unable to replicate the partition 2 time\(s\): The target replication factor of 2 cannot be reached because only 1 broker\(s\) are registered or some brokers have all their log directories cordoned\.$/
    ],
    ['x', { ...assigned([1]), numPartitions: 1 }, 'INVALID_REQUEST', /numPartitions was not set to -1\.$/],
    ['x', { ...assigned([1]), replicationFactor: 1 }, 'INVALID_REQUEST', /replication factor was not set to -1\.$/],
    ['x', assigned([7]), 'INVALID_REPLICA_ASSIGNMENT', /includes broker 7, but no such broker is registered\.$/],
    ['x', assigned([1, 1]), 'INVALID_REPLICA_ASSIGNMENT', /includes the broker 1 more than once\.$/],
    ['x', assigned([]), 'INVALID_REPLICA_ASSIGNMENT', /includes an empty replica list\.$/],
    [
      'x',
      { ...none, assignments: [{ partitionIndex: 1, brokerIds: [1] }] },
      'INVALID_REPLICA_ASSIGNMENT',
      /consecutive 0-based integer sequence/
    ],
    [
      'x',
      { ...none, assignments: [0, 0].map(partitionIndex => ({ partitionIndex, brokerIds: [1] })) },
      'INVALID_REPLICA_ASSIGNMENT',
      /^Found multiple manual partition assignments for partition 0$/
    ],
    ['x', { configs: [{ name: 'nope', value: '1' }] }, 'INVALID_CONFIG', /^Unknown topic config name: nope$/],
    [
      'x',
      { configs: [{ name: 'retention.ms', value: 'soon' }] },
      'INVALID_CONFIG',
      /^Invalid value soon for configuration retention\.ms: Not a number of type LONG$/
    ],
    [
      'x',
      { configs: [{ name: 'retention.ms', value: null }] },
      'INVALID_CONFIG',
      /^Null value not supported for topic configs: retention\.ms$/
    ],
    [
      'x',
      { configs: [{ name: 'cleanup.policy', value: 'shrink' }] },
      'INVALID_CONFIG',
      /must be one of: compact, delete/
    ]
  ]
  for (const [name, more, code, message] of refused)
    it(`refuses ${name.slice(0, 20)} ${JSON.stringify(more)} as ${code}`, async () => {
      const world = await adminWorld()
      await make(world, 'there', 'a_b')
      const before = [...world.control.image.topics()].length
      const [outcome, other] = await world.topics.create([wanted(name, more), wanted('fine')], false)
      assert.equal(outcome.error, code)
      assert.match(outcome.error ? outcome.message : '', message)
      assert.equal(other.error, undefined, 'others of the request are made')
      assert.equal([...world.control.image.topics()].length, before + 1)
    })

  it('refuses a name that comes twice, once, and makes the others', async () => {
    const { topics } = await adminWorld()
    const made = await topics.create([wanted('a'), wanted('b'), wanted('a')], false)
    assert.deepEqual(
      made.map(({ name, error }) => [name, error]),
      [
        ['b', undefined],
        ['a', 'INVALID_REQUEST']
      ]
    )
  })

  it('refuses names of one request, and of requests at the same time, that differ only by . and _', async () => {
    const { topics } = await adminWorld()
    const outcomes = await Promise.all([
      topics.create([wanted('a.b'), wanted('a_b')], false),
      topics.create([wanted('a_b')], false)
    ])
    assert.deepEqual(
      outcomes.flat().map(({ name, error }) => [name, error]),
      [
        ['a.b', undefined],
        ['a_b', 'INVALID_TOPIC_EXCEPTION'],
        ['a_b', 'INVALID_TOPIC_EXCEPTION']
      ]
    )
  })

  it('gives a name free again with its topic, and when making it fails', async () => {
    const world = await adminWorld()
    await make(world, 'a.b')
    await world.topics.delete([{ name: 'a.b', topicId: undefined }])
    const twice = await Promise.all([
      world.topics.create([wanted('a_b')], false),
      world.topics.create([wanted('a_b')], false)
    ])
    assert.deepEqual(
      twice
        .flat()
        .map(({ error }) => error)
        .sort(),
      ['TOPIC_ALREADY_EXISTS', undefined]
    )
    await world.topics.delete([{ name: 'a_b', topicId: undefined }])
    await make(world, 'a.b')
  })
})

describe('making a topic automatically', () => {
  it('makes it once for all that ask at the same time', async () => {
    const { topics, control } = await adminWorld({ 'num.partitions': '2' })
    const errors = await Promise.all(['a', 'a', 'b'].map(name => topics.autoCreate(name)))
    assert.deepEqual(errors, [undefined, undefined, undefined])
    assert.equal(control.image.topic('a')?.partitions.length, 2)
  })

  it("doesn't make what is the broker's own", async () => {
    const { topics } = await adminWorld()
    assert.equal(await topics.autoCreate('__transaction_state'), 'UNKNOWN_TOPIC_OR_PARTITION')
  })
})

describe('deleting topics', () => {
  it('deletes by name and by id', async () => {
    const world = await adminWorld()
    await make(world, 'a', 'b', 'c')
    const id = (name: string) => world.control.image.topic(name)?.topicId
    const [a, b] = [id('a'), id('b')]
    const deleted = await world.topics.delete([
      { name: 'a', topicId: undefined },
      { name: null, topicId: b }
    ])
    assert.deepEqual(deleted, [
      { name: 'b', topicId: b },
      { name: 'a', topicId: a }
    ])
    assert.deepEqual(
      [...world.control.image.topics()].map(({ name }) => name),
      ['c']
    )
  })

  it('refuses what is unknown, unclear or named twice', async () => {
    const world = await adminWorld()
    await make(world, 'a', 'b', 'c')
    const id = (name: string) => world.control.image.topic(name)?.topicId
    const unknown = 'AAAAAAAAAAAAAAAAAAAAAQ'
    const outcomes = await world.topics.delete([
      { name: 'gone', topicId: undefined },
      { name: null, topicId: unknown },
      { name: null, topicId: undefined },
      { name: 'a', topicId: id('a') },
      { name: 'b', topicId: undefined },
      { name: 'b', topicId: undefined },
      { name: 'c', topicId: undefined },
      { name: null, topicId: id('c') }
    ])
    assert.deepEqual(
      outcomes.map(({ name, error, message }) => [name, error, message]),
      [
        [null, 'INVALID_REQUEST', 'Neither topic name nor id were specified.'],
        ['a', 'INVALID_REQUEST', 'You may not specify both topic name and topic id.'],
        ['b', 'INVALID_REQUEST', 'Duplicate topic name.'],
        [null, 'UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.'],
        ['gone', 'UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.'],
        ['c', 'INVALID_REQUEST', 'The provided topic name maps to an ID that was already supplied.']
      ]
    )
    assert.equal([...world.control.image.topics()].length, 3)
  })

  it('is refused where it is switched off', async () => {
    const { topics } = await adminWorld({ 'delete.topic.enable': 'false' })
    await assert.rejects(topics.delete([{ name: 'a', topicId: undefined }]), { code: 'TOPIC_DELETION_DISABLED' })
  })

  it('brings the offsets topic back empty', async () => {
    const { topics, control } = await adminWorld()
    await topics.ensureInternalTopics()
    const before = control.image.topic('__consumer_offsets')
    await topics.delete([{ name: '__consumer_offsets', topicId: undefined }])
    const after = control.image.topic('__consumer_offsets')
    assert.ok(before && after)
    assert.notEqual(after.topicId, before.topicId)
  })
})

describe('adding partitions', () => {
  it('adds them', async () => {
    const world = await adminWorld({}, [2])
    await make(world, 'a')
    const outcome = await world.topics.addPartitions([{ name: 'a', count: 3, assignments: null }], false)
    assert.deepEqual(outcome, [{ name: 'a' }])
    assert.deepEqual(
      world.control.image.topic('a')?.partitions.map(({ leader }) => leader),
      [1, 2, 1]
    )
  })

  it('only checks when it is to validate', async () => {
    const world = await adminWorld()
    await make(world, 'a')
    assert.deepEqual(await world.topics.addPartitions([{ name: 'a', count: 3, assignments: null }], true), [
      { name: 'a' }
    ])
    assert.equal(world.control.image.topic('a')?.partitions.length, 1)
  })

  it('takes assignments that the client chose', async () => {
    const world = await adminWorld({}, [2])
    await make(world, 'a')
    const assignments = [{ brokerIds: [2] }, { brokerIds: [2] }]
    assert.deepEqual(await world.topics.addPartitions([{ name: 'a', count: 3, assignments }], false), [{ name: 'a' }])
    assert.deepEqual(
      world.control.image.topic('a')?.partitions.map(({ leader }) => leader),
      [1, 2, 2]
    )
  })

  const refused: [number, number[][] | null, string, RegExp][] = [
    [1, null, 'INVALID_PARTITIONS', /^Topic already has 1 partition\(s\)\.$/],
    [0, null, 'INVALID_PARTITIONS', /^The topic a currently has 1 partition\(s\); 0 would not be an increase\.$/],
    [
      3,
      [[1]],
      'INVALID_REPLICA_ASSIGNMENT',
      /add 2 additional partition\(s\), but only 1 assignment\(s\) were specified\.$/
    ],
    [2, [[7]], 'INVALID_REPLICA_ASSIGNMENT', /no such broker is registered\.$/],
    [2, [[1, 2]], 'INVALID_REPLICA_ASSIGNMENT', /a partition with 2 replica\(s\), but this is not consistent/],
    [2_147_483_647, null, 'POLICY_VIOLATION', /^Excessively large number of partitions/]
  ]
  for (const [count, replicas, code, message] of refused)
    it(`refuses ${count} partitions on ${JSON.stringify(replicas)} as ${code}`, async () => {
      const world = await adminWorld({}, [2])
      await make(world, 'a')
      const assignments = replicas?.map(brokerIds => ({ brokerIds })) ?? null
      const [outcome] = await world.topics.addPartitions([{ name: 'a', count, assignments }], false)
      assert.equal(outcome.error, code)
      assert.match(outcome.message ?? '', message)
    })

  it('refuses a topic that is unknown or comes twice', async () => {
    const world = await adminWorld()
    await make(world, 'a')
    const more = (name: string) => ({ name, count: 2, assignments: null })
    const outcomes = await world.topics.addPartitions([more('a'), more('b'), more('a')], false)
    assert.deepEqual(
      outcomes.map(({ name, error }) => [name, error]),
      [
        ['a', 'INVALID_REQUEST'],
        ['b', 'UNKNOWN_TOPIC_OR_PARTITION']
      ]
    )
  })
})

describe('internal topics', () => {
  it('are there once the broker has started, and stay as they are', async () => {
    const { topics, control } = await adminWorld({ 'offsets.topic.num.partitions': '5' })
    await topics.ensureInternalTopics()
    const topic = control.image.topic('__consumer_offsets')
    assert.equal(topic?.partitions.length, 5)
    assert.deepEqual(topic?.partitions[0].replicas, [1])
    assert.equal(topic?.configs['cleanup.policy'], 'compact')
    await topics.ensureInternalTopics()
    assert.equal(control.image.topic('__consumer_offsets'), topic)
  })
})
