import { zeroUuid } from '../../../src/schema/reader.ts'
import { AlterPartitionReassignments } from '../../../src/wire/kafka/messages/alter-partition-reassignments.ts'
import { AlterReplicaLogDirs } from '../../../src/wire/kafka/messages/alter-replica-log-dirs.ts'
import { CreatePartitions } from '../../../src/wire/kafka/messages/create-partitions.ts'
import { CreateTopics } from '../../../src/wire/kafka/messages/create-topics.ts'
import { DeleteRecords } from '../../../src/wire/kafka/messages/delete-records.ts'
import { DeleteTopics } from '../../../src/wire/kafka/messages/delete-topics.ts'
import { DescribeCluster } from '../../../src/wire/kafka/messages/describe-cluster.ts'
import { DescribeLogDirs } from '../../../src/wire/kafka/messages/describe-log-dirs.ts'
import { DescribeProducers } from '../../../src/wire/kafka/messages/describe-producers.ts'
import { DescribeTopicPartitions } from '../../../src/wire/kafka/messages/describe-topic-partitions.ts'
import { ElectLeaders } from '../../../src/wire/kafka/messages/elect-leaders.ts'
import { ListPartitionReassignments } from '../../../src/wire/kafka/messages/list-partition-reassignments.ts'
import { Metadata } from '../../../src/wire/kafka/messages/metadata.ts'
import { OffsetForLeaderEpoch } from '../../../src/wire/kafka/messages/offset-for-leader-epoch.ts'
import { type Difference, type Step, step } from './step.ts'

const timeoutMs = 10_000
const topic = (name: string, numPartitions = 2, more: object = {}) => ({
  name,
  numPartitions,
  replicationFactor: 1,
  assignments: [],
  configs: [],
  ...more
})
const create = (name: string, topics: object[], ...differs: Difference[]) =>
  step(name, CreateTopics, 7, { topics, timeoutMs }, ...differs)
const grow = (name: string, topics: object[], validateOnly = false) =>
  step(name, CreatePartitions, 3, { topics, timeoutMs, validateOnly })
const lay = (partitionIndex: number, ...brokerIds: number[]) => ({ partitionIndex, brokerIds })
const chosen = (name: string, ...assignments: object[]) => topic(name, -1, { replicationFactor: -1, assignments })
const named = (...names: string[]) => names.map(name => ({ name }))
const quiet = { allowAutoTopicCreation: false }
const noId = zeroUuid
const inName = (name: string) => ({ name, topicId: noId })
const unknownId = 'AAAAAAAAAAAAAAAAAAAB8A'

/** Topics, partitions and replicas. Topics one (4 partitions in the end) and two (3) are there afterwards. */
export const adminSteps: readonly Step[] = [
  // Creating.
  create('nothing to make', []),
  step(
    'only validated',
    CreateTopics,
    7,
    { topics: [topic('one')], timeoutMs, validateOnly: true },
    {
      why: 'Kafka makes up an id that no topic will have',
      from: '"id of one"',
      to: '"no id"'
    }
  ),
  create('two topics', [topic('one'), topic('two', 3)]),
  create('the same twice in a request, and one that is there', [topic('three'), topic('three'), topic('one')]),
  create('numbers that make no sense', [
    topic('a', 0),
    topic('b', -2),
    topic('c', 1, { replicationFactor: 0 }),
    topic('d', 1, { replicationFactor: -2 }),
    topic('e', 1, { replicationFactor: 2 })
  ]),
  create('more partitions than anyone wants', [topic('many', 10_001)]),
  create('names that no topic can have', [
    topic(''),
    topic('.'),
    topic('..'),
    topic('with space'),
    topic('x'.repeat(250)),
    topic('__cluster_metadata')
  ]),
  create('names that look like others', [topic('one.two')]),
  create('a name that looks like another', [topic('one_two')]),
  create('replicas that can not be', [
    chosen('f', lay(0, 1, 1)),
    chosen('g', lay(0, 9)),
    chosen('h', lay(0)),
    chosen('i', lay(1, 1)),
    chosen('j', lay(0, 1), lay(0, 1)),
    topic('k', 1, { replicationFactor: -1, assignments: [lay(0, 1)] }),
    topic('l', -1, { assignments: [lay(0, 1)] })
  ]),
  create('replicas chosen', [chosen('chosen', lay(1, 1), lay(0, 1))]),
  create('configs that can not be', [
    topic('m', 1, { configs: [{ name: 'no.such.config', value: '1' }] }),
    topic('n', 1, { configs: [{ name: 'retention.ms', value: 'long' }] }),
    topic('o', 1, { configs: [{ name: 'retention.ms', value: null }] }),
    topic('p', 1, { configs: [{ name: 'retention.ms', value: '-2' }] }),
    topic('q', 1, { configs: [{ name: 'cleanup.policy', value: 'burn' }] }),
    topic('r', 1, { configs: [{ name: 'segment.bytes', value: '13' }] }),
    topic('s', 1, { configs: [{ name: 'compression.type', value: 'brotli' }] }),
    topic('t', 1, { configs: [{ name: 'min.insync.replicas', value: '0' }] })
  ]),
  step('in the first version', CreateTopics, 2, { topics: [topic('old', 1)], timeoutMs }),

  // Describing.
  step('topics by name', Metadata, 13, { topics: ['one', 'two', 'old', 'chosen'].map(inName), ...quiet }),
  step('topics by id', Metadata, 13, {
    topics: [
      { name: null, topicId: 'id of two' },
      { name: null, topicId: unknownId }
    ],
    ...quiet
  }),
  step('a topic twice', Metadata, 12, { topics: ['one', 'one', 'nowhere', 'not a/name', ''].map(inName), ...quiet }),
  step('no topics', Metadata, 12, { topics: [], ...quiet }),
  step('what may be done', Metadata, 12, {
    topics: ['one', 'nowhere'].map(inName),
    allowAutoTopicCreation: false,
    includeTopicAuthorizedOperations: true
  }),
  step('what may be done with the cluster', Metadata, 10, {
    topics: ['one'].map(inName),
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: true,
    includeTopicAuthorizedOperations: true
  }),
  step('the cluster', DescribeCluster, 2, { includeClusterAuthorizedOperations: false, endpointType: 1 }),
  step('the cluster, and what may be done', DescribeCluster, 1, {
    includeClusterAuthorizedOperations: true,
    endpointType: 1
  }),
  step('as if this were a controller', DescribeCluster, 2, { endpointType: 2 }),
  step('as if this were nothing known', DescribeCluster, 2, { endpointType: 7 }),
  step('partitions', DescribeTopicPartitions, 0, { topics: named('two', 'one', 'nowhere', 'one', 'not a/name') }),
  step('one partition', DescribeTopicPartitions, 0, { topics: named('two', 'one'), responsePartitionLimit: 1 }),
  step('three partitions', DescribeTopicPartitions, 0, { topics: named('two', 'one'), responsePartitionLimit: 3 }),
  step('no partition', DescribeTopicPartitions, 0, { topics: named('two'), responsePartitionLimit: 0 }),
  step('from a place on', DescribeTopicPartitions, 0, {
    topics: named('two', 'one'),
    cursor: { topicName: 'one', partitionIndex: 1 },
    responsePartitionLimit: 2
  }),
  step('from the end of a topic on', DescribeTopicPartitions, 0, {
    topics: named('two', 'one'),
    cursor: { topicName: 'one', partitionIndex: 2 },
    responsePartitionLimit: 2
  }),
  step('from beyond a topic on', DescribeTopicPartitions, 0, {
    topics: named('two', 'one'),
    cursor: { topicName: 'one', partitionIndex: 9 },
    responsePartitionLimit: 2
  }),
  step('from a topic that is not asked for', DescribeTopicPartitions, 0, {
    topics: named('two'),
    cursor: { topicName: 'one', partitionIndex: 0 }
  }),
  step('from before the first partition', DescribeTopicPartitions, 0, {
    topics: named('one'),
    cursor: { topicName: 'one', partitionIndex: -1 }
  }),

  // Growing.
  grow('no topic', []),
  grow('only validated', [{ name: 'one', count: 4, assignments: null }], true),
  grow('to as many, to fewer, to none, an unknown one, one twice', [
    { name: 'two', count: 3, assignments: null },
    { name: 'one', count: 1, assignments: null },
    { name: 'old', count: 0, assignments: null },
    { name: 'nowhere', count: 4, assignments: null },
    { name: 'chosen', count: 4, assignments: null },
    { name: 'chosen', count: 5, assignments: null }
  ]),
  grow('with replicas that can not be', [
    { name: 'one', count: 4, assignments: [{ brokerIds: [1] }] },
    { name: 'two', count: 4, assignments: [{ brokerIds: [9] }] },
    { name: 'old', count: 2, assignments: [{ brokerIds: [] }] }
  ]),
  grow('with more replicas than before', [{ name: 'old', count: 2, assignments: [{ brokerIds: [1, 2] }] }]),
  grow('with replicas chosen', [{ name: 'one', count: 4, assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] }]),

  // Records and epochs.
  step('no records', DeleteRecords, 2, {
    topics: [
      {
        name: 'one',
        partitions: [
          { partitionIndex: 0, offset: 0 },
          { partitionIndex: 1, offset: -1 },
          { partitionIndex: 2, offset: 5 },
          { partitionIndex: 3, offset: -2 },
          { partitionIndex: 9, offset: 0 }
        ]
      },
      { name: 'nowhere', partitions: [{ partitionIndex: 0, offset: 0 }] },
      { name: '__consumer_offsets', partitions: [{ partitionIndex: 0, offset: 0 }] }
    ],
    timeoutMs
  }),
  step('of nothing', DeleteRecords, 2, { topics: [], timeoutMs }),
  step('where epochs end', OffsetForLeaderEpoch, 4, {
    topics: [
      {
        topic: 'one',
        partitions: [
          { partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 },
          { partition: 1, currentLeaderEpoch: 9, leaderEpoch: 0 },
          { partition: 2, currentLeaderEpoch: -1, leaderEpoch: 9 },
          { partition: 3, currentLeaderEpoch: -1, leaderEpoch: -1 },
          { partition: 9, currentLeaderEpoch: -1, leaderEpoch: 0 }
        ]
      },
      { topic: 'nowhere', partitions: [{ partition: 0, leaderEpoch: 0 }] }
    ]
  }),
  step('producers', DescribeProducers, 0, {
    topics: [
      { name: 'one', partitionIndexes: [0, 9, -1] },
      { name: 'nowhere', partitionIndexes: [0] },
      { name: 'not a/name', partitionIndexes: [0] }
    ]
  }),

  // Replicas.
  step('one reassignment of each kind', AlterPartitionReassignments, 1, {
    timeoutMs,
    allowReplicationFactorChange: true,
    topics: [
      {
        name: 'one',
        partitions: [
          { partitionIndex: 0, replicas: [1] },
          { partitionIndex: 1, replicas: null },
          { partitionIndex: 2, replicas: [] },
          { partitionIndex: 3, replicas: [1, 1] },
          { partitionIndex: 9, replicas: [1] }
        ]
      },
      { name: 'two', partitions: [{ partitionIndex: 0, replicas: [9] }] },
      { name: 'nowhere', partitions: [{ partitionIndex: 0, replicas: [1] }] }
    ]
  }),
  step('a reassignment that keeps the number of replicas', AlterPartitionReassignments, 1, {
    timeoutMs,
    allowReplicationFactorChange: false,
    topics: [{ name: 'one', partitions: [{ partitionIndex: 0, replicas: [1] }] }]
  }),
  step('a partition twice', AlterPartitionReassignments, 0, {
    timeoutMs,
    topics: [
      {
        name: 'one',
        partitions: [
          { partitionIndex: 0, replicas: [1] },
          { partitionIndex: 0, replicas: [1] }
        ]
      }
    ]
  }),
  step('nothing', AlterPartitionReassignments, 0, { timeoutMs, topics: [] }),
  step('all reassignments', ListPartitionReassignments, 0, { timeoutMs, topics: null }),
  step('some reassignments', ListPartitionReassignments, 0, {
    timeoutMs,
    topics: [
      { name: 'one', partitionIndexes: [0, 9] },
      { name: 'nowhere', partitionIndexes: [0] }
    ]
  }),
  step('no reassignments', ListPartitionReassignments, 0, { timeoutMs, topics: [] }),
  step('preferred leaders', ElectLeaders, 2, {
    electionType: 0,
    topicPartitions: [
      { topic: 'one', partitions: [0, 9] },
      { topic: 'nowhere', partitions: [0] }
    ],
    timeoutMs
  }),
  step('any leaders', ElectLeaders, 2, { electionType: 1, topicPartitions: null, timeoutMs }),
  step('leaders of an unknown kind', ElectLeaders, 2, { electionType: 5, topicPartitions: null, timeoutMs }),
  step('a partition twice', ElectLeaders, 2, {
    electionType: 0,
    topicPartitions: [{ topic: 'one', partitions: [0, 0] }],
    timeoutMs
  }),
  step('of no partition', ElectLeaders, 1, { electionType: 0, topicPartitions: [], timeoutMs }),
  step('to a folder that is not there', AlterReplicaLogDirs, 2, {
    dirs: [
      {
        path: '/nowhere/at/all',
        topics: [
          { name: 'one', partitions: [0, 9] },
          { name: 'nowhere', partitions: [0] }
        ]
      }
    ]
  }),
  step('folders', DescribeLogDirs, 4, {
    topics: [
      { topic: 'one', partitions: [0, 9] },
      { topic: 'nowhere', partitions: [0] }
    ]
  }),
  step('folders with no topic', DescribeLogDirs, 4, { topics: [] }),

  // No time.
  step('at once', CreateTopics, 7, { topics: [topic('hasty')], timeoutMs: 0 }),
  step('before it is asked', CreatePartitions, 3, {
    topics: [{ name: 'old', count: 2, assignments: null }],
    timeoutMs: -1
  }),
  step('at once', DeleteTopics, 5, { topicNames: ['old', 'nowhere'], timeoutMs: 0 }),
  step('at once', ElectLeaders, 2, { electionType: 0, topicPartitions: null, timeoutMs: 0 }),
  step('at once', ListPartitionReassignments, 0, { timeoutMs: 0, topics: null }),
  step('what came of haste', Metadata, 12, { topics: ['hasty', 'old'].map(inName), ...quiet }),

  // Deleting.
  step('in every wrong way', DeleteTopics, 6, {
    topics: [
      { name: 'nowhere', topicId: noId },
      { name: null, topicId: unknownId },
      { name: null, topicId: noId },
      { name: 'old', topicId: 'id of old' },
      { name: 'chosen', topicId: noId },
      { name: null, topicId: 'id of chosen' },
      { name: 'one', topicId: noId },
      { name: 'one', topicId: noId },
      { name: null, topicId: 'id of two' },
      { name: null, topicId: 'id of two' }
    ],
    timeoutMs
  }),
  step('a topic by id', DeleteTopics, 6, { topics: [{ name: null, topicId: 'id of chosen' }], timeoutMs }),
  step('a topic by name', DeleteTopics, 5, { topicNames: ['old', 'nowhere'], timeoutMs }),
  step('nothing', DeleteTopics, 5, { topicNames: [], timeoutMs }),
  step('what is left', Metadata, 12, { topics: ['old', 'chosen', 'one', 'two'].map(inName), ...quiet })
]
