import { type OptionValue, option } from '../std/option.ts'

/** Broker options of consumer groups and their offsets. */
export const groupOptions = {
  sessionTimeoutMinMs: option({
    name: 'group.min.session.timeout.ms',
    type: 'int',
    default: 6000,
    unit: 'ms',
    min: 0,
    doc: 'The shortest session time-out that a member may ask for. Short ones find failures sooner and cost more heartbeats.'
  }),
  sessionTimeoutMaxMs: option({
    name: 'group.max.session.timeout.ms',
    type: 'int',
    default: 1_800_000,
    unit: 'ms',
    min: 0,
    doc: 'The longest session time-out that a member may ask for.'
  }),
  initialRebalanceDelayMs: option({
    name: 'group.initial.rebalance.delay.ms',
    type: 'int',
    default: 3000,
    unit: 'ms',
    min: 0,
    doc: 'How long an empty group waits for more members after the first one joined. 0 is best for tests and single consumers.'
  }),
  groupMaxSize: option({
    name: 'group.max.size',
    type: 'int',
    default: 2_147_483_647,
    min: 1,
    doc: 'How many members a group may have.'
  }),
  groupsMax: option({
    name: 'naru.groups.per.partition.max',
    type: 'int',
    default: 10_000,
    min: 1,
    doc: 'How many groups one partition of __consumer_offsets keeps; what would make more is refused with POLICY_VIOLATION.'
  }),
  offsetsMax: option({
    name: 'naru.offsets.per.partition.max',
    type: 'int',
    default: 500_000,
    min: 1,
    doc: 'How many committed offsets one partition of __consumer_offsets keeps; commits of more are refused with POLICY_VIOLATION.'
  }),
  groupBytesMax: option({
    name: 'naru.group.bytes.max',
    type: 'int',
    default: 16_777_216,
    unit: 'bytes',
    min: 1024,
    doc: 'The largest metadata (subscriptions) of all members of a group together, and the largest plan; a member that would make it more is refused with GROUP_MAX_SIZE_REACHED, a larger plan with INVALID_REQUEST.'
  }),
  pendingMembersMax: option({
    name: 'naru.group.pending.members.max',
    type: 'int',
    default: 10_000,
    min: 1,
    doc: 'How many member ids of a group may be given out and not used yet; further newcomers are refused with GROUP_MAX_SIZE_REACHED.'
  }),
  offsetMetadataMaxBytes: option({
    name: 'offset.metadata.max.bytes',
    type: 'int',
    default: 4096,
    unit: 'bytes',
    min: 0,
    doc: 'The largest text that may be committed with an offset.'
  }),
  commitTimeoutMs: option({
    name: 'offsets.commit.timeout.ms',
    type: 'int',
    default: 5000,
    unit: 'ms',
    min: 1,
    doc: 'Members and commits whose changes the in-sync replicas of __consumer_offsets have not taken after so long are answered COORDINATOR_NOT_AVAILABLE; they may still be taken.'
  }),
  offsetsRetentionMinutes: option({
    name: 'offsets.retention.minutes',
    type: 'int',
    default: 10_080,
    unit: 'minutes',
    min: 1,
    doc: 'How long offsets are kept once nobody uses them: since the group became empty, since the last commit where consumers assign their partitions themselves, or since the last commit of a topic that the group no longer subscribes to.'
  }),
  offsetsRetentionCheckIntervalMs: option({
    name: 'offsets.retention.check.interval.ms',
    type: 'long',
    default: 600_000n,
    unit: 'ms',
    min: 1,
    doc: 'How often offsets that have outlived their retention are looked for.'
  }),
  offsetsTopicPartitions: option({
    name: 'offsets.topic.num.partitions',
    type: 'int',
    default: 50,
    min: 1,
    doc: 'The number of partitions of __consumer_offsets; it decides which one keeps a group, so it must not change later.'
  })
} as const

export type GroupConfig = {
  readonly [K in keyof typeof groupOptions]: OptionValue<(typeof groupOptions)[K]>
}
