import { type Disk, DiskError, type DiskLock } from '../disk/disk.ts'
import { assert } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import { messageOf, NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { Counter } from '../std/metrics.ts'
import { TimerWheel } from '../std/timer-wheel.ts'
import { storageError } from './errors.ts'
import { FolderSync } from './folder-sync.ts'
import { Garbage } from './garbage.ts'
import { type CommitHost, Committer } from './journal/committer.ts'
import { Journal, type JournaledLog, type JournalKind } from './journal/journal.ts'
import { Marks } from './journal/marks.ts'
import type { Place } from './journal/rounds.ts'
import { deletedSuffix, logName, logsFolder, parseLogName } from './layout.ts'
import { StoredLog } from './log.ts'
import { UnwrittenBytes } from './memory/pressure.ts'
import { ReadBuffers } from './memory/read-buffers.ts'
import type { Slab } from './memory/slab.ts'
import { SlabPool } from './memory/slab-pool.ts'
import type { StoreOptions } from './options.ts'
import { type Checkpoint, emptyState } from './recovery/checkpoint.ts'
import { Checkpointer, type CheckpointHost } from './recovery/checkpointer.ts'
import { prepareFolder, recover, writeCleanMarker } from './recovery/recovery.ts'
import { FileCache } from './segments/file-cache.ts'
import { Flusher, type FlushHost } from './segments/flusher.ts'
import { IndexCache, TailCache } from './segments/reader-caches.ts'
import type { Segment } from './segments/segment.ts'
import { Space } from './space.ts'
import { type StoreContext, type StoreEnvironment, unlimited } from './store-context.ts'
import { Survival } from './survival.ts'
import type { Log, LogConfig, LogId, LogStore } from './types.ts'

/** A log with so much in memory is written to its segment. */
const flushBytes = 1024 * 1024
/** A checkpoint is made after this much was written to segments, so that a restart after a crash has little to scan. */
const checkpointBytes = 256 * 1024 * 1024
const sealedIndexesMax = 256

/**
 * Opens the data folder, and makes it when there is none: locks it and brings every log to the end that it
 * acknowledged. Rejects with DiskError (`locked` when another broker has the folder) or with NaruError
 * KAFKA_STORAGE_ERROR when a newer Naru wrote it.
 */
export async function openLogStore(
  environment: StoreEnvironment,
  folder: string,
  options: StoreOptions
): Promise<LogStore> {
  const { disk } = environment
  await disk.mkdir(folder)
  const lock = await disk.lock(`${folder}/lock`)
  try {
    const folders = new FolderSync(disk)
    await prepareFolder(disk, folders, folder)
    const survival = await Survival.open(disk, folders, folder)
    const corrupt = environment.metrics.counter('naru_corrupt_batches_total', 'Damaged places found in logs')
    const doubt = () => survival.doubt()
    const checkpoint = await recover({ ...environment, folder, folders, corrupt, doubt })
    return new Store(environment, folder, options, lock, folders, survival, checkpoint, corrupt)
  } catch (error) {
    await lock.release()
    throw error
  }
}

class Store implements LogStore, StoreContext, CommitHost, FlushHost, CheckpointHost {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly folder: string
  readonly files: FileCache
  readonly folders: FolderSync
  readonly slabs: SlabPool
  readonly lent = { bytes: 0 }
  readonly readBuffers = new ReadBuffers(this.lent)
  readonly pressure: UnwrittenBytes
  readonly survival: Survival
  private readonly corruptBatches: Counter
  private readonly options: StoreOptions
  private readonly lock: DiskLock
  private readonly wheel: TimerWheel
  private readonly flusher: Flusher
  private readonly committers: Record<JournalKind, Committer>
  private nextRoundOrder: number
  private readonly checkpoints: Checkpointer
  private readonly logs = new Map<string, StoredLog>()
  private readonly removals = new Map<string, Promise<void>>()
  /** Logs with bytes that aren't in their segments, the longest waiting first. */
  private readonly unwritten = new Set<StoredLog>()
  private readonly flushing = new Set<StoredLog>()
  private readonly flushTimed = new Set<StoredLog>()
  private readonly tails: TailCache
  private readonly marks: Marks
  private readonly indexes = new IndexCache(sealedIndexesMax)
  private readonly renamed: Garbage
  readonly space: Space
  private bytesSinceCheckpoint = 0
  private failure: Error | undefined
  private closing: Promise<void> | undefined

  constructor(
    environment: StoreEnvironment,
    folder: string,
    options: StoreOptions,
    lock: DiskLock,
    folders: FolderSync,
    survival: Survival,
    checkpoint: Checkpoint,
    corrupt: Counter
  ) {
    this.disk = environment.disk
    this.clock = environment.clock
    this.logger = environment.logger
    this.folder = folder
    this.options = options
    this.lock = lock
    this.folders = folders
    this.survival = survival
    this.corruptBatches = corrupt
    this.files = new FileCache(this.disk, options.openFilesMax)
    this.pressure = new UnwrittenBytes(options.unwrittenBytesMax)
    this.wheel = new TimerWheel(this.clock)
    this.slabs = new SlabPool(this.disk, this.wheel, this.lent)
    this.marks = new Marks(this, this.wheel)
    this.flusher = new Flusher(this)
    this.checkpoints = new Checkpointer(this, checkpoint)
    this.tails = new TailCache(options.memoryTailBytes)
    this.renamed = new Garbage(this.disk, this.clock, this.logger, folder, checkpoint.garbage)
    this.space = new Space(this.clock, this.logger)
    this.nextRoundOrder = checkpoint.order
    const { journalFileBytes, journalFiles } = options
    const committer = (kind: JournalKind) =>
      new Committer(this, new Journal(this, kind, checkpoint[kind].from, journalFileBytes, journalFiles))
    this.committers = { sync: committer('sync'), cached: committer('cached') }
    environment.metrics.gauge(
      'naru_unwritten_bytes',
      'Bytes that wait to be written to their segments',
      () => this.pressure.bytes
    )
  }

  ids(): LogId[] {
    const names = new Set(this.checkpoints.names())
    for (const log of this.logs.values()) if (log.folderMade || log.appendedCount > 0) names.add(log.name)
    return [...names].map(name => parseLogName(name)!)
  }

  async open(id: LogId, config: LogConfig): Promise<Log> {
    const name = logName(id)
    await this.removals.get(name)
    assert(!this.closing, 'the store is open')
    let log = this.logs.get(name)
    if (!log) {
      log = new StoredLog(this, id, config, this.checkpoints.take(name) ?? emptyState)
      this.logs.set(name, log)
      if (this.failure) log.fail(this.failure)
    } else log.reconfigure(config)
    return log
  }

  remove(id: LogId): Promise<void> {
    const name = logName(id)
    let removal = this.removals.get(name)
    if (!removal) {
      removal = this.removeNow(id, name)
        .catch(error => {
          throw error instanceof DiskError ? storageError(error) : error
        })
        .finally(() => this.removals.delete(name))
      this.removals.set(name, removal)
    }
    return removal
  }

  close(): Promise<void> {
    this.closing ??= this.closeNow()
    return this.closing
  }

  // StoreContext

  get order(): number {
    return this.nextRoundOrder
  }

  committer(kind: JournalKind): Committer {
    return this.committers[kind]
  }

  async control(
    log: StoredLog,
    kind: 'mark' | 'start' | 'cut' | 'reset' | 'drop',
    offset: number,
    place?: Place
  ): Promise<void> {
    await this.committers.sync.control(kind, log.idBytes, offset, place)
  }

  checkWritable(): void {
    if (this.failure) throw storageError(this.failure)
    if (this.space.isFull)
      throw new NaruError('KAFKA_STORAGE_ERROR', 'the disk is full; it is tried again every second')
    if (this.closing) throw new NaruError('KAFKA_STORAGE_ERROR', 'the store is closing')
  }

  appended(log: StoredLog, bytes: number): void {
    this.unwritten.add(log)
    this.pressure.add(bytes)
    if (log.appendedCount - log.syncedCount >= flushBytes) this.flushSoon(log)
    else if (this.pressure.bytes > this.options.unwrittenBytesMax / 2) this.flushOldest()
    const { flushMessages, flushMs } = log.config
    if (flushMessages !== 1 && flushMs <= Number.MAX_SAFE_INTEGER && !this.flushTimed.has(log)) {
      this.flushTimed.add(log)
      this.wheel.after(flushMs, () => {
        this.flushTimed.delete(log)
        this.flushSoon(log)
      })
    }
  }

  abandoned(log: StoredLog, bytes: number): void {
    this.unwritten.delete(log)
    this.pressure.add(-bytes)
  }

  flush(log: StoredLog): Promise<void> {
    return this.flusher.flush(log)
  }

  flushSoon(log: StoredLog): void {
    if (this.flushing.has(log) || log.stopped || log.syncedCount === log.appendedCount) return
    this.flushing.add(log)
    void this.flusher.flush(log).finally(() => {
      this.flushing.delete(log)
      if (log.appendedCount - log.syncedCount >= flushBytes) this.flushSoon(log)
    })
  }

  idle(log: StoredLog): Promise<void> {
    return this.flusher.idle(log)
  }

  forgetTail(log: StoredLog): void {
    log.tail.clear()
  }

  indexUsed(segment: Segment): void {
    this.indexes.used(segment)
  }

  corrupt(log: StoredLog, from: number, to: number, where: string): void {
    this.corruptBatches.add()
    this.logger.error({ log: log.name, from, to, where }, 'damaged batches: they are kept and not served')
  }

  removeLater(paths: readonly string[], delayMs: number): void {
    this.renamed.removeLater(
      paths.map(path => path.slice(this.folder.length + 1)),
      delayMs
    )
  }

  // JournalHost, CommitHost

  nextOrder(): number {
    return this.nextRoundOrder++
  }

  async flushNeeds(needs: ReadonlyMap<JournaledLog, number>): Promise<void> {
    await Promise.all([...needs].map(([log, count]) => this.flusher.flush(log as StoredLog, count)))
  }

  flushDirect(log: StoredLog): void {
    log.directInFlight = true
    void this.flusher.flush(log).finally(() => {
      log.directInFlight = false
      if (!log.stopped) log.commit()
    })
  }

  checkpoint(): Promise<void> {
    return this.checkpoints.write()
  }

  fail(error: Error): void {
    if (this.failure) return
    this.failure = error
    this.logger.error({ error: messageOf(error) }, 'the data folder can no longer be written')
    const stopped = storageError(error)
    for (const committer of Object.values(this.committers)) committer.stop(stopped)
    for (const log of this.logs.values()) log.fail(error)
  }

  // FlushHost

  withSpace<T>(attempt: () => Promise<T>): Promise<T> {
    return this.space.withSpace(attempt)
  }

  cached(log: StoredLog, slabs: readonly Slab[]): void {
    this.tails.add(log, slabs)
  }

  wrote(log: StoredLog, bytes: number): void {
    if (!log.stopped) this.pressure.add(-bytes)
    if (log.syncedCount === log.appendedCount) this.unwritten.delete(log)
    if (this.pressure.bytes > this.options.unwrittenBytesMax / 2) this.flushOldest()
    if (log.isCached) this.marks.add(log)
    this.bytesSinceCheckpoint += bytes
    if (this.bytesSinceCheckpoint > checkpointBytes && !this.closing) {
      this.bytesSinceCheckpoint = 0
      this.checkpoint().catch(error => this.checkpointFailed(error))
    }
  }

  // CheckpointHost

  journal(kind: JournalKind): Journal {
    return this.committers[kind].journal
  }

  openLogs(): Iterable<StoredLog> {
    return this.logs.values()
  }

  isRemoving(name: string): boolean {
    return this.removals.has(name)
  }

  garbage(): string[] {
    return this.renamed.list()
  }

  private flushOldest(): void {
    for (const log of this.unwritten) {
      if (this.flushing.has(log)) continue
      this.flushSoon(log)
      if (this.flushing.size >= 4) return
    }
  }

  private checkpointFailed(error: unknown): void {
    // Without room for a checkpoint only recovery takes longer: the journal is kept.
    if (!(error instanceof DiskError) || error.kind !== 'full') this.fail(error as Error)
  }

  private async removeNow(id: LogId, name: string): Promise<void> {
    const log = this.logs.get(name)
    if (!log && !this.checkpoints.has(name)) return
    const removed = log ?? ((await this.open(id, unlimited)) as StoredLog)
    removed.remove()
    await removed.settled()
    await this.flusher.idle(removed)
    await Promise.all(Object.values(this.committers).map(committer => committer.barrier()))
    // From here on checkpoints know nothing of it but that what rounds say of it is void.
    this.checkpoints.drop(name)
    this.logs.delete(name)
    removed.forgotten = true
    await this.control(removed, 'drop', removed.endOffset)
    removed.tail.clear()
    for (const segment of removed.segments)
      this.files.forget(removed.path(segment, 'log'), removed.path(segment, 'index'))
    if (!(await this.disk.exists(removed.folder))) return
    const target = `${removed.folder}.${this.nextRoundOrder}${deletedSuffix}`
    await this.disk.rename(removed.folder, target)
    await this.folders.sync(logsFolder(this.folder))
    this.removeLater([target], removed.config.fileDeleteDelayMs)
  }

  private async closeNow(): Promise<void> {
    this.space.close()
    this.renamed.close()
    try {
      const logs = [...this.logs.values()]
      await Promise.all(this.removals.values())
      await Promise.all(logs.map(log => log.settled()))
      await Promise.all(logs.map(log => this.flusher.flush(log)))
      if (!this.failure) await Promise.all(Object.values(this.committers).map(committer => committer.barrier()))
      this.wheel.close()
      const clean = !this.failure && logs.every(log => log.removed || !log.failure)
      if (clean) {
        await this.checkpoint()
        await writeCleanMarker(this.disk, this.folders, this.folder, this.checkpoints.number)
      }
    } catch (error) {
      this.fail(error as Error)
    } finally {
      const closed = new NaruError('KAFKA_STORAGE_ERROR', 'the store is closed')
      for (const committer of Object.values(this.committers)) committer.stop(closed)
      for (const log of this.logs.values()) log.remove(closed)
      await Promise.all(Object.values(this.committers).map(committer => committer.journal.close().catch(() => {})))
      await this.files.closeAll()
      await this.lock.release()
    }
  }
}
