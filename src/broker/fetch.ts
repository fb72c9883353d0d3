import { divergence } from '../partition/epochs.ts'
import { notLeader } from '../partition/errors.ts'
import type { Partition } from '../partition/partition.ts'
import type { ReplicationThrottle } from '../replication/throttle.ts'
import type { Clock } from '../std/clock.ts'
import { codeOf, type ErrorCode, NaruError } from '../std/errors.ts'
import { option } from '../std/option.ts'
import type { Random } from '../std/random.ts'
import type { LogRead } from '../storage/types.ts'
import { Collector } from './fetch-collector.ts'
import { type FetchEntries, type FetchEntry, FetchSessions, SingleFetch } from './fetch-session.ts'
import type { FetchRequest, FetchResult } from './fetch-types.ts'
import type { Partitions } from './partitions.ts'
import type { ReadReplica } from './read-replica.ts'
import { ThrottledEntries } from './throttled-entries.ts'

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

const noRelease = () => {}

/** Where a fetch stands on a partition: what can be sent, or what is wrong. */
interface Readable {
  readonly error?: ErrorCode
  /** There is something to say without records. */
  readonly isNews?: boolean
  readonly bytes: number
}

/** A read from a file. The session of its entry may end, or forget the entry, before it is back. */
interface Reading {
  readonly partition: Partition
  readonly read: Promise<LogRead>
}

export interface FetchExtras {
  /** Bounds what followers that are not in sync are sent of throttled replicas. */
  readonly throttle?: ReplicationThrottle
  /** Sends consumers elsewhere to read. */
  readonly readReplica?: ReadReplica
}

/** Fetch as every Kafka consumer uses it: sessions, long polling, size limits. */
export class Fetcher {
  readonly sessions: FetchSessions
  private readonly partitions: Partitions
  private readonly clock: Clock
  private readonly maxBytes: number
  private readonly throttled: ThrottledEntries | undefined
  /** Where consumers are sent elsewhere to read. Followers are told of the high watermark at once, then. */
  private readonly readReplica: ReadReplica | undefined

  constructor(
    partitions: Partitions,
    clock: Clock,
    random: Random,
    limits: { maxBytes: number; sessionSlots: number; sessionPartitionsMax?: number },
    extras: FetchExtras = {}
  ) {
    const { throttle, readReplica } = extras
    this.throttled = throttle && new ThrottledEntries(throttle, clock)
    this.partitions = partitions
    this.clock = clock
    this.readReplica = readReplica
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
        request.items.length > 0
          ? this.sessions.open(request.usesTopicIds, request.replica !== undefined, nowMs, request.items.length)
          : undefined
      if (!session) return this.single(request, onClose)
      this.sessions.update(session, request.items, [])
      return this.serve(request, session, session.id, true, onClose)
    }
    const { sessionId, sessionEpoch, usesTopicIds, replica } = request
    const session = this.sessions.resume(sessionId, sessionEpoch, usesTopicIds, replica !== undefined, nowMs)
    if (typeof session === 'string')
      return { error: session, sessionId: 0, partitions: [], bytes: 0, release: noRelease }
    if (!this.sessions.update(session, request.items, request.forgotten))
      return { error: 'FETCH_SESSION_ID_NOT_FOUND', sessionId: 0, partitions: [], bytes: 0, release: noRelease }
    // A follower with news doesn't wait for the answer to its last fetch.
    session.interrupt?.()
    if (session.size === 0) {
      this.sessions.remove(session.id)
      return this.serve(request, session, 0, false, onClose)
    }
    return this.serve(request, session, session.id, false, onClose)
  }

  private single(request: FetchRequest, onClose: (gone: () => void) => () => void): FetchResult | Promise<FetchResult> {
    const single = new SingleFetch(request.items, request.replica !== undefined)
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
    if (request.replica) this.acknowledge(request, request.replica)
    const limit = Math.min(request.maxBytes, this.maxBytes)
    const collector = new Collector(request, limit, sessionId, full, entries.named)
    if (this.ready(request, entries)) return this.collect(collector, entries)
    return this.wait(request, entries, onClose).then(() => this.collect(collector, entries))
  }

  /** Whether there is reason to answer now. Binds entries to their partitions, so that a wait hears of progress. */
  private ready(request: FetchRequest, entries: FetchEntries): boolean {
    if (request.maxWaitMs <= 0 || entries.size === 0) return true
    // More than fits in an answer would be waited for in vain.
    const minBytes = Math.min(request.minBytes, request.maxBytes, this.maxBytes)
    let bytes = 0
    for (const entry of entries.dirty) {
      const state = this.look(request, entry, minBytes - bytes)
      if (state.error || state.isNews) return true
      bytes += state.bytes
      if (bytes >= minBytes) return true
    }
    return bytes >= minBytes
  }

  /** A follower has what lies before the offsets that it fetches from: the leader learns of it before anything is read. */
  private acknowledge({ items }: FetchRequest, { nodeId, brokerEpoch }: NonNullable<FetchRequest['replica']>): void {
    const nowMs = this.clock.monotonic()
    for (const item of items) {
      const partition = this.partitions.lookUp(item)
      if (typeof partition === 'string' || partition.failure || !partition.leader) continue
      const { fetchOffset, logStartOffset, lastFetchedEpoch } = item
      // What is wrong with it is told where it would be read.
      if (item.currentLeaderEpoch !== partition.leaderEpoch || divergence(partition, fetchOffset, lastFetchedEpoch))
        continue
      if (fetchOffset < partition.startOffset || fetchOffset > partition.endOffset) continue
      if (!partition.leader.isReplica(nodeId, brokerEpoch)) continue
      const { leader, highWatermark } = partition
      leader.acknowledge(nodeId, brokerEpoch, fetchOffset, logStartOffset, nowMs, highWatermark)
      partition.commit()
    }
  }

  /** The partition as it stands for who asks, and up to where it may be read; throws what is wrong. */
  private open(request: FetchRequest, entry: FetchEntry): { partition: Partition; below: number } {
    const { item } = entry
    const partition = request.rack === undefined ? this.partitions.find(item) : this.partitions.readable(item)
    entry.bind(partition)
    if (partition.failure) throw partition.failure
    // What a follower hasn't got its leader may have: nobody must take the end of its log for the end of all.
    if (!partition.leader && item.fetchOffset > partition.endOffset) throw notLeader(partition)
    const { replica } = request
    if (!replica)
      return { partition, below: request.readCommitted ? partition.lastStableOffset : partition.highWatermark }
    if (!partition.leader) throw notLeader(partition)
    partition.leader.checkReplica(replica.nodeId, replica.brokerEpoch)
    return { partition, below: partition.endOffset }
  }

  private look(request: FetchRequest, entry: FetchEntry, limit: number): Readable {
    const { item } = entry
    try {
      const { partition, below } = this.open(request, entry)
      if (request.replica && divergence(partition, item.fetchOffset, item.lastFetchedEpoch))
        return { error: 'OFFSET_OUT_OF_RANGE', bytes: 0 }
      if (item.fetchOffset < partition.startOffset || item.fetchOffset > partition.endOffset)
        return { error: 'OFFSET_OUT_OF_RANGE', bytes: 0 }
      if (this.referral(request, entry, partition) !== undefined) return { isNews: true, bytes: 0 }
      if (item.fetchOffset >= below) return { isNews: this.hasNewsFor(entry, partition), bytes: 0 }
      if (this.throttled?.holdsBack(request, entry, partition)) return { bytes: 0 }
      const most = Math.max(1, Math.min(limit, item.maxBytes))
      return { bytes: Math.min(item.maxBytes, partition.log.bytesBetween(item.fetchOffset, below, most)) }
    } catch (error) {
      return { error: codeOf(error), bytes: 0 }
    }
  }

  private wait(request: FetchRequest, entries: FetchEntries, onClose: (gone: () => void) => () => void): Promise<void> {
    return new Promise(resolve => {
      let scheduled = false
      let over = false
      const done = () => {
        over = true
        entries.onTouched = undefined
        entries.interrupt = undefined
        timer.cancel()
        forget()
        resolve()
      }
      const timer = this.clock.after(request.maxWaitMs, done)
      let forget = () => {}
      forget = onClose(done)
      entries.interrupt = done
      // Judged after the turn: a commit round that advances many partitions is answered with all of them.
      entries.onTouched = () => {
        if (scheduled) return
        scheduled = true
        queueMicrotask(() => {
          scheduled = false
          // By now the session may wait on behalf of another request.
          if (!over && this.ready(request, entries)) done()
        })
      }
    })
  }

  /** Reads what the entries have, within the request's limits, in order; what was served goes to the end of the line. */
  private collect(collector: Collector, entries: FetchEntries): FetchResult | Promise<FetchResult> {
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
            const read = await pending.read
            if (collector.answers(entry)) this.take(collector, entries, entry, pending.partition, read)
            else read.release()
          } catch (error) {
            if (collector.answers(entry)) this.refuse(collector, entries, entry, error)
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
    if (!collector.answers(entry)) return undefined
    const { item } = entry
    try {
      const { partition, below } = this.open(collector.request, entry)
      const diverging = collector.request.replica && divergence(partition, item.fetchOffset, item.lastFetchedEpoch)
      if (diverging) {
        collector.diverges(entry, partition, diverging)
        entries.dirty.delete(entry)
        entry.awaitsClient = true
        return undefined
      }
      if (item.fetchOffset < partition.startOffset || item.fetchOffset > partition.endOffset)
        throw new NaruError('OFFSET_OUT_OF_RANGE')
      const readReplica = this.referral(collector.request, entry, partition)
      if (readReplica !== undefined) {
        collector.refer(entry, partition, readReplica)
        this.keep(entries, entry)
        return undefined
      }
      const room = Math.min(item.maxBytes, collector.room)
      const held = item.fetchOffset < below && this.throttled?.holdsBack(collector.request, entry, partition)
      if (item.fetchOffset >= below || held || (room <= 0 && collector.bytes > 0)) {
        this.take(collector, entries, entry, partition, undefined)
        // Its throttle touches it again.
        if (held) entries.dirty.delete(entry)
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
    if (sent) this.throttled?.sent(collector.request, partition, read.bytes)
    // Left for lack of room: it keeps its place, before those that were served.
    const end = entry.isReplica ? partition.endOffset : partition.highWatermark
    if (!sent && entry.item.fetchOffset < end) return
    entries.dirty.delete(entry)
    entry.awaitsClient = entry.isReplica && sent
    if (sent && !entry.isReplica && !entry.closed) entries.dirty.add(entry)
  }

  private refuse(collector: Collector, entries: FetchEntries, entry: FetchEntry, error: unknown): void {
    if (!(error instanceof NaruError)) this.partitions.reportBug(error, 'fetch')
    collector.refuse(entry, codeOf(error))
    this.keep(entries, entry)
  }

  /** What is told without records, as an error, is told again with every answer, as long as it lasts. */
  private keep(entries: FetchEntries, entry: FetchEntry): void {
    entries.dirty.delete(entry)
    if (!entry.closed) entries.dirty.add(entry)
  }

  /** Where a consumer shall read instead. */
  private referral({ rack }: FetchRequest, { item }: FetchEntry, partition: Partition): number | undefined {
    if (!rack || !this.readReplica || !partition.leader) return undefined
    return this.readReplica(partition, rack, item.fetchOffset)
  }

  /** Who deletes records waits until followers know it; consumers of a follower wait for the high watermark that it knows. */
  private hasNewsFor({ isReplica, toldHighWatermark, toldStartOffset }: FetchEntry, partition: Partition): boolean {
    if (!isReplica) return false
    if (toldStartOffset !== undefined && toldStartOffset !== partition.startOffset) return true
    return this.readReplica !== undefined && toldHighWatermark !== partition.highWatermark
  }
}
