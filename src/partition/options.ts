import { type OptionValue, option } from '../std/option.ts'
import type { ThrottledPartitions } from './throttled.ts'

/** Topic options that the partition itself obeys. */
export const partitionTopicOptions = {
  maxMessageBytes: option({
    name: 'max.message.bytes',
    type: 'int',
    default: 1048588,
    unit: 'bytes',
    min: 0,
    broker: 'message.max.bytes',
    doc: 'The largest record batch that is accepted, as it arrives (after compression).'
  }),
  timestampType: option({
    name: 'message.timestamp.type',
    type: 'string',
    default: 'CreateTime',
    values: ['CreateTime', 'LogAppendTime'],
    broker: 'log.message.timestamp.type',
    doc: 'Whether the timestamp of a record is the time the producer gave or the time of its append.'
  }),
  timestampBeforeMaxMs: option({
    name: 'message.timestamp.before.max.ms',
    type: 'long',
    default: 9223372036854775807n,
    unit: 'ms',
    min: 0,
    broker: 'log.message.timestamp.before.max.ms',
    doc: 'How far a CreateTime timestamp may lie in the past.'
  }),
  timestampAfterMaxMs: option({
    name: 'message.timestamp.after.max.ms',
    type: 'long',
    default: 3600000n,
    unit: 'ms',
    min: 0,
    broker: 'log.message.timestamp.after.max.ms',
    doc: 'How far a CreateTime timestamp may lie in the future.'
  }),
  compressionType: option({
    name: 'compression.type',
    type: 'string',
    default: 'producer',
    values: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    broker: 'compression.type',
    doc: "The codec that batches are kept in. `producer` keeps what the producer chose, and is the only choice that doesn't cost the broker a recompression."
  }),
  minInsyncReplicas: option({
    name: 'min.insync.replicas',
    type: 'int',
    default: 1,
    min: 1,
    broker: 'min.insync.replicas',
    doc: 'How many in-sync replicas an acks=all write needs: as many as the partition has, where that is less.'
  }),
  checkCompressed: option({
    name: 'naru.produce.check.compressed',
    type: 'boolean',
    default: true,
    broker: 'naru.produce.check.compressed',
    doc: 'Whether compressed batches are decompressed on produce so that a bad record is refused at the door.'
  }),
  decompressedBytesMax: option({
    name: 'naru.produce.decompressed.bytes.max',
    type: 'int',
    default: 67_108_864,
    unit: 'bytes',
    min: 1024,
    broker: 'naru.produce.decompressed.bytes.max',
    doc: 'The most that one compressed batch may hold decompressed; what declares or yields more is refused with MESSAGE_TOO_LARGE. All batches of one request together may take as much beyond twenty times their compressed size.'
  })
} as const

/** Broker options of partitions. */
export const partitionBrokerOptions = {
  producerIdExpirationMs: option({
    name: 'producer.id.expiration.ms',
    type: 'int',
    default: 86_400_000,
    unit: 'ms',
    min: 1,
    dynamic: true,
    doc: 'How long the sequence numbers of a producer that stopped writing are remembered.'
  }),
  producersMax: option({
    name: 'naru.partition.producers.max',
    type: 'int',
    default: 20_000,
    min: 100,
    doc: 'The sequence numbers of how many producers are remembered in one partition; beyond that the longest silent ones are forgotten.'
  })
} as const

type Values<T extends Record<string, unknown>> = { readonly [K in keyof T]: OptionValue<T[K]> }

export type PartitionTopicConfig = Values<typeof partitionTopicOptions> & {
  /** Compacted topics take no record without a key. */
  readonly requireKeys: boolean
  /** The partitions of the topic whose replica on this broker is throttled as a leader, and as a follower. */
  readonly throttled?: {
    readonly leader: ThrottledPartitions | undefined
    readonly follower: ThrottledPartitions | undefined
  }
}
