import { type OptionValue, option } from '../../std/option.ts'

/** Topic options of compaction. Names and defaults are Kafka's. */
export const compactionTopicOptions = {
  cleanupPolicy: option({
    name: 'cleanup.policy',
    type: 'list',
    default: ['delete'],
    values: ['compact', 'delete'],
    broker: 'log.cleanup.policy',
    doc: 'What happens to old records: delete removes whole segments by age and size, compact keeps the newest value of each key; both may be given. With nothing at all everything stays.'
  }),
  deleteRetentionMs: option({
    name: 'delete.retention.ms',
    type: 'long',
    default: 86_400_000n,
    unit: 'ms',
    min: 0,
    broker: 'log.cleaner.delete.retention.ms',
    doc: 'How long tombstones (records without a value) stay in a compacted topic after compaction has first met them: a consumer that reads from the start within that time learns that their keys are gone.'
  }),
  minCompactionLagMs: option({
    name: 'min.compaction.lag.ms',
    type: 'long',
    default: 0n,
    unit: 'ms',
    min: 0,
    broker: 'log.cleaner.min.compaction.lag.ms',
    doc: 'How long a record stays uncompacted at least, by its timestamp.'
  }),
  maxCompactionLagMs: option({
    name: 'max.compaction.lag.ms',
    type: 'long',
    default: 9223372036854775807n,
    unit: 'ms',
    min: 1,
    broker: 'log.cleaner.max.compaction.lag.ms',
    doc: 'How long a record may stay uncompacted, by its timestamp: then its log is compacted however little of it is dirty, and the segment that is written to is ended for that.'
  }),
  minCleanableDirtyRatio: option({
    name: 'min.cleanable.dirty.ratio',
    type: 'double',
    default: 0.5,
    min: 0,
    max: 1,
    broker: 'log.cleaner.min.cleanable.ratio',
    doc: 'A log is compacted when more than this part of its bytes, the segment that is written to aside, was not compacted yet.'
  })
} as const

/** Broker options of compaction. All but `enable` can be changed while the broker runs. */
export const cleanerOptions = {
  enable: option({
    name: 'log.cleaner.enable',
    type: 'boolean',
    default: true,
    doc: 'Whether logs are compacted at all. Without it topics with cleanup.policy=compact only grow, __consumer_offsets too.'
  }),
  dedupeBytes: option({
    name: 'log.cleaner.dedupe.buffer.size',
    type: 'long',
    default: 33_554_432n,
    unit: 'bytes',
    min: 1_048_577,
    dynamic: true,
    doc: 'Memory for the newest offsets of keys, 20 bytes each, of which 2 GB count at most. Where a log has more keys it takes several passes, each further than the one before. It is taken when there is something to compact, as much as that needs.'
  }),
  loadFactor: option({
    name: 'log.cleaner.io.buffer.load.factor',
    type: 'double',
    default: 0.9,
    dynamic: true,
    doc: 'How full that memory may get; what is below 0.1 counts as that, what is above 0.99 as that. More keys at once cost more time for each.'
  }),
  ioBytes: option({
    name: 'log.cleaner.io.buffer.size',
    type: 'int',
    default: 524_288,
    unit: 'bytes',
    min: 0,
    dynamic: true,
    doc: 'Memory to read and write with while compacting, half of it each; a batch that is larger gets what it needs, and 4 KB to write with are the least.'
  }),
  bytesPerSecond: option({
    name: 'log.cleaner.io.max.bytes.per.second',
    type: 'double',
    default: 1.7976931348623157e308,
    unit: 'bytes',
    dynamic: true,
    doc: 'Compaction reads and writes at most this much in a second, both together; with 0 it stands still, a negative number is no limit. A change holds at once.'
  }),
  backoffMs: option({
    name: 'log.cleaner.backoff.ms',
    type: 'long',
    default: 15_000n,
    unit: 'ms',
    min: 0,
    dynamic: true,
    doc: 'How long to wait before looking again when there was nothing to compact, 1 ms at least.'
  })
} as const

/** The options of the cleaner, as they are set. */
export type CleanerConfig = { readonly [K in keyof typeof cleanerOptions]: OptionValue<(typeof cleanerOptions)[K]> }
