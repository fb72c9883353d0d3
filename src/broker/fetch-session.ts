import type { Partition } from '../partition/partition.ts'
import type { Watcher } from '../partition/types.ts'
import type { ErrorCode } from '../std/errors.ts'
import type { Random } from '../std/random.ts'
import type { TopicId } from '../storage/types.ts'

/** What a consumer asks of one partition. */
export interface FetchItem {
  /** Empty in versions that name topics by id. */
  readonly topic: string
  /** The zero id in versions that name topics by name. */
  readonly topicId: TopicId
  readonly index: number
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  readonly lastFetchedEpoch: number
  /** Where a follower's log begins; -1 for consumers. */
  readonly logStartOffset: number
  readonly maxBytes: number
}

interface Owner {
  /** The entry may have something that a waiting fetch is answered for. */
  touched(entry: FetchEntry): void
  /** It has something to say that no fetch is answered for before its time. */
  hasNews(entry: FetchEntry): void
}

/**
 * One partition of a fetch, of a session or of a single request. While watched it hears when the partition advances,
 * and tells its owner, which keeps the set of entries that may have something to say.
 */
export class FetchEntry implements Watcher {
  item: FetchItem
  partition: Partition | undefined
  /** What the client was last told; undefined before the first time. Only changes are sent in a session. */
  toldHighWatermark: number | undefined
  toldStartOffset: number | undefined
  /** Its session has ended or forgotten it. */
  closed = false
  /** A follower was sent something: there is nothing more for it until it says that it has that. */
  awaitsClient = false
  /** The request of its session that named it last, counted: answers to those before it are not for what it says. */
  namedIn = 0
  /** It is a follower's. */
  readonly isReplica: boolean
  private readonly owner: Owner

  constructor(item: FetchItem, owner: Owner, isReplica: boolean) {
    this.item = item
    this.owner = owner
    this.isReplica = isReplica
  }

  advanced(): void {
    this.owner.touched(this)
  }

  committed(): void {
    this.owner.hasNews(this)
  }

  /** Binds the entry to the partition that serves it now, and watches that one. */
  bind(partition: Partition): void {
    if (partition === this.partition || this.closed) return
    this.partition?.watchers.delete(this)
    this.partition = partition
    partition.watchers.add(this)
  }

  /** Watches nothing any more, also when an answer that is still being put together binds it again. */
  close(): void {
    this.closed = true
    this.partition?.watchers.delete(this)
    this.partition = undefined
  }
}

/** What the waiting part of a fetch needs to know of its entries, whoever owns them. */
export interface FetchEntries {
  /** Entries that may have data, an error or news, in the order in which they are to be served. */
  readonly dirty: Set<FetchEntry>
  /** How many partitions there are in all. */
  readonly size: number
  /** How many requests have named entries. */
  readonly named: number
  /** Called once per touch while a fetch waits. */
  onTouched: (() => void) | undefined
  /** While a fetch waits: ends its wait. */
  interrupt?: (() => void) | undefined
}

/** The entries of a fetch without a session: all are served, and watched only until the answer. */
export class SingleFetch implements FetchEntries, Owner {
  readonly named = 0
  readonly dirty = new Set<FetchEntry>()
  onTouched: (() => void) | undefined
  private readonly entries: readonly FetchEntry[]

  constructor(items: readonly FetchItem[], isReplica: boolean) {
    this.entries = items.map(item => new FetchEntry(item, this, isReplica))
    for (const entry of this.entries) this.dirty.add(entry)
  }

  get size(): number {
    return this.entries.length
  }

  touched(): void {
    this.onTouched?.()
  }

  /** All entries are served anyway. */
  hasNews(): void {}

  close(): void {
    for (const entry of this.entries) entry.close()
  }
}

/**
 * An incremental fetch session (KIP-227). Its cost follows what happens: an entry is looked at when its partition
 * advanced, when the client changed it, or while it still has data to send; never all of them.
 */
export class FetchSession implements FetchEntries, Owner {
  readonly id: number
  /** The epoch that the next request must carry. */
  epoch = 1
  /** True when the session names topics by id; a session never mixes. */
  readonly usesTopicIds: boolean
  /** True when it is a follower's. */
  readonly isReplica: boolean
  lastUsedMs: number
  named = 0
  readonly dirty = new Set<FetchEntry>()
  onTouched: (() => void) | undefined
  /** Ends the wait of the fetch that waits, if one does. */
  interrupt: (() => void) | undefined
  private readonly entries = new Map<string, FetchEntry>()

  constructor(id: number, usesTopicIds: boolean, isReplica: boolean, nowMs: number) {
    this.id = id
    this.usesTopicIds = usesTopicIds
    this.isReplica = isReplica
    this.lastUsedMs = nowMs
  }

  get size(): number {
    return this.entries.size
  }

  touched(entry: FetchEntry): void {
    if (entry.awaitsClient) return
    this.dirty.add(entry)
    this.onTouched?.()
  }

  hasNews(entry: FetchEntry): void {
    if (!entry.awaitsClient) this.dirty.add(entry)
  }

  /** Adds or changes what the request names and drops what it forgets. */
  update(
    items: readonly FetchItem[],
    forgotten: readonly { topic: string; topicId: TopicId; indexes: readonly number[] }[]
  ): void {
    this.named++
    for (const item of items) {
      const key = this.keyOf(item, item.index)
      let entry = this.entries.get(key)
      if (entry) {
        entry.item = item
        // A follower names what it says anew, and may have thrown away what it was told before: as when its log was replaced.
        if (this.isReplica) entry.toldHighWatermark = undefined
      } else {
        entry = new FetchEntry(item, this, this.isReplica)
        this.entries.set(key, entry)
      }
      entry.awaitsClient = false
      entry.namedIn = this.named
      this.dirty.add(entry)
    }
    for (const topic of forgotten)
      for (const index of topic.indexes) {
        const key = this.keyOf(topic, index)
        const entry = this.entries.get(key)
        if (!entry) continue
        entry.close()
        this.dirty.delete(entry)
        this.entries.delete(key)
      }
  }

  close(): void {
    for (const entry of this.entries.values()) entry.close()
    this.entries.clear()
    this.dirty.clear()
  }

  private keyOf(topic: { topic: string; topicId: TopicId }, index: number): string {
    return `${this.usesTopicIds ? topic.topicId : topic.topic}:${index}`
  }
}

/** The sessions of one broker: bounded, the least recently used make room once they have been idle long enough. */
export class FetchSessions {
  private readonly sessions = new Map<number, FetchSession>()
  private readonly slots: number
  private readonly evictAfterMs: number
  private readonly random: Random
  private readonly partitionsMax: number
  /** Of all sessions. */
  private partitions = 0

  constructor(slots: number, evictAfterMs: number, random: Random, partitionsMax: number) {
    this.partitionsMax = partitionsMax
    this.slots = slots
    this.evictAfterMs = evictAfterMs
    this.random = random
  }

  get size(): number {
    return this.sessions.size
  }

  /** A new session for so many partitions, or undefined when there is no room: the client then goes on without one. */
  open(usesTopicIds: boolean, isReplica: boolean, nowMs: number, partitions: number): FetchSession | undefined {
    if (!this.makeRoom(partitions, isReplica, nowMs)) return undefined
    const session = new FetchSession(this.newId(), usesTopicIds, isReplica, nowMs)
    this.sessions.set(session.id, session)
    return session
  }

  /**
   * Room for one more session with so many partitions; who has fetched nothing for long gives up theirs. A follower takes that of
   * a consumer: without one it would name thousands of partitions with every fetch. False when there is no room.
   */
  private makeRoom(partitions: number, isReplica: boolean, nowMs: number): boolean {
    if (partitions > this.partitionsMax) return false
    while (this.sessions.size >= this.slots || this.partitions + partitions > this.partitionsMax) {
      // The map is kept in order of use, so the first one is the one to give up.
      const [oldest] = this.sessions.values()
      if (!oldest) return false
      if (nowMs - oldest.lastUsedMs >= this.evictAfterMs) this.remove(oldest.id)
      else {
        const consumers = isReplica && [...this.sessions.values()].find(session => !session.isReplica)
        if (!consumers) return false
        this.remove(consumers.id)
      }
    }
    return true
  }

  /** The session that a request continues, with its epoch moved on; or why it can't. */
  resume(
    id: number,
    epoch: number,
    usesTopicIds: boolean,
    isReplica: boolean,
    nowMs: number
  ): FetchSession | ErrorCode {
    const session = this.sessions.get(id)
    if (!session || session.isReplica !== isReplica) return 'FETCH_SESSION_ID_NOT_FOUND'
    if (session.epoch !== epoch) return 'INVALID_FETCH_SESSION_EPOCH'
    if (session.usesTopicIds !== usesTopicIds) return 'FETCH_SESSION_TOPIC_ID_ERROR'
    session.epoch = epoch === 0x7fff_ffff ? 1 : epoch + 1
    session.lastUsedMs = nowMs
    this.sessions.delete(id)
    this.sessions.set(id, session)
    return session
  }

  /** Adds and drops partitions of a session. False, and the session is gone, when there is no room for what is added. */
  update(
    session: FetchSession,
    items: readonly FetchItem[],
    forgotten: readonly { topic: string; topicId: TopicId; indexes: readonly number[] }[]
  ): boolean {
    const before = session.size
    session.update(items, forgotten)
    this.partitions += session.size - before
    if (this.partitions <= this.partitionsMax) return true
    this.remove(session.id)
    return false
  }

  /**
   * Drawn, not counted: after a restart of the broker clients come with the ids of sessions that are gone, and must not
   * meet, or close, the session that somebody else was given since.
   */
  private newId(): number {
    for (;;) {
      const id = this.random.uint32() & 0x7fff_ffff
      if (id !== 0 && !this.sessions.has(id)) return id
    }
  }

  remove(id: number): void {
    const session = this.sessions.get(id)
    if (!session) return
    this.sessions.delete(id)
    this.partitions -= session.size
    session.close()
  }
}
