import { BatchBuilder } from '../record/build.ts'
import { assert } from '../std/assert.ts'
import type { Clock } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { TimerWheel, type WheelTimer } from '../std/timer-wheel.ts'
import { StateTimers } from './timers.ts'
import { type Answer, type Reply, Turn } from './turn.ts'
import type { ReplayedState, ReplicatedLog } from './types.ts'

/** Records of one tick share a batch up to this size. */
const batchBytesMax = 256 * 1024

/** A log is compacted when it has grown to this many times what the last compaction left of it. */
const compactionFactor = 4

const compactedBytesMinDefault = 1024 * 1024

/** Answers that came within so long of each other are given up together. */
const togetherMs = 100

/** What a state lives on. */
export interface LifeOptions<S> {
  readonly log: ReplicatedLog
  readonly clock: Clock
  readonly logger: Logger
  /**
   * Below this size a log is not compacted for its state's sake: a load then never has to read much more than this or than a
   * few times the state itself. 1 MiB when absent.
   */
  readonly compactedBytesMin?: number
  /** Whoever waits so long for a commit hears COORDINATOR_NOT_AVAILABLE; what was written stays. For ever when absent. */
  readonly commitTimeoutMs?: number
  /** Makes an empty state; called for every (re)load. */
  create(timers: StateTimers): S
}

/** Answers that wait for the high watermark to pass an offset. */
interface Waiting {
  readonly lastOffset: number
  readonly sinceMs: number
  answers: Answer[]
}

/**
 * One life of a state, from its loading until an append or a commit fails or the leadership ends. It runs turns,
 * appends what they write (one batch a tick) and lets their answers out when the log has committed what they saw.
 */
export class LiveState<S extends ReplayedState> {
  readonly state: S
  private readonly log: ReplicatedLog
  private readonly clock: Clock
  private readonly compactedBytesMin: number
  private readonly failed: (error: unknown) => void
  private readonly wheel: TimerWheel
  /** Every request that has no answer yet, parked ones too. */
  private readonly open = new Set<Reply<never>>()
  /** In order of their offsets. */
  private readonly waiting: Waiting[] = []
  /** Records of this tick, and what may be answered once they are committed. */
  private readonly batch = new BatchBuilder()
  private answers: Answer[] = []
  /** Armed while somebody may have waited too long when it fires. */
  private readonly impatience: WheelTimer
  private readonly commitTimeoutMs: number
  private flushing: NodeJS.Immediate | undefined
  private ended = false
  /** What the last compaction left of the log. */
  private compactedBytes = 0
  private compacting = false

  /** `failed` is called once, when this life can't go on; the caller then ends it. */
  constructor(options: LifeOptions<S>, failed: (error: unknown) => void) {
    this.log = options.log
    this.clock = options.clock
    this.compactedBytesMin = options.compactedBytesMin ?? compactedBytesMinDefault
    this.failed = failed
    this.commitTimeoutMs = options.commitTimeoutMs ?? Number.POSITIVE_INFINITY
    this.wheel = new TimerWheel(options.clock)
    this.impatience = this.wheel.timer(() => this.giveUp())
    this.state = options.create(new StateTimers(this.wheel, act => this.run(act)))
  }

  /** Begins to answer: the state has replayed everything up to the log's end. */
  start(): void {
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
    else if (this.waiting.length > 0) this.awaitLast(turn.answers)
    else for (const answer of turn.answers) answer.send()
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
      this.awaitCommit(lastOffset, answers)
    } catch (error) {
      this.failed(error)
      return
    }
    const bound = Math.max(this.compactedBytesMin, compactionFactor * this.compactedBytes)
    if (!this.compacting && this.log.sizeBytes > bound) void this.compact()
  }

  /**
   * Has the log compacted, the segment that is written to as well: what is dead in it would be read again by every load,
   * however large segments are.
   */
  private async compact(): Promise<void> {
    this.compacting = true
    await this.log.compactSoon()
    this.compacting = false
    this.compactedBytes = this.log.sizeBytes
  }

  private awaitCommit(lastOffset: number, answers: Answer[]): void {
    this.hold(lastOffset, answers)
    this.log.whenCommitted(lastOffset).then(
      () => this.committed(lastOffset),
      error => {
        if (!this.ended) this.failed(error)
      }
    )
  }

  /** Answers to who saw what is waited for already. */
  private awaitLast(answers: readonly Answer[]): void {
    const last = this.waiting[this.waiting.length - 1]
    if (this.clock.monotonic() - last.sinceMs < togetherMs) {
      last.answers.push(...answers)
      this.impatient()
    } else this.hold(last.lastOffset, [...answers])
  }

  private hold(lastOffset: number, answers: Answer[]): void {
    this.waiting.push({ lastOffset, sinceMs: this.clock.monotonic(), answers })
    if (answers.length > 0) this.impatient()
  }

  private impatient(): void {
    if (!this.impatience.armed && this.commitTimeoutMs < Number.POSITIVE_INFINITY)
      this.impatience.arm(this.commitTimeoutMs)
  }

  /** Who has waited long enough hears that; what was written is there for whoever comes next, as soon as it is committed. */
  private giveUp(): void {
    const nowMs = this.clock.monotonic()
    for (const waiting of this.waiting) {
      if (waiting.answers.length === 0) continue
      const leftMs = waiting.sinceMs + this.commitTimeoutMs - nowMs
      if (leftMs > 0) {
        this.impatience.arm(leftMs)
        return
      }
      const { answers } = waiting
      waiting.answers = []
      const late = new NaruError('COORDINATOR_NOT_AVAILABLE', `Not committed within ${this.commitTimeoutMs} ms.`)
      for (const answer of answers) answer.refuse(late)
    }
  }

  private committed(offset: number): void {
    while (this.waiting.length > 0 && this.waiting[0].lastOffset <= offset) {
      const done = this.waiting.shift()
      for (const answer of done?.answers ?? []) answer.send()
    }
  }
}
