/**
 * What storage/ offers to partition/: one data folder of logs (`LogStore`), each an ordered, append-only sequence of
 * record batches (`Log`). DESIGN section 5 says what durable means.
 */

import type { Compaction } from './compaction/log-compaction.ts'
import type { Survived } from './survival.ts'

/** A topic id as Kafka prints it: 16 bytes in base64url, 22 characters. */
export type TopicId = string

/** Which log: the partition of a topic, by topic id, so that a topic deleted and made again never meets its old data. */
export interface LogId {
  readonly topicId: TopicId
  readonly partition: number
}

/** The topic configs that storage itself obeys. Times in ms, sizes in bytes; -1 stands for no limit in retention. */
export interface LogConfig {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly indexIntervalBytes: number
  readonly retentionMs: number
  readonly retentionBytes: number
  /** After how many messages a sync must follow: 1 = before each acknowledgement; unsafe integers = page-cache mode. */
  readonly flushMessages: number
  readonly flushMs: number
  readonly fileDeleteDelayMs: number
  /** Whether compaction keeps only the newest value of each key (cleanup.policy). */
  readonly compact: boolean
  readonly deleteRetentionMs: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly minCleanableDirtyRatio: number
}

/** A log start with producer state or the like, kept beside the log and bound to an offset. */
export interface Snapshot {
  /** Everything below this offset is contained. */
  readonly offset: number
  readonly bytes: Buffer
}

/** Whole batches that were read. The bytes are valid, and must not be changed, until `release` is called (once). */
export interface LogRead {
  readonly chunks: readonly Buffer[]
  readonly bytes: number
  /** The offset after the last batch read; the offset asked for when `bytes` is 0. */
  readonly nextOffset: number
  release(): void
}

export interface ReadOptions {
  /** Stop before exceeding this many bytes; whole batches only. */
  maxBytes: number
  /** Deliver the first batch even when it alone exceeds `maxBytes`. */
  atLeastOne: boolean
  /** Read no batch that begins at or above this offset (high watermark, last stable offset, or the log's end). */
  below: number
}

export interface TimestampOffset {
  readonly timestamp: number
  readonly offset: number
  readonly leaderEpoch: number
}

export interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

export type VisitBatch = (batches: Buffer, at: number) => void

/** The headers of damaged batches that fit their place; undefined when nothing can be told of them. */
export type VisitDamage = (headers: readonly Buffer[] | undefined) => void

export interface Log {
  readonly id: LogId
  /** The first offset that may be read. */
  readonly startOffset: number
  /** The offset after the last one appended (in memory at least). */
  readonly endOffset: number
  /** The offset after the last one that is durable in the sense of this log's flush.messages. Never goes back but by truncation. */
  readonly durableEndOffset: number
  /** Bytes of all batches, in files or still in memory. */
  readonly sizeBytes: number
  /** Set once the log can no longer be written (failed sync, failed write that could not be cut back, closed). */
  readonly failure: Error | undefined
  /** Newest epoch with its first offset; undefined on an empty log that never had one. */
  readonly latestEpoch: EpochStart | undefined
  readonly compaction: Compaction

  /**
   * Called, synchronously and in order, whenever `durableEndOffset` has grown or `failure` was set. One listener:
   * the partition that owns the log.
   */
  onProgress: (() => void) | undefined
  /** Records that are damaged or lost, as far as is known: reading them rejects as CORRUPT_MESSAGE. */
  readonly damage: {
    readonly isKnown: boolean
    /** Called when a read has found some. */
    onFound: (() => void) | undefined
  }

  /**
   * Appends whole, checked batches (back to back in `batches`), whose base offsets and leader epochs are final and
   * continue the log: the first base offset >= `endOffset`, epochs never decrease. The bytes are copied once; the
   * caller keeps the buffer. They become durable in the next commit round; `onProgress` tells.
   *
   * Throws NaruError KAFKA_STORAGE_ERROR when the log has failed.
   */
  append(batches: Buffer): void

  /**
   * Reads whole batches from the one that contains `offset` (or the next one, in a gap). Synchronous when the bytes
   * are in memory: a Promise only when a file must be read. CRC-checked when it comes from a file.
   *
   * Throws/rejects with NaruError OFFSET_OUT_OF_RANGE (below startOffset or above endOffset), CORRUPT_MESSAGE (the batch at
   * `offset` is damaged; damage further on only ends the read early), KAFKA_STORAGE_ERROR.
   */
  read(offset: number, options: ReadOptions): LogRead | Promise<LogRead>

  /** Bytes from the batch that contains `from` up to `below`, counted at most to `limit`, without touching files. May be too high by less than one index interval. */
  bytesBetween(from: number, below: number, limit: number): number

  /** First record whose timestamp is >= `timestamp`, below `below`. Decodes records only of the one batch that can hold it. */
  offsetForTimestamp(timestamp: number, below: number): Promise<TimestampOffset | undefined>
  /** The record with the greatest timestamp (first of equals). */
  maxTimestamp(below: number): Promise<TimestampOffset | undefined>

  /** Largest epoch <= `epoch` and the offset where the next one starts (Kafka's OffsetForLeaderEpoch); undefined when unknown. */
  endOffsetForEpoch(epoch: number): { epoch: number; endOffset: number } | undefined
  /** The epoch of the batch at this offset, -1 when unknown. */
  epochAt(offset: number): number

  /**
   * Calls `visit` for every batch from the one that contains `from` to the end, in order, with the bytes valid during the
   * call. Damaged ones are left out; in their place `damaged` is called.
   */
  scan(from: number, visit: VisitBatch, damaged?: VisitDamage): Promise<void>

  /** Keeps a snapshot durably beside the log; older ones than the two newest go away. Snapshots above a truncation are dropped. */
  saveSnapshot(snapshot: Snapshot): Promise<void>
  /** The newest intact snapshot at or below the end. */
  latestSnapshot(): Promise<Snapshot | undefined>

  /** Drops everything from `offset` on, durably; waits for writes in flight and keeps readers' bytes valid. */
  truncate(offset: number): Promise<void>
  /**
   * Moves the log start offset up, durably (DeleteRecords); whole segments below it are deleted. With `beyondEnd` also
   * above the end: the log is then empty and goes on there; nothing may be appended meanwhile.
   */
  advanceStart(offset: number, beyondEnd?: boolean): Promise<void>
  /** Takes changed configs from now on. */
  reconfigure(config: LogConfig): void
  /** Deletes segments by time and size as of `nowMs` (wall clock); never the active one's undurable part, never above `below`. */
  applyRetention(nowMs: number, below: number): Promise<void>
}

/** The unwritten bytes of a store against their bound. */
export interface Pressure {
  /** True while producers should wait. */
  readonly over: boolean
  /** Resolves when `over` is false again (at once if it is). */
  relieved(): Promise<void>
}

export interface LogStore {
  /** What was found of the folder, and the word that it was dealt with. */
  readonly survival: { readonly survived: Survived; vouch(): Promise<void> }
  readonly pressure: Pressure
  /** Memory that is kept only because reads (LogRead) were not released yet. */
  readonly lent: { readonly bytes: number }
  /** Whether the disk is full; `onChange` is told when that changes. */
  readonly space: { readonly isFull: boolean; onChange: ((isFull: boolean) => void) | undefined }
  /** The logs that have data in the folder. */
  ids(): LogId[]
  /** Opens a log, recovered and ready; a log without data costs no file until its first append. One Log object per id. */
  open(id: LogId, config: LogConfig): Promise<Log>
  /** Deletes a log and its files (after fileDeleteDelayMs on disk; at once for readers and writers). */
  remove(id: LogId): Promise<void>
  /** Closes cleanly: everything durable, indexes written, marker set, lock released. */
  close(): Promise<void>
}
