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
  offsetMetadataMaxBytes: option({
    name: 'offset.metadata.max.bytes',
    type: 'int',
    default: 4096,
    unit: 'bytes',
    min: 0,
    doc: 'The largest text that may be committed with an offset.'
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
