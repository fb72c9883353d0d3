import { type Option, option } from '../std/option.ts'

/** A topic option of Kafka's that can't be chosen freely here, and why: what would have no effect is refused. */
export interface FixedOption {
  readonly option: Option
  /** What a client that sets another value is told. */
  readonly why: string
}

const notTiered = 'There is no tiered storage, so only the default is supported'
const levelIsFixed = 'The level of compression on the broker can not be chosen, so only the default is supported'

const tieredStorage = {
  enable: option({
    name: 'remote.storage.enable',
    type: 'boolean',
    default: false,
    doc: 'Whether old segments move to remote storage.'
  }),
  copyDisable: option({
    name: 'remote.log.copy.disable',
    type: 'boolean',
    default: false,
    doc: 'Whether no more segments move to remote storage.'
  }),
  deleteOnDisable: option({
    name: 'remote.log.delete.on.disable',
    type: 'boolean',
    default: false,
    doc: 'Whether remote segments are deleted when remote storage is switched off.'
  }),
  localRetentionMs: option({
    name: 'local.retention.ms',
    type: 'long',
    default: -2n,
    unit: 'ms',
    min: -2,
    broker: 'log.local.retention.ms',
    doc: 'How long segments stay on the local disk after they moved to remote storage; -2 for retention.ms.'
  }),
  localRetentionBytes: option({
    name: 'local.retention.bytes',
    type: 'long',
    default: -2n,
    unit: 'bytes',
    min: -2,
    broker: 'log.local.retention.bytes',
    doc: 'How many bytes stay on the local disk after they moved to remote storage; -2 for retention.bytes.'
  })
} as const

const compressionLevels = {
  gzip: option({
    name: 'compression.gzip.level',
    type: 'int',
    default: -1,
    broker: 'compression.gzip.level',
    doc: 'The level of gzip where compression.type is gzip.'
  }),
  lz4: option({
    name: 'compression.lz4.level',
    type: 'int',
    default: 9,
    broker: 'compression.lz4.level',
    doc: 'The level of LZ4 where compression.type is lz4.'
  }),
  zstd: option({
    name: 'compression.zstd.level',
    type: 'int',
    default: 3,
    broker: 'compression.zstd.level',
    doc: 'The level of Zstandard where compression.type is zstd.'
  })
} as const

/** Every topic option of Kafka 4.3 that can't be chosen freely here. */
export const fixedTopicOptions: readonly FixedOption[] = [
  ...all(tieredStorage, notTiered),
  ...all(compressionLevels, levelIsFixed),
  {
    option: option({
      name: 'preallocate',
      type: 'boolean',
      default: false,
      broker: 'log.preallocate',
      doc: 'Whether a segment takes its whole size on disk when it begins.'
    }),
    why: 'Segments grow as they are written; only false is supported'
  },
  {
    option: option({
      name: 'segment.index.bytes',
      type: 'int',
      default: 10_485_760,
      unit: 'bytes',
      min: 4,
      broker: 'log.index.size.max.bytes',
      doc: 'The size of the index of a segment.'
    }),
    why: 'Indexes grow with their segments, so only the default is supported'
  },
  {
    option: option({
      name: 'segment.jitter.ms',
      type: 'long',
      default: 0n,
      unit: 'ms',
      min: 0,
      broker: 'log.roll.jitter.ms',
      coarser: [{ name: 'log.roll.jitter.hours', type: 'int', factor: 3_600_000n }],
      doc: 'How much earlier than segment.ms a segment may begin, at random.'
    }),
    why: 'Segments begin on time; only 0 is supported'
  }
]

function all(options: Readonly<Record<string, Option>>, why: string): FixedOption[] {
  return Object.values(options).map(declared => ({ option: declared, why }))
}
