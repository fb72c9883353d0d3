import type { Disk } from '../disk/disk.ts'
import type { Clock } from '../std/clock.ts'
import type { Logger } from '../std/log.ts'
import type { Metrics } from '../std/metrics.ts'
import type { FolderSync } from './folder-sync.ts'
import type { Committer } from './journal/committer.ts'
import type { JournalKind } from './journal/journal.ts'
import type { Place } from './journal/rounds.ts'
import type { StoredLog } from './log.ts'
import type { ReadBuffers } from './memory/read-buffers.ts'
import type { SlabPool } from './memory/slab-pool.ts'
import type { FileCache } from './segments/file-cache.ts'
import type { Segment } from './segments/segment.ts'
import type { LogConfig } from './types.ts'

/** What a store needs from outside (DESIGN rule 1). */
export interface StoreEnvironment {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** The store as its logs see it. */
export interface StoreContext {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly folder: string
  readonly files: FileCache
  readonly folders: FolderSync
  readonly slabs: SlabPool
  readonly readBuffers: ReadBuffers
  committer(kind: JournalKind): Committer
  /** Makes an entry about the log durable, in order with its rounds. */
  control(
    log: StoredLog,
    kind: 'mark' | 'start' | 'cut' | 'reset' | 'drop',
    offset: number,
    place?: Place
  ): Promise<void>
  /** The number that the next round will have over both journals. */
  readonly order: number
  /** Throws KAFKA_STORAGE_ERROR while nothing may be appended. */
  checkWritable(): void
  /** Counts appended bytes, and starts writing when there are many. */
  appended(log: StoredLog, bytes: number): void
  /** The bytes won't be written: their log failed, was cut or removed. */
  abandoned(log: StoredLog, bytes: number): void
  /** All of the log durable in its segments; resolves also when it failed. */
  flush(log: StoredLog): Promise<void>
  flushSoon(log: StoredLog): void
  /** Resolves when no write of the log is in flight. */
  idle(log: StoredLog): Promise<void>
  /** Nothing of the log is in memory any more. */
  forgetTail(log: StoredLog): void
  /** The segment's index was used or loaded: the least recently used of the sealed ones are dropped. */
  indexUsed(segment: Segment): void
  /** Reports damage, once for each place. */
  corrupt(log: StoredLog, from: number, to: number, where: string): void
  /** Removes files that were renamed out of the way. */
  removeLater(paths: readonly string[], delayMs: number): void
}

/** For a log that is opened only to be removed. */
export const unlimited: LogConfig = {
  segmentBytes: Number.MAX_SAFE_INTEGER,
  segmentMs: Number.MAX_SAFE_INTEGER,
  indexIntervalBytes: 4096,
  retentionMs: -1,
  retentionBytes: -1,
  flushMessages: 1,
  flushMs: Number.MAX_SAFE_INTEGER,
  fileDeleteDelayMs: 0,
  compact: false,
  deleteRetentionMs: 0,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  minCleanableDirtyRatio: 0.5
}
