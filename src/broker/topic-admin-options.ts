import { option } from '../std/option.ts'

/** Broker options of making, deleting and describing topics. */
export const topicAdminOptions = {
  numPartitions: option({
    name: 'num.partitions',
    type: 'int',
    default: 1,
    min: 1,
    doc: 'The number of partitions of topics that are made without one, automatically or by a client.'
  }),
  defaultReplicationFactor: option({
    name: 'default.replication.factor',
    type: 'int',
    default: 1,
    min: 1,
    doc: 'The number of replicas of topics that are made without one, automatically or by a client.'
  }),
  autoCreateTopics: option({
    name: 'auto.create.topics.enable',
    type: 'boolean',
    default: true,
    doc: 'Whether a topic is made when a client first asks for it, if the client allows that.'
  }),
  partitionsMax: option({
    name: 'naru.partitions.max',
    type: 'int',
    default: 100_000,
    min: 1,
    doc: 'How many partitions there may be of all topics; what would make more is refused with POLICY_VIOLATION.'
  }),
  autoCreatedTogetherMax: option({
    name: 'naru.auto.create.topics.in.flight.max',
    type: 'int',
    default: 100,
    min: 1,
    doc: 'How many topics are made automatically at a time; clients that ask for more are told to ask again (LEADER_NOT_AVAILABLE).'
  }),
  deleteTopics: option({
    name: 'delete.topic.enable',
    type: 'boolean',
    default: true,
    doc: 'Whether clients may delete topics.'
  }),
  offsetsTopicReplicationFactor: option({
    name: 'offsets.topic.replication.factor',
    type: 'int',
    default: 3,
    min: 1,
    doc: 'The number of replicas of __consumer_offsets; as many as the cluster is meant to have brokers where those are fewer.'
  }),
  clusterBrokers: option({
    name: 'naru.cluster.brokers',
    type: 'int',
    default: 1,
    min: 1,
    doc: 'How many brokers the cluster is meant to have: internal topics wait for as many as they have replicas.'
  }),
  offsetsTopicSegmentBytes: option({
    name: 'offsets.topic.segment.bytes',
    type: 'int',
    default: 104_857_600,
    unit: 'bytes',
    min: 1024 * 1024,
    doc: 'segment.bytes of __consumer_offsets when it is made.'
  }),
  describedPartitionsMax: option({
    name: 'max.request.partition.size.limit',
    type: 'int',
    default: 2000,
    min: 1,
    doc: 'How many partitions one answer to DescribeTopicPartitions holds at most.'
  })
} as const
