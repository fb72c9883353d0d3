import { type OptionValue, type OptionValues, option } from '../std/option.ts'
import { compactionTopicOptions } from './compaction/options.ts'
import type { LogConfig } from './types.ts'

const int64Max = 9223372036854775807n

/** Topic options that storage itself obeys. Names and defaults are Kafka's, but for flush.messages. */
export const storageTopicOptions = {
  segmentBytes: option({
    name: 'segment.bytes',
    type: 'int',
    default: 1024 * 1024 * 1024,
    unit: 'bytes',
    min: 1024 * 1024,
    broker: 'log.segment.bytes',
    doc: 'A new segment begins when the next batch would make the current one larger than this. Retention deletes whole segments.'
  }),
  segmentMs: option({
    name: 'segment.ms',
    type: 'long',
    default: 604_800_000n,
    unit: 'ms',
    min: 1,
    broker: 'log.roll.ms',
    coarser: [{ name: 'log.roll.hours', type: 'int', factor: 3_600_000n }],
    doc: 'A new segment begins when the timestamps of a batch lie this much after those that began the current one, even if it is not full.'
  }),
  indexIntervalBytes: option({
    name: 'index.interval.bytes',
    type: 'int',
    default: 4096,
    unit: 'bytes',
    min: 0,
    broker: 'log.index.interval.bytes',
    doc: 'How many bytes lie at most between two index entries, if no batch is larger.'
  }),
  retentionMs: option({
    name: 'retention.ms',
    type: 'long',
    default: 604_800_000n,
    unit: 'ms',
    min: -1,
    broker: 'log.retention.ms',
    coarser: [
      { name: 'log.retention.minutes', type: 'int', factor: 60_000n },
      { name: 'log.retention.hours', type: 'int', factor: 3_600_000n }
    ],
    doc: 'Segments whose newest record is older than this are deleted; -1 for no limit.'
  }),
  retentionBytes: option({
    name: 'retention.bytes',
    type: 'long',
    default: -1n,
    unit: 'bytes',
    broker: 'log.retention.bytes',
    doc: 'The oldest segments are deleted while a partition would still have this many bytes without them; -1 for no limit.'
  }),
  flushMessages: option({
    name: 'flush.messages',
    type: 'long',
    default: 1n,
    unit: 'messages',
    min: 1,
    broker: 'log.flush.interval.messages',
    doc: '1 (the default): a record is synced to the device before it is acknowledged. More: it is acknowledged when it is in the page cache, which survives a kill but no power loss, and synced after so many records; 9223372036854775807 leaves syncing to the background.'
  }),
  flushMs: option({
    name: 'flush.ms',
    type: 'long',
    default: int64Max,
    unit: 'ms',
    min: 0,
    broker: 'log.flush.interval.ms',
    coarser: [{ name: 'log.flush.scheduler.interval.ms', type: 'long', factor: 1n }],
    doc: 'Where flush.messages is not 1: how long a record may be unsynced.'
  }),
  fileDeleteDelayMs: option({
    name: 'file.delete.delay.ms',
    type: 'long',
    default: 60_000n,
    unit: 'ms',
    min: 0,
    broker: 'log.segment.delete.delay.ms',
    doc: 'How long the files of deleted segments and partitions stay on disk, renamed.'
  }),
  ...compactionTopicOptions
} as const

/** Broker options of storage. */
export const storageBrokerOptions = {
  journalFileBytes: option({
    name: 'naru.journal.file.bytes',
    type: 'int',
    default: 32 * 1024 * 1024,
    unit: 'bytes',
    min: 64 * 1024,
    doc: 'Size of one file of the commit journal. Smaller ones are made first while a broker has little to write.'
  }),
  journalFiles: option({
    name: 'naru.journal.files',
    type: 'int',
    default: 4,
    min: 2,
    max: 64,
    doc: 'How many files a commit journal has at most. More of them let quiet partitions gather larger writes; a restart after a crash reads them all.'
  }),
  memoryTailBytes: option({
    name: 'naru.memory.tail.bytes',
    type: 'int',
    default: 64 * 1024 * 1024,
    unit: 'bytes',
    min: 0,
    doc: 'Memory for the newest batches that are already in their segments, so that consumers that keep up read no files.'
  }),
  unwrittenBytesMax: option({
    name: 'naru.unwritten.bytes.max',
    type: 'int',
    default: 192 * 1024 * 1024,
    unit: 'bytes',
    min: 64 * 1024,
    doc: 'Bytes that may wait in memory to be written to their segments; producers wait when there are more.'
  }),
  openFilesMax: option({
    name: 'naru.open.files.max',
    type: 'int',
    default: 2000,
    min: 16,
    doc: 'How many files of partitions are kept open.'
  })
} as const

type Values<T extends Record<string, unknown>> = { readonly [K in keyof T]: OptionValue<T[K]> }

/** What a store is opened with; `storageBrokerOptions` declares the defaults. */
export type StoreOptions = Values<typeof storageBrokerOptions>

/** The broker's options of storage out of everything that was set. */
export function storeOptions(values: OptionValues): StoreOptions {
  return {
    journalFileBytes: values.get(storageBrokerOptions.journalFileBytes),
    journalFiles: values.get(storageBrokerOptions.journalFiles),
    memoryTailBytes: values.get(storageBrokerOptions.memoryTailBytes),
    unwrittenBytesMax: values.get(storageBrokerOptions.unwrittenBytesMax),
    openFilesMax: values.get(storageBrokerOptions.openFilesMax)
  }
}

/** A topic's options of storage out of everything that was set. */
export function logConfig(values: OptionValues): LogConfig {
  const policy = values.get(storageTopicOptions.cleanupPolicy)
  const compact = policy.includes('compact')
  const maxCompactionLagMs = Number(values.get(storageTopicOptions.maxCompactionLagMs))
  const segmentMs = Number(values.get(storageTopicOptions.segmentMs))
  // Age and size delete nothing without that policy.
  const retention = (limit: bigint) => (policy.includes('delete') ? Number(limit) : -1)
  return {
    segmentBytes: values.get(storageTopicOptions.segmentBytes),
    // What is never sealed is never compacted.
    segmentMs: compact ? Math.min(segmentMs, maxCompactionLagMs) : segmentMs,
    indexIntervalBytes: values.get(storageTopicOptions.indexIntervalBytes),
    retentionMs: retention(values.get(storageTopicOptions.retentionMs)),
    retentionBytes: retention(values.get(storageTopicOptions.retentionBytes)),
    flushMessages: Number(values.get(storageTopicOptions.flushMessages)),
    flushMs: Number(values.get(storageTopicOptions.flushMs)),
    fileDeleteDelayMs: Number(values.get(storageTopicOptions.fileDeleteDelayMs)),
    compact,
    deleteRetentionMs: Number(values.get(storageTopicOptions.deleteRetentionMs)),
    minCompactionLagMs: Number(values.get(storageTopicOptions.minCompactionLagMs)),
    maxCompactionLagMs,
    minCleanableDirtyRatio: values.get(storageTopicOptions.minCleanableDirtyRatio)
  }
}
