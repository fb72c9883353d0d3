import { BatchBuilder } from '../record/build.ts'
import { assert } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { TimerWheel } from '../std/timer-wheel.ts'
import { StateTimers } from './timers.ts'
import { type Reply, Turn } from './turn.ts'
import type { ReplayedState, ReplicatedLog, StateRecord } from './types.ts'

/** Records of one tick share a batch up to this size. */
const batchBytesMax = 256 * 1024

/** A log is carried forward when it has grown to this many times what it held when that was last done. */
const carryForwardFactor = 4
/** Bytes that are carried forward at once, at most; each slice is committed before the next. */
const sliceBytesMax = 64 * 1024

const carryForwardBytesMinDefault = 1024 * 1024

/** What a state lives on. */
export interface LifeOptions<S> {
  readonly log: ReplicatedLog
  readonly clock: Clock
  readonly logger: Logger
  /**
   * Below this size a log is not carried forward: a load then never has to read much more than this or than a few times
   * the state itself. 1 MiB when absent.
   */
  readonly carryForwardBytesMin?: number
  /** Makes an empty state; called for every (re)load. */
  create(timers: StateTimers): S
}

/** Answers that wait for the high watermark to pass an offset. */
interface Waiting {
  readonly lastOffset: number
  readonly answers: (() => void)[]
}

/**
 * One life of a state, from its loading until an append or a commit fails or the leadership ends. It runs turns,
 * appends what they write (one batch a tick) and lets their answers out when the log has committed what they saw.
 */
export class LiveState<S extends ReplayedState> {
  readonly state: S
  private readonly log: ReplicatedLog
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly carryForwardBytesMin: number
  private readonly failed: (error: unknown) => void
  private readonly wheel: TimerWheel
  /** Every request that has no answer yet, parked ones too. */
  private readonly open = new Set<Reply<never>>()
  /** In order of their offsets. */
  private readonly waiting: Waiting[] = []
  /** Records of this tick, and what may be answered once they are committed. */
  private readonly batch = new BatchBuilder()
  private answers: (() => void)[] = []
  private flushing: NodeJS.Immediate | undefined
  private ended = false
  /** Bytes of the log from its start, and of the state when it was last carried forward. */
  private logBytes = 0
  private stateBytes = 0
  private carrying = false

  /** `failed` is called once, when this life can't go on; the caller then ends it. */
  constructor(options: LifeOptions<S>, failed: (error: unknown) => void) {
    this.log = options.log
    this.clock = options.clock
    this.logger = options.logger
    this.carryForwardBytesMin = options.carryForwardBytesMin ?? carryForwardBytesMinDefault
    this.failed = failed
    this.wheel = new TimerWheel(options.clock)
    this.state = options.create(new StateTimers(this.wheel, act => this.run(act)))
  }

  /** Begins to answer: the state has replayed everything up to the log's end, `logBytes` in all. */
  start(logBytes: number): void {
    this.logBytes = logBytes
    if (this.log.endOffset > this.log.highWatermark) this.awaitCommit(this.log.endOffset - 1, [])
    this.run(turn => this.state.loaded(turn))
  }

  /** Runs a handler that answers through `reply`, in this turn or a later one. Rejects with the NaruError it throws. */
  park<T>(handler: (state: S, turn: Turn, reply: Reply<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const reply: Reply<T> = {
        resolve: value => {
          this.open.delete(reply)
          resolve(value)
        },
        reject: error => {
          this.open.delete(reply)
          reject(error)
        }
      }
      this.open.add(reply)
      this.run(turn => {
        try {
          handler(this.state, turn, reply)
        } catch (error) {
          if (!(error instanceof NaruError)) throw error
          assert(turn.records.length === 0, `a handler refused after it had written: ${error.message}`)
          turn.refuse(reply, error)
        }
      })
    })
  }

  /** Ends this life: nothing fires or is appended any more, and whoever waits hears `error`. */
  end(error: Error): void {
    if (this.ended) return
    this.ended = true
    this.wheel.close()
    if (this.flushing) clearImmediate(this.flushing)
    for (const reply of [...this.open]) reply.reject(error)
    this.waiting.length = 0
  }

  private run(act: (turn: Turn) => void): void {
    if (this.ended) return
    const turn = new Turn()
    try {
      act(turn)
      for (const record of turn.records) this.state.replay(record)
    } catch (error) {
      this.failed(error)
      return
    }
    this.take(turn)
  }

  private take(turn: Turn): void {
    const timestamp = this.clock.now()
    for (const { key, value } of turn.records) {
      const record = { key, value, timestamp }
      if (this.batch.count > 0 && this.batch.bytesWith(record) > batchBytesMax) this.flush()
      if (this.ended) return
      this.batch.append(record)
      this.flushing ??= setImmediate(() => this.flush())
    }
    // What was seen and is not committed yet decides when the answers may go out.
    if (this.batch.count > 0) this.answers.push(...turn.answers)
    else if (this.waiting.length > 0) this.waiting[this.waiting.length - 1].answers.push(...turn.answers)
    else for (const answer of turn.answers) answer()
  }

  private flush(): void {
    if (this.flushing) clearImmediate(this.flushing)
    this.flushing = undefined
    if (this.batch.count === 0) return
    const { answers } = this
    this.answers = []
    try {
      const batch = this.batch.build()
      const { lastOffset } = this.log.append(batch)
      this.logBytes += batch.length
      this.awaitCommit(lastOffset, answers)
    } catch (error) {
      this.failed(error)
      return
    }
    const bound = Math.max(this.carryForwardBytesMin, carryForwardFactor * this.stateBytes)
    if (this.logBytes > bound && !this.carrying) this.carryForward()
  }

  /**
   * Writes the whole state again at the end of the log, a slice at a time, and then drops what came before: each key
   * has its newest value, or its tombstone, behind that point. Stands in for compaction, which a log may do besides.
   */
  private carryForward(): void {
    this.carrying = true
    this.flush()
    const from = this.log.endOffset
    const bytesBefore = this.logBytes
    const carry = async (): Promise<void> => {
      const sliceBytes = Math.min(sliceBytesMax, this.carryForwardBytesMin)
      for (const slice of slices(this.state.records(), sliceBytes))
        await this.park((_state, turn, reply: Reply<void>) => {
          turn.write(...slice)
          turn.answer(reply, undefined)
        })
      await this.log.deleteRecordsBefore(from)
      this.stateBytes = this.logBytes - bytesBefore
      this.logBytes = this.stateBytes
    }
    carry().then(
      () => {
        this.carrying = false
      },
      error => {
        // Nothing is lost: the log is only longer than it need be. It is tried again when it has grown further.
        this.carrying = false
        this.stateBytes = this.logBytes
        if (!this.ended) this.logger.warn({ err: error }, 'could not carry a state log forward')
      }
    )
  }

  private awaitCommit(lastOffset: number, answers: (() => void)[]): void {
    this.waiting.push({ lastOffset, answers })
    this.log.whenCommitted(lastOffset).then(
      () => this.committed(lastOffset),
      error => {
        if (!this.ended) this.failed(error)
      }
    )
  }

  private committed(offset: number): void {
    while (this.waiting.length > 0 && this.waiting[0].lastOffset <= offset) {
      const done = this.waiting.shift()
      for (const answer of done?.answers ?? []) answer()
    }
  }
}

/** Groups records by size. Each slice is put together in the turn in which it is asked for. */
function* slices(records: Iterable<StateRecord>, sliceBytes: number): Generator<StateRecord[]> {
  let slice: StateRecord[] = []
  let bytes = 0
  for (const record of records) {
    slice.push(record)
    bytes += record.key.length + (record.value?.length ?? 0)
    if (bytes < sliceBytes) continue
    yield slice
    slice = []
    bytes = 0
  }
  if (slice.length > 0) yield slice
}
