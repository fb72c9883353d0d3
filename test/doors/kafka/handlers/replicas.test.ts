import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { alterPartitionReassignments } from '../../../../src/doors/kafka/handlers/alter-partition-reassignments.ts'
import { alterReplicaLogDirs } from '../../../../src/doors/kafka/handlers/alter-replica-log-dirs.ts'
import { describeLogDirs } from '../../../../src/doors/kafka/handlers/describe-log-dirs.ts'
import { describeProducers } from '../../../../src/doors/kafka/handlers/describe-producers.ts'
import { electLeaders } from '../../../../src/doors/kafka/handlers/elect-leaders.ts'
import { listConfigResources } from '../../../../src/doors/kafka/handlers/list-config-resources.ts'
import { listPartitionReassignments } from '../../../../src/doors/kafka/handlers/list-partition-reassignments.ts'
import { errorOfNumber } from '../../../../src/wire/kafka/errors.ts'
import { AlterPartitionReassignments } from '../../../../src/wire/kafka/messages/alter-partition-reassignments.ts'
import { AlterReplicaLogDirs } from '../../../../src/wire/kafka/messages/alter-replica-log-dirs.ts'
import { DescribeLogDirs } from '../../../../src/wire/kafka/messages/describe-log-dirs.ts'
import { DescribeProducers } from '../../../../src/wire/kafka/messages/describe-producers.ts'
import { ElectLeaders } from '../../../../src/wire/kafka/messages/elect-leaders.ts'
import { ListConfigResources } from '../../../../src/wire/kafka/messages/list-config-resources.ts'
import { ListPartitionReassignments } from '../../../../src/wire/kafka/messages/list-partition-reassignments.ts'
import { adminWorld, make, wanted } from '../../../broker/admin-world.ts'
import { batch, openWorld, produce, put, type World } from '../../../broker/world.ts'
import { eachVersion } from './each-version.ts'

let world: World

before(async () => {
  world = await openWorld()
  await world.topic('a', 2)
  await world.topic('b')
  await put(world, 'a', 1, 'some', 'records')
})

after(() => world.close())

const asked = [
  { topic: 'a', partitions: [1, 7] },
  { topic: 'nope', partitions: [0] }
]

describe('where logs lie', () => {
  eachVersion(describeLogDirs, async version => {
    const { errorCode, results } = await world.ask(describeLogDirs, DescribeLogDirs, version, { topics: asked })
    const size = world.partition('a', 1).log.sizeBytes
    assert.ok(size > 0)
    assert.equal(errorCode, 0)
    const [{ topics, ...dir }] = results
    assert.deepEqual(dir, { errorCode: 0, logDir: '/data', totalBytes: -1, usableBytes: -1, isCordoned: false })
    const partitions = [{ partitionIndex: 1, partitionSize: size, offsetLag: 0, isFutureKey: false }]
    assert.deepEqual(topics, [{ name: 'a', partitions }])
    const all = await world.ask(describeLogDirs, DescribeLogDirs, version, { topics: null })
    assert.deepEqual(
      all.results[0].topics.map(({ name, partitions }) => [name, partitions.length]),
      [
        ['__consumer_offsets', 1],
        ['a', 2],
        ['b', 1]
      ]
    )
    const none = await world.ask(describeLogDirs, DescribeLogDirs, version, { topics: [] })
    assert.deepEqual(none.results[0].topics, [])
  })

  eachVersion(alterReplicaLogDirs, async version => {
    const to = async (path: string) => {
      const dirs = [{ path, topics: asked.map(({ topic, partitions }) => ({ name: topic, partitions })) }]
      const { results } = await world.ask(alterReplicaLogDirs, AlterReplicaLogDirs, version, { dirs })
      return results.map(({ topicName, partitions }) => [topicName, ...partitions.map(({ errorCode }) => errorCode)])
    }
    assert.deepEqual(await to('/data'), [
      ['a', 0, 3],
      ['nope', 3]
    ])
    assert.deepEqual(await to('/elsewhere'), [
      ['a', 57, 57],
      ['nope', 57]
    ])
  })
})

describe('what has configs', () => {
  eachVersion(listConfigResources, async version => {
    const admin = await adminWorld()
    await make(admin, 'a', 'b')
    const list = async (...resourceTypes: number[]) => {
      const request = version === 0 ? {} : { resourceTypes }
      const answer = await admin.ask(listConfigResources, ListConfigResources, version, request)
      return answer.errorCode || answer.configResources.map(({ resourceName }) => resourceName)
    }
    assert.deepEqual(await list(), version === 0 ? [] : ['1', '1', 'a', 'b'])
    if (version === 0) return
    assert.deepEqual(await list(2), ['a', 'b'])
    assert.deepEqual(await list(4), ['1'])
    assert.deepEqual(await list(8), ['1'])
    assert.deepEqual(await list(16, 32), [])
    assert.equal(await list(2, 3), 35)
  })
})

describe('the producers of a partition', () => {
  it('are told with what they wrote last', async () => {
    await world.topic('written')
    const write = (baseSequence: number, values: string[]) =>
      produce(world, 'written', 0, batch(values, { producerId: 9, producerEpoch: 2, baseSequence }))
    await write(0, ['x', 'y'])
    await write(2, ['z'])
    await put(world, 'written', 0, 'of nobody')
    const topics = [
      { name: 'written', partitionIndexes: [0, 3] },
      { name: 'nope', partitionIndexes: [0] },
      { name: 'a b', partitionIndexes: [0] }
    ]
    const answer = await world.ask(describeProducers, DescribeProducers, 0, { topics })
    const [[written, missing], [nope], [invalid]] = answer.topics.map(({ partitions }) => partitions)
    assert.deepEqual(written, {
      partitionIndex: 0,
      errorCode: 0,
      errorMessage: null,
      activeProducers: [
        {
          producerId: 9,
          producerEpoch: 2,
          lastSequence: 2,
          lastTimestamp: world.clock.now(),
          coordinatorEpoch: -1,
          currentTxnStartOffset: -1
        }
      ]
    })
    assert.deepEqual([missing.errorCode, nope.errorCode, invalid.errorCode], [3, 3, 17])
    assert.equal(nope.errorMessage, 'This server does not host this topic-partition.')
  })
})

describe('elections', () => {
  eachVersion(electLeaders, async version => {
    const elect = async (topicPartitions: typeof asked | null, electionType = 0) => {
      const request = { topicPartitions, timeoutMs: 1000, ...(version >= 1 && { electionType }) }
      const answer = await world.ask(electLeaders, ElectLeaders, version, request)
      return answer.replicaElectionResults.map(({ topic, partitionResult }) => [
        topic,
        ...partitionResult.map(({ errorCode }) => errorOfNumber(errorCode))
      ])
    }
    const expected = [
      ['a', 'ELECTION_NOT_NEEDED', 'UNKNOWN_TOPIC_OR_PARTITION'],
      ['nope', 'UNKNOWN_TOPIC_OR_PARTITION']
    ]
    assert.deepEqual(await elect(asked), expected)
    assert.deepEqual((await elect(null)).slice(0, 2), [['__consumer_offsets'], ['a']])
    if (version >= 1) assert.deepEqual(await elect(asked, 1), expected)
    const admin = await adminWorld()
    const refused = await admin.ask(electLeaders, ElectLeaders, Math.max(version, 1), {
      electionType: 5,
      topicPartitions: asked,
      timeoutMs: 1
    })
    assert.deepEqual([refused.errorCode, refused.replicaElectionResults[0].partitionResult[0].errorCode], [42, 42])
  })
})

describe('reassignments', () => {
  eachVersion(alterPartitionReassignments, async version => {
    const admin = await adminWorld({}, [2])
    await admin.topics.create(
      [wanted('a', { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] })],
      false
    )
    const assign = async (
      replicas: number[] | null,
      more: { name?: string; allowReplicationFactorChange?: boolean } = {}
    ) => {
      const { name = 'a', ...flags } = more
      const { responses } = await admin.ask(alterPartitionReassignments, AlterPartitionReassignments, version, {
        timeoutMs: 1000,
        topics: [{ name, partitions: [{ partitionIndex: 0, replicas }] }],
        ...(version >= 1 && flags)
      })
      return errorOfNumber(responses[0].partitions[0].errorCode)
    }
    assert.equal(await assign([1]), undefined)
    assert.equal(await assign(null), 'NO_REASSIGNMENT_IN_PROGRESS')
    for (const replicas of [[], [1, 1], [9]])
      assert.equal(await assign(replicas), 'INVALID_REPLICA_ASSIGNMENT', `to ${replicas}`)
    assert.equal(await assign([1], { name: 'nope' }), 'UNKNOWN_TOPIC_OR_PARTITION')
    if (version >= 1)
      assert.equal(await assign([1, 2], { allowReplicationFactorChange: false }), 'INVALID_REPLICATION_FACTOR')
    const { image } = admin.control
    assert.deepEqual(image.topic('a')?.partitions[0].replicas, [1])
    assert.equal(await assign([1, 2]), undefined)
    if (version >= 1)
      assert.equal(await assign([2], { allowReplicationFactorChange: false }), 'INVALID_REPLICATION_FACTOR')
    assert.equal(await assign([2]), undefined)
    const { replicas, adding, removing } = image.topic('a')!.partitions[0]
    assert.deepEqual({ replicas, adding, removing }, { replicas: [2, 1], adding: [2], removing: [1] })
    assert.equal(await assign(null), undefined)
    assert.deepEqual(image.topic('a')?.partitions[0].replicas, [1])
  })

  it('are listed while they are under way: all of them, or those asked for', async () => {
    const admin = await adminWorld({}, [2])
    const assignments = [0, 1].map(partitionIndex => ({ partitionIndex, brokerIds: [1] }))
    await admin.topics.create([wanted('a', { numPartitions: -1, replicationFactor: -1, assignments })], false)
    const list = async (topics: { name: string; partitionIndexes: number[] }[] | null) =>
      (await admin.ask(listPartitionReassignments, ListPartitionReassignments, 0, { timeoutMs: 1, topics })).topics
    assert.deepEqual(await list(null), [])
    await admin.replicas.reassign([{ topic: 'a', index: 1, replicas: [2] }], true)
    const partitions = [{ partitionIndex: 1, replicas: [2, 1], addingReplicas: [2], removingReplicas: [1] }]
    assert.deepEqual(await list(null), [{ name: 'a', partitions }])
    assert.deepEqual(await list([{ name: 'a', partitionIndexes: [0, 1, 9] }]), [{ name: 'a', partitions }])
    assert.deepEqual(await list([{ name: 'a', partitionIndexes: [0] }]), [])
    assert.deepEqual(await list([{ name: 'nope', partitionIndexes: [0] }]), [])
  })

  it('of one partition, asked for twice, are carried out one after the other', async () => {
    const admin = await adminWorld({}, [2])
    await admin.topics.create(
      [wanted('a', { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] })],
      false
    )
    const asked = [[2], null, null].map(replicas => ({ topic: 'a', index: 0, replicas }))
    const errors = await admin.replicas.reassign(asked, true)
    assert.deepEqual(
      errors.map(error => error?.code),
      [undefined, undefined, 'NO_REASSIGNMENT_IN_PROGRESS']
    )
  })
})
