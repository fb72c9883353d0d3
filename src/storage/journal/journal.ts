import type { Disk, DiskFile } from '../../disk/disk.ts'
import type { FolderSync } from '../folder-sync.ts'
import { journalFolder } from '../layout.ts'
import { alignUp } from '../memory/slab.ts'
import type { JournalState, KeptRounds } from '../recovery/checkpoint.ts'
import { isDiskFull } from '../space.ts'
import type { LogConfig } from '../types.ts'
import { writeRoundHeader } from './rounds.ts'

/** `sync`: a round that was written is durable. `cached`: it is in the page cache. */
export type JournalKind = 'sync' | 'cached'

/** The journal that a log with these configs is acknowledged by. */
export function journalKind(config: LogConfig): JournalKind {
  return config.flushMessages === 1 ? 'sync' : 'cached'
}

/** Up to here a blocking write into the page cache costs less than an asynchronous one. */
const blockingBytesMax = 64 * 1024
const firstFileBytes = 4 * 1024 * 1024
const growth = 4

/** A log as its journal sees it, in counts of bytes ever appended. */
export interface JournaledLog {
  readonly name: string
  readonly syncedCount: number
  readonly failure: Error | undefined
  /** Deleted, durably or as far as checkpoints say: nothing of it is needed. */
  readonly forgotten: boolean
}

/** What a journal needs from the store. */
export interface JournalHost {
  readonly disk: Disk
  readonly folders: FolderSync
  readonly folder: string
  /** The next number over all journals. */
  nextOrder(): number
  /** Writes these logs to their segments, up to the counts; resolves when that is durable or failed. */
  flushNeeds(needs: ReadonlyMap<JournaledLog, number>): Promise<void>
  /** Writes a checkpoint: afterwards rounds below `state().from` are not needed any more. */
  checkpoint(): Promise<void>
  /** Tries again and again while the disk is full. */
  withSpace<T>(attempt: () => Promise<T>): Promise<T>
}

interface JournalFile {
  readonly path: string
  readonly file: DiskFile
  readonly capacity: number
  first: number
  last: number
  firstOrder: number
  /** Up to which of its bytes each log must be durable in segments before this file is free. */
  readonly needs: Map<JournaledLog, number>
}

/**
 * A ring of preallocated, recycled files that rounds are written to, one at a time. A file is used again when all that it
 * holds is durable in segments and a checkpoint says so.
 */
export class Journal {
  readonly kind: JournalKind
  private readonly host: JournalHost
  private readonly fileBytes: number
  private readonly filesMax: number
  private nextSequence: number
  private nextNumber = 1
  private opened: Promise<void> | undefined
  /** Oldest first; all rounds in them are written. */
  private filled: JournalFile[] = []
  private current: JournalFile | undefined
  private position = 0
  private free: JournalFile[] = []
  /** Kept for logs that failed; no part of the ring. */
  private pinned: JournalFile[] = []
  private preparing: Promise<void> | undefined

  constructor(host: JournalHost, kind: JournalKind, from: number, fileBytes: number, filesMax: number) {
    this.host = host
    this.kind = kind
    this.fileBytes = alignUp(fileBytes)
    this.filesMax = filesMax
    this.nextSequence = from
  }

  /** The largest round that can be written. */
  get roundBytesMax(): number {
    return Math.min(firstFileBytes, this.fileBytes)
  }

  /** What a checkpoint that is made now must say of this journal. */
  state(): JournalState {
    const needed = this.filled.find(isNeeded) ?? (this.current && isNeeded(this.current) ? this.current : undefined)
    return { from: needed ? needed.first : this.nextSequence, kept: this.pinned.map(kept) }
  }

  /** The order of the oldest round that is still kept: what is void before it needs no mention. */
  oldestOrder(): number {
    const oldest = this.pinned[0] ?? this.filled[0] ?? this.current
    return oldest ? oldest.firstOrder : Number.POSITIVE_INFINITY
  }

  /** Undefined when a round of so many bytes can be written at once; else resolves when it can. */
  makeRoom(bytes: number): Promise<void> | undefined {
    if (this.current && this.position + alignUp(bytes) <= this.current.capacity) return undefined
    return this.advance()
  }

  /**
   * Writes the round whose payload ends at `end` in `buffer` (aligned, with room up to a whole block). Room was made.
   * Undefined when it is written already. `needs`: up to which count of each log's bytes the round has data.
   */
  write(buffer: Buffer, end: number, needs: Iterable<readonly [JournaledLog, number]>): Promise<void> | undefined {
    const file = this.current!
    const order = this.host.nextOrder()
    const sequence = this.nextSequence++
    if (this.position === 0) {
      file.first = sequence
      file.firstOrder = order
    }
    file.last = sequence
    for (const [log, count] of needs) file.needs.set(log, count)
    writeRoundHeader(buffer, end, sequence, order)
    const bytes = alignUp(end)
    buffer.fill(0, end, bytes)
    const position = this.position
    this.position += bytes
    if (this.position > file.capacity / 2) this.prepare()
    if (this.kind === 'cached' && bytes <= blockingBytesMax) {
      file.file.writeSync(buffer, 0, bytes, position)
      return undefined
    }
    return file.file.write(buffer, 0, bytes, position)
  }

  /** Writes the last round once more where it was, after the disk had no room for it. */
  rewrite(buffer: Buffer, end: number): Promise<void> {
    const bytes = alignUp(end)
    return this.current!.file.write(buffer, 0, bytes, this.position - bytes)
  }

  async close(): Promise<void> {
    await this.preparing?.catch(() => {})
    const files = [...this.filled, ...this.free, ...this.pinned, ...(this.current ? [this.current] : [])]
    await Promise.all(files.map(file => file.file.close()))
  }

  private async advance(): Promise<void> {
    this.opened ??= this.open()
    await this.opened
    while (this.free.length === 0) await this.prepare()
    if (this.current) this.filled.push(this.current)
    this.current = this.free.shift()
    this.position = 0
  }

  /** Makes a free file, in the background. Rejects when a journal can't go on. */
  private prepare(): Promise<void> {
    if (this.preparing) return this.preparing
    const done = () => {
      this.preparing = undefined
    }
    this.preparing = this.free.length > 0 ? Promise.resolve() : this.makeFree()
    this.preparing.then(done, done)
    return this.preparing
  }

  private makeFree(): Promise<void> {
    return this.host.withSpace(async () => {
      const inRing = this.filled.length + (this.current ? 1 : 0)
      if (inRing < this.filesMax)
        try {
          this.free.push(await this.create())
          return
        } catch (error) {
          if (!isDiskFull(error) || this.filled.length === 0) throw error
        }
      await this.reclaim()
    })
  }

  /** Frees the oldest file, and what happens to be free with it. */
  private async reclaim(): Promise<void> {
    const oldest = this.filled[0]
    await this.host.flushNeeds(oldest.needs)
    const failed = this.filled.filter(file => neededBy(file).some(log => log.failure))
    this.filled = this.filled.filter(file => !failed.includes(file))
    this.pinned.push(...failed)
    const released = this.pinned.filter(file => !isNeeded(file))
    this.pinned = this.pinned.filter(isNeeded)
    const from = this.state().from
    await this.host.checkpoint()
    for (const file of released) file.needs.clear()
    this.free.push(...released)
    while (this.filled.length > 0 && this.filled[0].last < from) {
      const file = this.filled.shift()!
      file.needs.clear()
      this.free.push(file)
    }
  }

  private async create(): Promise<JournalFile> {
    const { disk, folders, folder } = this.host
    const path = `${journalFolder(folder)}/${this.kind}-${this.nextNumber++}`
    const largest = Math.max(0, ...[...this.filled, ...(this.current ? [this.current] : [])].map(file => file.capacity))
    const capacity = Math.min(this.fileBytes, Math.max(firstFileBytes, largest * growth))
    const file = await disk.open(path, this.openOptions())
    try {
      await file.preallocate(capacity)
      await folders.sync(journalFolder(folder))
    } catch (error) {
      await file.close().catch(() => {})
      await disk.remove(path).catch(() => {})
      throw error
    }
    return { path, file, capacity, first: 0, last: 0, firstOrder: 0, needs: new Map() }
  }

  /** Takes over the files of earlier runs; recovery or a clean shutdown has made them free. */
  private async open(): Promise<void> {
    const { disk, folders, folder } = this.host
    for (const name of await disk.list(journalFolder(folder))) {
      const match = /^(sync|cached)-(\d+)$/.exec(name)
      if (match?.[1] !== this.kind) continue
      this.nextNumber = Math.max(this.nextNumber, Number(match[2]) + 1)
      const path = `${journalFolder(folder)}/${name}`
      const file = await disk.open(path, this.openOptions())
      const capacity = await file.size()
      // One that a crash interrupted in the making, or that is too small by today's options.
      if (capacity % 4096 !== 0 || capacity < this.roundBytesMax || this.free.length === this.filesMax) {
        await file.close()
        await disk.remove(path)
      } else this.free.push({ path, file, capacity, first: 0, last: 0, firstOrder: 0, needs: new Map() })
    }
    // A killed process may have left names that aren't durable.
    if (this.free.length > 0) await folders.sync(journalFolder(folder))
    this.free.sort((a, b) => a.capacity - b.capacity)
  }

  private openOptions(): { mode: 'write'; durable: boolean; direct: boolean } {
    return { mode: 'write', durable: this.kind === 'sync', direct: this.kind === 'sync' }
  }
}

/** The logs that have data in the file and nowhere else. */
function neededBy(file: JournalFile): JournaledLog[] {
  const logs: JournaledLog[] = []
  for (const [log, count] of file.needs) if (log.syncedCount < count && !log.forgotten) logs.push(log)
  return logs
}

function isNeeded(file: JournalFile): boolean {
  return neededBy(file).length > 0
}

function kept(file: JournalFile): KeptRounds {
  return { first: file.first, last: file.last, logs: neededBy(file).map(log => log.name) }
}
