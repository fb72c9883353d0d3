import type { Partition } from '../partition/partition.ts'
import type { Clock } from '../std/clock.ts'
import { codeOf, type ErrorCode, NaruError } from '../std/errors.ts'
import { option } from '../std/option.ts'
import type { Random } from '../std/random.ts'
import type { LogRead, TopicId } from '../storage/types.ts'
import { type FetchEntries, type FetchEntry, type FetchItem, FetchSessions, SingleFetch } from './fetch-session.ts'
import type { Partitions } from './partitions.ts'

/** Broker options of fetching. */
export const fetchOptions = {
  fetchMaxBytes: option({
    name: 'fetch.max.bytes',
    type: 'int',
    default: 57_671_680,
    min: 1024,
    unit: 'bytes',
    doc: 'The most that one fetch is answered with, whatever the client asks.'
  }),
  sessionSlots: option({
    name: 'max.incremental.fetch.session.cache.slots',
    type: 'int',
    default: 1000,
    min: 0,
    doc: 'How many incremental fetch sessions are kept; clients beyond that fetch without one.'
  }),
  sessionPartitionsMax: option({
    name: 'naru.fetch.session.partitions.max',
    type: 'int',
    default: 500_000,
    min: 0,
    doc: 'How many partitions all incremental fetch sessions keep together; clients beyond that fetch without one.'
  })
} as const

/** A session that wasn't used for so long may be evicted for a new one. */
const sessionEvictAfterMs = 120_000

/** What one read from a file takes at most, but for larger batches. */
const fileReadBytes = 1024 * 1024

export interface FetchRequest {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  /** Bytes that may be read now: asked before each read, as memory may be short by then. At least one batch is read. */
  room?(): number
  /** So many bytes are about to be read from a file; the returned function says that they were. */
  reserve?(bytes: number): () => void
  readonly readCommitted: boolean
  /** 0: none yet. */
  readonly sessionId: number
  /** 0: open a session; -1: without one (and close the named one); else the next epoch of the session. */
  readonly sessionEpoch: number
  readonly usesTopicIds: boolean
  readonly items: readonly FetchItem[]
  readonly forgotten: readonly { topic: string; topicId: TopicId; indexes: readonly number[] }[]
}

export interface FetchedPartition {
  readonly topic: string
  readonly topicId: TopicId
  readonly index: number
  readonly error?: ErrorCode
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly records: readonly Buffer[]
}

export interface FetchResult {
  readonly error?: ErrorCode
  readonly sessionId: number
  readonly partitions: readonly FetchedPartition[]
  /** Of all records. */
  readonly bytes: number
  /** Gives the bytes back; call it once, when they are on their way or will never be. */
  release(): void
}

const noRelease = () => {}

/** Where a fetch stands on a partition: what can be sent, or what is wrong. */
interface Readable {
  readonly error?: ErrorCode
  readonly bytes: number
}

/** A read from a file. The session of its entry may end, or forget the entry, before it is back. */
interface Reading {
  readonly partition: Partition
  readonly read: Promise<LogRead>
}

/** Fetch as every Kafka consumer uses it: sessions, long polling, size limits. */
export class Fetcher {
  readonly sessions: FetchSessions
  private readonly partitions: Partitions
  private readonly clock: Clock
  private readonly maxBytes: number

  constructor(
    partitions: Partitions,
    clock: Clock,
    random: Random,
    limits: { maxBytes: number; sessionSlots: number; sessionPartitionsMax?: number }
  ) {
    this.partitions = partitions
    this.clock = clock
    this.maxBytes = limits.maxBytes
    this.sessions = new FetchSessions(
      limits.sessionSlots,
      sessionEvictAfterMs,
      random,
      limits.sessionPartitionsMax ?? fetchOptions.sessionPartitionsMax.default
    )
  }

  /**
   * Answers one fetch, at once or when `minBytes` are there, something is wrong, or `maxWaitMs` have passed.
   * `onClose` tells the fetch that nobody waits any more.
   */
  fetch(request: FetchRequest, onClose: (gone: () => void) => () => void): FetchResult | Promise<FetchResult> {
    const nowMs = this.clock.monotonic()
    if (request.sessionEpoch === -1) {
      if (request.sessionId !== 0) this.sessions.remove(request.sessionId)
      return this.single(request, onClose)
    }
    if (request.sessionEpoch === 0) {
      if (request.sessionId !== 0) this.sessions.remove(request.sessionId)
      const session =
        request.items.length > 0 ? this.sessions.open(request.usesTopicIds, nowMs, request.items.length) : undefined
      if (!session) return this.single(request, onClose)
      this.sessions.update(session, request.items, [])
      return this.serve(request, session, session.id, true, onClose)
    }
    const session = this.sessions.resume(request.sessionId, request.sessionEpoch, request.usesTopicIds, nowMs)
    if (typeof session === 'string')
      return { error: session, sessionId: 0, partitions: [], bytes: 0, release: noRelease }
    if (!this.sessions.update(session, request.items, request.forgotten))
      return { error: 'FETCH_SESSION_ID_NOT_FOUND', sessionId: 0, partitions: [], bytes: 0, release: noRelease }
    if (session.size === 0) {
      this.sessions.remove(session.id)
      return this.serve(request, session, 0, false, onClose)
    }
    return this.serve(request, session, session.id, false, onClose)
  }

  private single(request: FetchRequest, onClose: (gone: () => void) => () => void): FetchResult | Promise<FetchResult> {
    const single = new SingleFetch(request.items)
    const result = this.serve(request, single, 0, true, onClose)
    if (!(result instanceof Promise)) {
      single.close()
      return result
    }
    return result.finally(() => single.close())
  }

  private serve(
    request: FetchRequest,
    entries: FetchEntries,
    sessionId: number,
    full: boolean,
    onClose: (gone: () => void) => () => void
  ): FetchResult | Promise<FetchResult> {
    if (this.ready(request, entries)) return this.collect(request, entries, sessionId, full)
    return this.wait(request, entries, onClose).then(() => this.collect(request, entries, sessionId, full))
  }

  /** Whether there is reason to answer now. Binds entries to their partitions, so that a wait hears of progress. */
  private ready(request: FetchRequest, entries: FetchEntries): boolean {
    if (request.maxWaitMs <= 0 || entries.size === 0) return true
    // More than fits in an answer would be waited for in vain.
    const minBytes = Math.min(request.minBytes, request.maxBytes, this.maxBytes)
    let bytes = 0
    for (const entry of entries.dirty) {
      const state = this.look(entry, minBytes - bytes)
      if (state.error) return true
      bytes += state.bytes
      if (bytes >= minBytes) return true
    }
    return bytes >= minBytes
  }

  private look(entry: FetchEntry, limit: number): Readable {
    const { item } = entry
    try {
      const partition = this.partitions.find(item)
      entry.bind(partition)
      if (partition.failure) throw partition.failure
      partition.checkLeaderEpoch(item.currentLeaderEpoch)
      const end = partition.highWatermark
      if (item.fetchOffset < partition.startOffset || item.fetchOffset > partition.endOffset)
        return { error: 'OFFSET_OUT_OF_RANGE', bytes: 0 }
      if (item.fetchOffset >= end) return { bytes: 0 }
      const most = Math.max(1, Math.min(limit, item.maxBytes))
      return { bytes: Math.min(item.maxBytes, partition.log.bytesBetween(item.fetchOffset, end, most)) }
    } catch (error) {
      return { error: codeOf(error), bytes: 0 }
    }
  }

  private wait(request: FetchRequest, entries: FetchEntries, onClose: (gone: () => void) => () => void): Promise<void> {
    return new Promise(resolve => {
      let scheduled = false
      const done = () => {
        entries.onTouched = undefined
        timer.cancel()
        forget()
        resolve()
      }
      const timer = this.clock.after(request.maxWaitMs, done)
      let forget = () => {}
      forget = onClose(done)
      // Judged after the turn: a commit round that advances many partitions is answered with all of them.
      entries.onTouched = () => {
        if (scheduled) return
        scheduled = true
        queueMicrotask(() => {
          scheduled = false
          if (entries.onTouched && this.ready(request, entries)) done()
        })
      }
    })
  }

  /** Reads what the entries have, within the request's limits, in order; what was served goes to the end of the line. */
  private collect(
    request: FetchRequest,
    entries: FetchEntries,
    sessionId: number,
    full: boolean
  ): FetchResult | Promise<FetchResult> {
    const collector = new Collector(request, Math.min(request.maxBytes, this.maxBytes), sessionId, full)
    const line = [...entries.dirty]
    for (let i = 0; i < line.length; i++) {
      const reading = this.readOne(collector, entries, line[i])
      if (reading) return this.collectRest(collector, entries, line, i, reading)
    }
    return collector
  }

  /** The slow way on, from the first read that has to wait for a file. */
  private async collectRest(
    collector: Collector,
    entries: FetchEntries,
    line: FetchEntry[],
    from: number,
    reading: Reading
  ): Promise<FetchResult> {
    try {
      let pending: Reading | undefined = reading
      for (let i = from; ; ) {
        if (pending) {
          const entry = line[i]
          try {
            this.take(collector, entries, entry, pending.partition, await pending.read)
          } catch (error) {
            this.refuse(collector, entries, entry, error)
          }
        }
        if (++i >= line.length) return collector
        pending = this.readOne(collector, entries, line[i])
      }
    } catch (error) {
      collector.release()
      throw error
    }
  }

  /** Serves one entry from memory, or begins a read from a file. */
  private readOne(collector: Collector, entries: FetchEntries, entry: FetchEntry): Reading | undefined {
    const { item } = entry
    try {
      const partition = this.partitions.find(item)
      entry.bind(partition)
      if (partition.failure) throw partition.failure
      partition.checkLeaderEpoch(item.currentLeaderEpoch)
      if (item.fetchOffset < partition.startOffset || item.fetchOffset > partition.endOffset)
        throw new NaruError('OFFSET_OUT_OF_RANGE')
      const below = collector.readCommitted ? partition.lastStableOffset : partition.highWatermark
      const room = Math.min(item.maxBytes, collector.room)
      if (item.fetchOffset >= below || (room <= 0 && collector.bytes > 0)) {
        this.take(collector, entries, entry, partition, undefined)
        return undefined
      }
      const read = partition.read(item.fetchOffset, { maxBytes: room, atLeastOne: collector.bytes === 0, below })
      if (read instanceof Promise) {
        const done = collector.reserve(Math.min(Math.max(1, room), fileReadBytes))
        return { partition, read: done ? read.finally(done) : read }
      }
      this.take(collector, entries, entry, partition, read)
    } catch (error) {
      this.refuse(collector, entries, entry, error)
    }
    return undefined
  }

  private take(
    collector: Collector,
    entries: FetchEntries,
    entry: FetchEntry,
    partition: Partition,
    read: LogRead | undefined
  ): void {
    collector.add(entry, partition, read)
    const sent = read !== undefined && read.bytes > 0
    // Left for lack of room: it keeps its place, before those that were served.
    if (!sent && entry.item.fetchOffset < partition.highWatermark) return
    entries.dirty.delete(entry)
    if (sent && !entry.closed) entries.dirty.add(entry)
  }

  private refuse(collector: Collector, entries: FetchEntries, entry: FetchEntry, error: unknown): void {
    if (!(error instanceof NaruError)) this.partitions.reportBug(error, 'fetch')
    collector.refuse(entry, codeOf(error))
    // An error is told again with every answer, as long as it lasts.
    entries.dirty.delete(entry)
    if (!entry.closed) entries.dirty.add(entry)
  }
}

/** The answer being put together. */
class Collector implements FetchResult {
  readonly sessionId: number
  readonly partitions: FetchedPartition[] = []
  readonly readCommitted: boolean
  bytes = 0
  private readonly limit: number
  private readonly full: boolean
  private readonly request: FetchRequest
  private readonly reads: LogRead[] = []

  constructor(request: FetchRequest, limit: number, sessionId: number, full: boolean) {
    this.readCommitted = request.readCommitted
    this.limit = limit
    this.sessionId = sessionId
    this.full = full
    this.request = request
  }

  reserve(bytes: number): (() => void) | undefined {
    return this.request.reserve?.(bytes)
  }

  get room(): number {
    const left = this.limit - this.bytes
    return this.request.room ? Math.min(left, this.request.room()) : left
  }

  add(entry: FetchEntry, partition: Partition, read: LogRead | undefined): void {
    const { highWatermark, startOffset } = partition
    const news =
      this.full ||
      (read !== undefined && read.bytes > 0) ||
      entry.toldHighWatermark !== highWatermark ||
      entry.toldStartOffset !== startOffset
    if (read) {
      if (read.bytes > 0) this.reads.push(read)
      else read.release()
      this.bytes += read.bytes
    }
    if (!news) return
    entry.toldHighWatermark = highWatermark
    entry.toldStartOffset = startOffset
    this.partitions.push({
      topic: partition.topic,
      topicId: partition.topicId,
      index: partition.index,
      highWatermark,
      lastStableOffset: partition.lastStableOffset,
      logStartOffset: startOffset,
      records: read ? read.chunks : []
    })
  }

  refuse(entry: FetchEntry, error: ErrorCode): void {
    entry.toldHighWatermark = undefined
    this.partitions.push({
      topic: entry.item.topic,
      topicId: entry.item.topicId,
      index: entry.item.index,
      error,
      highWatermark: -1,
      lastStableOffset: -1,
      logStartOffset: -1,
      records: []
    })
  }

  release(): void {
    for (const read of this.reads) read.release()
    this.reads.length = 0
  }
}
