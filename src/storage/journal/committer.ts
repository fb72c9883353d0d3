import type { Disk } from '../../disk/disk.ts'
import type { StoredLog } from '../log.ts'
import { alignUp } from '../memory/slab.ts'
import type { Journal, JournalHost } from './journal.ts'
import {
  type EntryKind,
  entryHeaderBytes,
  type Place,
  placeBytes,
  roundHeaderBytes,
  writeEntryHeader,
  writePlace
} from './rounds.ts'

/** A synced log with this much for one round goes straight to its segment instead: one copy and one write less. */
const directBytes = 256 * 1024
const firstBufferBytes = 64 * 1024
const noId = Buffer.alloc(0)

export interface CommitHost extends JournalHost {
  /** Begins to write all of the log to its segment; marks the log dirty again when that is done. */
  flushDirect(log: StoredLog): void
  /** The store can't be written any more. */
  fail(error: Error): void
}

interface Control {
  /** Undefined: no entry, only the wait. */
  readonly kind: EntryKind | undefined
  readonly id: Buffer
  readonly offset: number
  readonly place: Place | undefined
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Makes appends to any number of logs durable with one write: a round takes what all dirty logs got since the last one.
 * One round of a journal is in flight at a time; what arrives meanwhile goes into the next.
 */
export class Committer {
  readonly journal: Journal
  private readonly host: CommitHost
  private readonly disk: Disk
  private readonly directBytesMin: number
  private dirty: StoredLog[] = []
  private controls: Control[] = []
  /** Those of the round being made or written. */
  private inFlight: Control[] = []
  private running = false
  private scheduled = false
  private stopped: Error | undefined
  private buffer: Buffer = Buffer.alloc(0)
  private used = roundHeaderBytes
  /** Logs of the round being made, with the counts that it takes them to. */
  private logs: StoredLog[] = []
  private needs = new Map<StoredLog, number>()

  constructor(host: CommitHost, journal: Journal) {
    this.host = host
    this.disk = host.disk
    this.journal = journal
    this.directBytesMin = journal.kind === 'sync' ? directBytes : Number.POSITIVE_INFINITY
  }

  /** The log has something for the next round. */
  add(log: StoredLog): void {
    if (log.dirty || this.stopped) return
    log.dirty = true
    this.dirty.push(log)
    this.schedule()
  }

  /** Puts an entry into the next round; resolves when it is written. */
  control(kind: EntryKind, id: Buffer, offset: number, place?: Place): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.stopped) reject(this.stopped)
      else {
        this.controls.push({ kind, id, offset, place, resolve, reject })
        this.schedule()
      }
    })
  }

  /** Resolves when all that is queued now is written. */
  barrier(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.stopped) reject(this.stopped)
      else {
        this.controls.push({ kind: undefined, id: noId, offset: 0, place: undefined, resolve, reject })
        this.schedule()
      }
    })
  }

  /** No round is begun after this one. */
  stop(error: Error): void {
    if (this.stopped) return
    this.stopped = error
    for (const control of [...this.inFlight, ...this.controls]) control.reject(error)
    this.inFlight = []
    this.controls = []
    this.dirty = []
  }

  /** Everything that arrives in this turn of the event loop goes out together. */
  private schedule(): void {
    if (this.running || this.scheduled) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      void this.run()
    })
  }

  private async run(): Promise<void> {
    if (this.running) return
    this.running = true
    try {
      while (!this.stopped && (this.dirty.length > 0 || this.controls.length > 0)) {
        this.collect()
        const { logs, inFlight } = this
        if (this.used > roundHeaderBytes) {
          const room = this.journal.makeRoom(this.used)
          if (room) await room
          const written = this.journal.write(this.buffer, this.used, this.needs)
          if (written) await this.written(written)
        }
        for (const log of logs) log.roundWritten()
        for (const control of inFlight) control.resolve()
        this.inFlight = []
      }
    } catch (error) {
      this.host.fail(error as Error)
    } finally {
      this.running = false
    }
  }

  /** A full disk is no reason to fail: nothing was acknowledged, and the same bytes can be written when there is room. */
  private written(write: Promise<void>): Promise<void> {
    let first: Promise<void> | undefined = write
    return this.host.withSpace(() => {
      const attempt = first ?? this.journal.rewrite(this.buffer, this.used)
      first = undefined
      return attempt
    })
  }

  /** Makes the next round in `buffer`, out of what fits. */
  private collect(): void {
    this.inFlight = this.controls
    const dirty = this.dirty
    this.controls = []
    this.dirty = []
    this.logs = []
    this.needs.clear()
    this.used = roundHeaderBytes
    for (const { kind, id, offset, place } of this.inFlight) if (kind) this.putEntry(kind, id, offset, place)
    for (const log of dirty) {
      log.dirty = false
      if (log.failure || !log.staysWith(this)) continue
      if (this.used < this.journal.roundBytesMax) this.take(log)
      else this.again(log)
    }
  }

  private take(log: StoredLog): void {
    const { syncedCount, appendedCount } = log
    const marked = syncedCount > log.journaledCount
    if (marked || (log.markDue && !log.isCached && !log.mustFlush()))
      this.putEntry('mark', log.idBytes, log.syncedEnd, log.syncedPlace())
    if (marked) log.roundTaken(syncedCount, log.syncedEnd)
    if (!log.isCached && !log.mustFlush()) log.markDue = false
    const from = Math.max(syncedCount, log.journaledCount)
    if (appendedCount > from) {
      if (log.directInFlight || log.mustFlush() || appendedCount - from >= this.directBytesMin) {
        if (!log.directInFlight) this.host.flushDirect(log)
      } else if (!this.takeData(log, from)) this.again(log)
    }
    if (log.inRound) this.logs.push(log)
  }

  /** Takes the log's bytes from the count `from` on. False when something is left for the next round. */
  private takeData(log: StoredLog, from: number): boolean {
    const headerAt = this.used
    const before = log.endAt(from)
    let at = headerAt + entryHeaderBytes
    let count = from
    for (const slab of log.tail.unsynced) {
      if (slab.countAtEnd <= from) continue
      const position = slab.from + Math.max(0, from - slab.countAtFrom)
      const bytes = slab.end - position
      if (at + bytes > this.journal.roundBytesMax) break
      this.reserve(at, at + bytes)
      slab.slice(position, slab.end).copy(this.buffer, at)
      at += bytes
      count = slab.countAtEnd
    }
    if (count === from) {
      // A slab that no round can hold goes straight to the segment; one that this round can't hold waits for the next.
      if (headerAt > roundHeaderBytes) return false
      this.host.flushDirect(log)
      return true
    }
    writeEntryHeader(this.buffer, headerAt, 'data', log.idBytes, before, at - headerAt - entryHeaderBytes)
    this.used = at
    this.needs.set(log, count)
    log.roundTaken(count, log.endAt(count))
    return count === log.appendedCount
  }

  private again(log: StoredLog): void {
    log.dirty = true
    this.dirty.push(log)
  }

  private putEntry(kind: EntryKind, id: Buffer, offset: number, place: Place | undefined): void {
    const length = place ? placeBytes : 0
    this.reserve(this.used, this.used + entryHeaderBytes + length)
    writeEntryHeader(this.buffer, this.used, kind, id, offset, length)
    this.used += entryHeaderBytes
    if (place) writePlace(this.buffer, this.used, place)
    this.used += length
  }

  /** Makes room up to `end`; what lies before `filled` stays. */
  private reserve(filled: number, end: number): void {
    if (alignUp(end) <= this.buffer.length) return
    const larger = this.disk.allocate(Math.max(firstBufferBytes, alignUp(end), this.buffer.length * 2))
    this.buffer.copy(larger, 0, 0, filled)
    this.buffer = larger
  }
}
