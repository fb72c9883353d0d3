import { type Change, type Metastore, MetastoreError, type Watch } from '../metastore/metastore.ts'
import { type Clock, sleep, type Timer } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { Image } from './image.ts'
import { keys } from './keys.ts'
import type { ImageChange } from './types.ts'

const pageKeys = 5000
/** A reading that came to nothing is begun again after so long. */
const retryMs = 200
/** A revision that doesn't come for so long may be somebody else's, who uses the same store. */
const nudgeMs = 500

type Listener = (change: ImageChange) => void | Promise<void>

/** Keeps an image up to date with the metastore and tells listeners, revision by revision. */
export class Follower {
  readonly image = new Image()
  private readonly metastore: Metastore
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly listeners = new Set<Listener>()
  private watch: Watch | undefined
  private revision = 0
  private waiting: { revision: number; resolve(): void; reject(error: NaruError): void }[] = []
  private nudgeTimer: Timer | undefined
  /** The revision of the last nudge, which comes by itself. */
  private nudged = 0
  /** Ends when what listeners gave back for every change so far is settled. */
  private settled: Promise<void> = Promise.resolve()
  private closed = false

  private constructor(metastore: Metastore, clock: Clock, logger: Logger) {
    this.metastore = metastore
    this.clock = clock
    this.logger = logger
  }

  static async open(metastore: Metastore, clock: Clock, logger: Logger): Promise<Follower> {
    const follower = new Follower(metastore, clock, logger)
    await follower.read()
    return follower
  }

  onChange(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** Resolves when the image has this revision and listeners have been told; what they began then may be under way. */
  async seen(revision: number): Promise<void> {
    if (this.closed) throw closedError()
    if (revision <= this.revision) return
    await new Promise<void>((resolve, reject) => {
      this.waiting.push({ revision, resolve, reject })
      this.expect()
    })
  }

  /**
   * What was refused is answered with the store's revision, which may be of a change that this watch doesn't see: then
   * nothing tells that all before it has been seen, until something of one's own changes.
   */
  private expect(): void {
    if (this.closed || this.waiting.every(({ revision }) => revision <= this.nudged)) return
    this.nudgeTimer ??= this.clock.after(nudgeMs, () => {
      this.nudgeTimer = undefined
      void this.nudge()
    })
  }

  private async nudge(): Promise<void> {
    try {
      const { revision } = await this.metastore.txn({ success: [{ type: 'put', key: keys.nudge, value: '' }] })
      this.nudged = revision
    } catch (error) {
      this.logger.debug({ err: error }, 'the metastore could not be nudged; it is tried again')
    }
    this.expect()
  }

  /** Resolves when listeners are done with this revision, too. Not to be awaited by what a listener waits for. */
  async applied(revision: number): Promise<void> {
    await this.seen(revision)
    await this.settled
  }

  async close(): Promise<void> {
    this.end()
    await this.settled
  }

  /** Reads everything; the second time, after the watch fell behind, what differs is told as changes. */
  private async read(): Promise<void> {
    const first = await this.metastore.range('', { limit: pageKeys })
    const items = [...first.items]
    for (let more = first.more; more; ) {
      const page = await this.metastore.range('', { limit: pageKeys, after: items[items.length - 1].key })
      for (const item of page.items) items.push(item)
      more = page.more
    }
    if (this.closed) return
    const changes: Change[] = items
      .filter(item => item.modRevision > this.image.modRevision(item.key))
      .map(item => ({ type: 'put', item }))
    const present = new Set(items.map(item => item.key))
    for (const key of this.image.knownKeys())
      if (!present.has(key)) changes.push({ type: 'delete', key, modRevision: first.revision })
    this.take(first.revision, changes)
    this.watch = this.metastore.watch('', first.revision + 1, {
      changed: batch => this.take(batch.revision, batch.changes),
      ended: reason => {
        if (reason === 'closed') this.end()
        else void this.readAgain()
      }
    })
  }

  /** Until it has been read: what falls behind and stays there would need a restart. */
  private async readAgain(): Promise<void> {
    while (!this.closed)
      try {
        await this.read()
        return
      } catch (error) {
        if (error instanceof MetastoreError && error.kind === 'closed') this.end()
        if (this.closed) return
        this.logger.warn({ err: error }, 'the metadata could not be read again; it is tried again')
        await sleep(this.clock, retryMs)
      }
  }

  private take(revision: number, changes: readonly Change[]): void {
    const change = this.image.apply(revision, changes)
    this.revision = revision
    const told = [...this.listeners].map(async listener => {
      try {
        await listener(change)
      } catch (error) {
        this.logger.error({ err: error }, 'a change of metadata could not be followed')
      }
    })
    if (told.length > 0) this.settled = Promise.all([this.settled, ...told]).then(() => {})
    const due = this.waiting.filter(waiter => waiter.revision <= revision)
    if (due.length === 0) return
    this.waiting = this.waiting.filter(waiter => waiter.revision > revision)
    if (this.waiting.length === 0) this.restNudge()
    for (const waiter of due) waiter.resolve()
  }

  private restNudge(): void {
    this.nudgeTimer?.cancel()
    this.nudgeTimer = undefined
  }

  private end(): void {
    this.closed = true
    this.restNudge()
    this.watch?.cancel()
    for (const waiter of this.waiting.splice(0)) waiter.reject(closedError())
  }
}

function closedError(): NaruError {
  return new NaruError('BROKER_NOT_AVAILABLE', 'The broker is stopping.')
}
