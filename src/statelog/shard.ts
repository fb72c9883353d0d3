import type { Timer } from '../std/clock.ts'
import { codeOf, messageOf, NaruError } from '../std/errors.ts'
import { type LifeOptions, LiveState } from './live-state.ts'
import { replayLog } from './load.ts'
import type { Reply, Turn } from './turn.ts'
import type { ReplayedState } from './types.ts'

/** A log that can't be loaded is tried again after this long, twice as long each time, up to the second figure. */
const retryMsMin = 100
const retryMsMax = 10_000
/** How often it is asked at most whether this broker leads, where nobody waits for that. */
const glanceMs = 1000

export interface ShardOptions<S> extends LifeOptions<S> {
  /** For logs: the partition under it. */
  readonly name: string
}

/**
 * A state machine over one internal partition that this broker leads (DESIGN rule 5). It loads the log, answers
 * handlers, and when an append or a commit fails it forgets everything and loads again: what clients were told and
 * what the log holds can never differ.
 *
 * Errors that callers see: COORDINATOR_LOAD_IN_PROGRESS while loading, NOT_COORDINATOR when closed or out of order,
 * COORDINATOR_NOT_AVAILABLE when the log has too few replicas, and what the handler throws.
 */
export class StateShard<S extends ReplayedState> {
  private readonly options: ShardOptions<S>
  private live: LiveState<S> | undefined
  /** Grows with every load and with the end, so that a load that was overtaken finds out. */
  private life = 0
  private closed = false
  private retry: Timer | undefined
  private retryMs = retryMsMin
  private glancedMs = Number.NEGATIVE_INFINITY
  private unavailable = new NaruError('COORDINATOR_LOAD_IN_PROGRESS', 'The coordinator is loading.')
  private readonly loadedWaiters: (() => void)[] = []

  constructor(options: ShardOptions<S>) {
    this.options = options
    this.load()
  }

  /** True while requests are answered. */
  get active(): boolean {
    return this.live !== undefined
  }

  /** To look at, without waiting for anything to be committed; undefined while it isn't loaded. */
  get state(): S | undefined {
    return this.live?.state
  }

  /** Resolves when the state is loaded or could not be for the moment, or the shard was closed. */
  whenLoaded(): Promise<void> {
    if (this.live || this.closed) return Promise.resolve()
    return new Promise(resolve => this.loadedWaiters.push(resolve))
  }

  /** Runs a handler and gives its result, once everything that it saw or wrote is committed. */
  execute<T>(handler: (state: S, turn: Turn) => T): Promise<T> {
    return this.park((state, turn, reply: Reply<T>) => turn.answer(reply, handler(state, turn)))
  }

  /**
   * As `execute`, for a handler that only reads: where nothing has to be written nobody would notice that another broker
   * leads by now, and has newer state. NOT_COORDINATOR when it does, when that can't be told, and when what was seen is not
   * committed in time: clients of Kafka 2 give up their consumer when a read is answered COORDINATOR_NOT_AVAILABLE.
   */
  async read<T>(handler: (state: S) => T): Promise<T> {
    if (!this.live) throw this.unavailable
    await this.options.log.confirmLeading().catch(error => {
      throw asUnavailable(error)
    })
    return this.execute(handler).catch(error => {
      throw codeOf(error) === 'COORDINATOR_NOT_AVAILABLE' ? new NaruError('NOT_COORDINATOR', messageOf(error)) : error
    })
  }

  /**
   * For what is answered without asking first: finds out behind it, once in a while, whether another broker leads by now. If
   * so this shard is closed.
   */
  glance(): void {
    const { clock, log } = this.options
    const nowMs = clock.monotonic()
    if (!this.live || nowMs < this.glancedMs + glanceMs) return
    this.glancedMs = nowMs
    log.confirmLeading().catch(() => {})
  }

  /** As `execute`, for a handler whose answer may come from a later turn: it keeps `reply` in the state. */
  park<T>(handler: (state: S, turn: Turn, reply: Reply<T>) => void): Promise<T> {
    return this.live ? this.live.park(handler) : Promise.reject(this.unavailable)
  }

  /** The leadership has ended: whoever waits hears NOT_COORDINATOR. */
  close(): void {
    this.closed = true
    this.stop(new NaruError('NOT_COORDINATOR', `This broker does not lead ${this.options.name} any more.`))
    this.tellLoaded()
  }

  private stop(error: NaruError): void {
    this.life++
    this.unavailable = error
    this.retry?.cancel()
    const { live } = this
    this.live = undefined
    live?.end(error)
  }

  private load(): void {
    const life = ++this.life
    const { log, clock, logger, name } = this.options
    this.unavailable = new NaruError('COORDINATOR_LOAD_IN_PROGRESS', `${name} is loading.`)
    const fresh = new LiveState<S>(this.options, error => this.failed(fresh, error))
    const startMs = clock.monotonic()
    replayLog(log, fresh.state, () => this.life !== life).then(
      ({ records, bytes }) => {
        if (this.life !== life) return
        this.live = fresh
        this.retryMs = retryMsMin
        const tookMs = Math.round(clock.monotonic() - startMs)
        logger.debug({ log: name, records, bytes, tookMs }, 'loaded a state log')
        fresh.start()
        this.tellLoaded()
      },
      error => {
        if (this.life === life) this.loadFailed(error)
      }
    )
  }

  private loadFailed(error: unknown): void {
    const { logger, clock, name } = this.options
    logger.error({ log: name, err: error, retryMs: this.retryMs }, 'could not load a state log')
    this.stop(asUnavailable(error))
    this.retry = clock.after(this.retryMs, () => this.load())
    this.retryMs = Math.min(retryMsMax, this.retryMs * 2)
    // A broker that starts doesn't wait for a log that can't be read: others may have to fetch from it first.
    this.tellLoaded()
  }

  private failed(live: LiveState<S>, error: unknown): void {
    if (this.live !== live) return
    const { logger, name } = this.options
    logger.warn({ log: name, err: error }, 'dropped the state of a log; it is loaded again')
    this.stop(asUnavailable(error))
    // Where the leadership is gone, loading again would only serve stale state: the new leader's state counts.
    if (codeOf(error) !== 'NOT_LEADER_OR_FOLLOWER') this.load()
  }

  private tellLoaded(): void {
    for (const tell of this.loadedWaiters.splice(0)) tell()
  }
}

/** What a client is told when the log under a coordinator fails: Kafka's mapping of append errors. */
function asUnavailable(error: unknown): NaruError {
  const code = codeOf(error)
  const unavailable =
    code === 'NOT_ENOUGH_REPLICAS' ||
    code === 'NOT_ENOUGH_REPLICAS_AFTER_APPEND' ||
    code === 'UNKNOWN_TOPIC_OR_PARTITION' ||
    code === 'REQUEST_TIMED_OUT'
  return new NaruError(unavailable ? 'COORDINATOR_NOT_AVAILABLE' : 'NOT_COORDINATOR', messageOf(error), {
    cause: error
  })
}
