import { DiskError } from '../disk/disk.ts'
import * as header from '../record/header.ts'
import { assert } from '../std/assert.ts'
import { NaruError } from '../std/errors.ts'
import { LogCompaction } from './compaction/log-compaction.ts'
import { Epochs } from './epochs.ts'
import { DamagedError, storageError } from './errors.ts'
import type { Committer } from './journal/committer.ts'
import { journalKind } from './journal/journal.ts'
import type { Place } from './journal/rounds.ts'
import { encodeId, logName, logsFolder, type SegmentRef, segmentName } from './layout.ts'
import type { Slab } from './memory/slab.ts'
import { Tail } from './memory/tail.ts'
import { emptyState, type LogState, logLine, readWhole, stateOf } from './recovery/checkpoint.ts'
import { Damage } from './recovery/damage.ts'
import { readFile } from './segments/file-reader.ts'
import { readSegmentIndex } from './segments/offset-index.ts'
import { bytesBetween, scanLog } from './segments/scan.ts'
import { openSegments, Segment } from './segments/segment.ts'
import { findTimestamp, newestTimestamp } from './segments/timestamps.ts'
import { advanceStart, restartAt, retain, truncate } from './segments/trimming.ts'
import { Turns } from './semaphore.ts'
import { loadSnapshot, storeSnapshot } from './snapshots.ts'
import type { StoreContext } from './store-context.ts'
import type { EpochStart, Log, LogConfig, LogId, LogRead, ReadOptions, Snapshot, TimestampOffset } from './types.ts'

const nothing: LogRead = { chunks: [], bytes: 0, nextOffset: 0, release() {} }

/**
 * A log of a store. Bytes go through three stages, each counted from the start of the process: appended (in the tail),
 * journaled (acknowledged), synced (durable in their segment; memory and journal may forget them).
 */
export class StoredLog implements Log {
  readonly id: LogId
  readonly name: string
  readonly idBytes: Buffer
  readonly folder: string
  readonly tail: Tail
  onProgress: (() => void) | undefined
  /** At least one; the last is the one that is appended to. */
  segments: Segment[]
  epochs: Epochs
  config: LogConfig
  readonly damage: Damage
  startOffset: number
  endOffset: number
  durableEndOffset: number
  failure: Error | undefined
  removed = false
  forgotten = false

  appendedCount = 0
  journaledCount = 0
  syncedCount = 0
  syncedEnd: number
  /** Bytes up to this count may be in the cached journal only: a synced round must not build on them. */
  cachedCount = 0
  /** A synced round must say that what the cached journal had is in the segments. */
  markDue = false
  /** Waits for a round. */
  dirty = false
  /** A write to its segment was begun in place of a round. */
  directInFlight = false
  /** Takes part in the round in flight. */
  inRound = false
  folderMade: boolean
  /** Something of it was found at the start: it may have snapshots. */
  readonly isKnown: boolean
  /** Rounds of a lower order say nothing of this log. */
  voidBefore: number
  cutTo: number | undefined
  /** Grows when files are cut, replaced or deleted: what a read in flight found meanwhile says nothing. */
  generation = 0
  /** Grows with each truncation. */
  cuts = 0
  readonly compaction: LogCompaction

  private readonly context: StoreContext
  private committer: Committer
  private journaledEnd: number
  private roundCount = 0
  private roundEnd = 0
  private unflushedMessages = 0
  private line: string | undefined
  /** Truncation and the like, one after the other. */
  private readonly turns = new Turns()

  constructor(context: StoreContext, id: LogId, config: LogConfig, state: LogState) {
    this.context = context
    this.id = id
    this.name = logName(id)
    this.idBytes = encodeId(id)
    this.folder = `${logsFolder(context.folder)}/${this.name}`
    this.config = config
    this.tail = new Tail(context.slabs)
    // Unsynced records may have been lost below a start offset that was durable.
    const end = Math.max(state.end, state.start)
    this.segments = openSegments(state.segments, end)
    this.epochs = new Epochs(state.epochs)
    this.damage = new Damage(state.damaged)
    this.startOffset = state.start
    this.endOffset = end
    this.durableEndOffset = end
    this.journaledEnd = end
    this.syncedEnd = end
    this.voidBefore = state.voidBefore
    this.compaction = new LogCompaction(context, this, state.compacted)
    this.folderMade = state.segments.length > 0
    this.isKnown = state !== emptyState
    this.committer = context.committer(journalKind(config))
  }

  get sizeBytes(): number {
    let bytes = 0
    for (const segment of this.segments) bytes += segment.bytes
    return bytes
  }

  get latestEpoch(): EpochStart | undefined {
    return this.epochs.latest
  }

  get active(): Segment {
    return this.segments[this.segments.length - 1]
  }

  get isCached(): boolean {
    return this.committer.journal.kind === 'cached'
  }

  /** Nothing is written for it any more. */
  get stopped(): boolean {
    return this.failure !== undefined
  }

  path(segment: SegmentRef, kind: 'log' | 'index'): string {
    return `${this.folder}/${segmentName(segment, kind)}`
  }

  append(batches: Buffer): void {
    if (this.failure) throw storageError(this.failure)
    this.context.checkWritable()
    assert(this.cutTo === undefined, 'nothing is appended during a truncation')
    const before = this.appendedCount
    for (let at = 0; at < batches.length; ) {
      const bytes = header.batchBytes(batches, at)
      const base = header.baseOffset(batches, at)
      const end = header.lastOffset(batches, at) + 1
      assert(bytes >= header.headerBytes && at + bytes <= batches.length, 'appended batches are whole')
      assert(base >= this.endOffset && end > base, `offset ${base} continues the log that ends at ${this.endOffset}`)
      const epoch = header.leaderEpoch(batches, at)
      assert(epoch < 0 || epoch >= (this.latestEpoch?.epoch ?? -1), 'epochs never decrease')
      const segment = this.segmentFor(batches, at, bytes, end)
      const position = segment.bytes
      segment.admit(batches, at, bytes, this.config.indexIntervalBytes)
      this.tail.add(batches, at, bytes, segment, position, this.appendedCount, this.endOffset, end)
      this.epochs.note(epoch, base)
      this.unflushedMessages += end - base
      this.endOffset = end
      this.appendedCount += bytes
      at += bytes
    }
    this.commit()
    this.context.appended(this, this.appendedCount - before)
    if (this.unflushedMessages >= this.config.flushMessages && this.committer.journal.kind === 'cached')
      this.context.flushSoon(this)
  }

  read(offset: number, options: ReadOptions): LogRead | Promise<LogRead> {
    if (offset < this.startOffset || offset > this.endOffset)
      throw new NaruError('OFFSET_OUT_OF_RANGE', `offset ${offset} is outside [${this.startOffset}, ${this.endOffset}]`)
    if (this.removed) throw storageError(this.failure!)
    const damage = this.damage.at(offset)
    if (damage) throw new DamagedError(this.name, damage.from, damage.to)
    if (offset === this.endOffset || offset >= options.below) return { ...nothing, nextOffset: offset }
    const resident = this.tail.firstOffset
    if (resident !== undefined && offset >= resident) return this.tail.read(offset, options)
    return readFile(this.context, this, offset, options)
  }

  bytesBetween(from: number, below: number, limit: number): number {
    return bytesBetween(this, from, below, limit)
  }

  offsetForTimestamp(timestamp: number, below: number): Promise<TimestampOffset | undefined> {
    return findTimestamp(this, timestamp, below)
  }

  maxTimestamp(below: number): Promise<TimestampOffset | undefined> {
    return newestTimestamp(this, below)
  }

  endOffsetForEpoch(epoch: number): { epoch: number; endOffset: number } | undefined {
    return this.epochs.endOf(epoch, this.endOffset)
  }

  epochAt(offset: number): number {
    return this.epochs.at(offset)
  }

  scan(...how: Parameters<Log['scan']>): Promise<void> {
    return scanLog(this.context, this, ...how)
  }

  saveSnapshot(snapshot: Snapshot): Promise<void> {
    return this.alone(() => storeSnapshot(this.context, this, snapshot))
  }

  latestSnapshot(): Promise<Snapshot | undefined> {
    return this.alone(() => loadSnapshot(this.context, this))
  }

  truncate(offset: number): Promise<void> {
    return this.alone(() => truncate(this.context, this, offset))
  }

  advanceStart(offset: number, beyondEnd = false): Promise<void> {
    return this.alone(() => (beyondEnd ? restartAt : advanceStart)(this.context, this, offset))
  }

  applyRetention(nowMs: number, below: number): Promise<void> {
    return this.alone(() => retain(this.context, this, nowMs, below))
  }

  reconfigure(config: LogConfig): void {
    this.config = config
    if (!this.dirty && !this.inRound) this.chooseJournal()
  }

  /** Where a count of appended bytes lies: at a boundary of a round, a slab or what is synced. */
  endAt(count: number): number {
    if (count === this.appendedCount) return this.endOffset
    if (count === this.journaledCount) return this.journaledEnd
    if (count === this.syncedCount) return this.syncedEnd
    const slab = this.tail.unsynced.find(candidate => candidate.countAtEnd === count)
    assert(slab, 'a round ends where a slab does')
    return slab.endOffset
  }

  /** The place in the files up to which the log is durable. */
  syncedPlace(): Place {
    const segment = this.segments.findLast(({ synced }) => synced > 0) ?? this.segments[0]
    return { segmentBase: segment.base, position: segment.synced, offset: this.syncedEnd }
  }

  /** Data that only the cached journal has must not lie under data of a synced round. */
  mustFlush(): boolean {
    return this.committer.journal.kind === 'sync' && this.cachedCount > this.syncedCount
  }

  /** Whether this is the committer that the log wants now; else it goes to the other one. */
  staysWith(committer: Committer): boolean {
    this.chooseJournal()
    if (this.committer === committer) return true
    this.committer.add(this)
    return false
  }

  /** A round takes the log up to this count. */
  roundTaken(count: number, end: number): void {
    this.inRound = true
    this.roundCount = count
    this.roundEnd = end
  }

  /** The round is written: acknowledge. */
  roundWritten(): void {
    if (!this.inRound) return
    this.inRound = false
    if (this.failure) return
    this.journaledCount = this.roundCount
    this.journaledEnd = this.roundEnd
    if (this.isCached) {
      this.cachedCount = this.roundCount
      this.markDue = true
    }
    if (!this.dirty) this.chooseJournal()
    if (this.durableEndOffset < this.roundEnd) {
      this.durableEndOffset = this.roundEnd
      this.onProgress?.()
    }
  }

  /** Queues the log for the next round. */
  commit(): void {
    if (!this.dirty && !this.inRound) this.chooseJournal()
    this.committer.add(this)
  }

  /** These slabs, the oldest, are durable in their segment. */
  segmentSynced(slabs: readonly Slab[], newest: Segment['newest']): void {
    const last = slabs[slabs.length - 1]
    this.tail.synced(slabs.length)
    this.syncedCount = last.countAtEnd
    this.syncedEnd = last.endOffset
    last.segment.markSynced(last.end, last.endOffset, newest)
    this.unflushedMessages = 0
    this.line = undefined
  }

  /** Takes the log offline; what it has stays readable. */
  fail(error: Error): void {
    if (this.failure) return
    this.failure = error
    this.context.logger.error({ log: this.name, error: error.message }, 'a log can no longer be written')
    this.context.abandoned(this, this.appendedCount - this.syncedCount)
    this.onProgress?.()
  }

  /** Ends the log for good: readers in the middle of a read keep their bytes. */
  remove(reason: Error = new Error('the log was deleted')): void {
    this.removed = true
    if (!this.failure) {
      this.failure = reason
      this.context.abandoned(this, this.appendedCount - this.syncedCount)
    }
    this.onProgress?.()
  }

  /** What a checkpoint says of the log. Kept until something of it changes. */
  checkpointLine(): string {
    this.line ??= logLine(this.name, stateOf(this))
    return this.line
  }

  /** Something changed that a checkpoint must tell. */
  changed(): void {
    this.line = undefined
  }

  /** Brings the entries of the segment's index file into memory. */
  async loadIndex(segment: Segment): Promise<void> {
    if (!segment.indexLoaded) {
      const file = await readWhole(this.context.disk, this.path(segment, 'index'))
      segment.useIndexFile(readSegmentIndex(segment, file ?? Buffer.alloc(0), segment.synced))
    }
    this.context.indexUsed(segment)
  }

  /** Notes damage that a read has found; the first finding of each place is reported. */
  noteDamage(segment: Segment, position: number, from: number, to: number): void {
    if (!this.damage.isNew(segment.base, position)) return
    this.context.corrupt(this, from, to, `${this.path(segment, 'log')}, byte ${position}`)
    this.changed()
    this.damage.found(from, to)
  }

  /** Resolves when a round with all that was appended so far is written. */
  journaled(): Promise<void> {
    this.commit()
    return this.committer.barrier()
  }

  /** After a truncation. */
  endsAt(offset: number): void {
    this.endOffset = offset
    this.durableEndOffset = offset
    this.journaledEnd = offset
    this.syncedEnd = offset
    this.epochs.cutEnd(offset)
    this.damage.cutEnd(offset)
  }

  /** Ends compaction; resolves when that and truncations and the like are done. */
  async settled(): Promise<void> {
    await this.compaction.stop()
    await this.turns.run(async () => {})
  }

  /** Runs `work` when what else changes the log's files is done. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.run(work).catch(error => {
      throw error instanceof DiskError ? storageError(error) : error
    })
  }

  private chooseJournal(): void {
    const kind = journalKind(this.config)
    if (kind !== this.committer.journal.kind) this.committer = this.context.committer(kind)
  }

  /** The segment that the batch goes to: a new one when it is full, old or out of relative offsets. */
  private segmentFor(batches: Buffer, at: number, bytes: number, end: number): Segment {
    const { active } = this
    const isNew = active.bytes === 0
    if (!isNew && active.fits(header.maxTimestamp(batches, at), bytes, end, this.config)) return active
    const segment = isNew ? active : this.roll()
    this.compaction.onSegment?.()
    return segment
  }

  /** Begins a new segment, which has no file until something of it is written. */
  roll(): Segment {
    this.active.sealed = true
    const segment = new Segment(this.endOffset)
    this.segments.push(segment)
    this.changed()
    return segment
  }
}
