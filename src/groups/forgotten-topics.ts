import type { StateShard } from '../statelog/shard.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { codeOf } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { TopicId } from '../storage/types.ts'
import { forgetTopic } from './offset-delete.ts'
import type { GroupsState } from './state.ts'

/** What can't be removed now is tried again after this long, twice as long each time, up to the second figure. */
const retryMsMin = 100
const retryMsMax = 30_000

type Shard = Pick<StateShard<GroupsState>, 'whenLoaded' | 'execute'>

/** The deleted topics whose committed offsets are still to be removed from one partition of `__consumer_offsets`. */
export class ForgottenTopics {
  private readonly shard: Shard
  private readonly clock: Clock
  private readonly logger: Logger
  /** Their names by their ids. */
  private readonly topics = new Map<TopicId, string>()
  private work: Promise<void> | undefined
  private closed = false
  private retry: { timer: Timer; now: () => void } | undefined

  constructor(shard: Shard, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.shard = shard
    this.clock = clock
    this.logger = logger
  }

  /** Resolves when the offsets of all such topics are gone, or are another broker's to remove. Never rejects. */
  add(topic: string, topicId: TopicId): Promise<void> {
    this.topics.set(topicId, topic)
    this.work ??= this.forgetAll().finally(() => {
      this.work = undefined
    })
    return this.work
  }

  /** The partition is led elsewhere: who leads it hears of deleted topics by itself. */
  close(): void {
    this.closed = true
    this.retry?.timer.cancel()
    this.retry?.now()
  }

  private async forgetAll(): Promise<void> {
    let told: string | undefined
    let waitMs = retryMsMin
    for (;;) {
      await this.shard.whenLoaded()
      const [first] = this.topics
      if (first === undefined || this.closed) return
      const [topicId, topic] = first
      try {
        await this.shard.execute((state, turn) => forgetTopic(state, turn, topic, topicId))
        this.topics.delete(topicId)
        waitMs = retryMsMin
      } catch (error) {
        if (this.closed) return
        const code = codeOf(error)
        // Led elsewhere, as this broker will hear soon, or loading again: that is nobody's concern.
        const expected = code === 'NOT_COORDINATOR' || code === 'COORDINATOR_LOAD_IN_PROGRESS'
        if (!expected && code !== told) {
          told = code
          this.logger.warn(
            { topics: this.topics.size, topic, code, err: error },
            'could not remove the offsets of deleted topics yet'
          )
        }
        await this.sleep(waitMs)
        waitMs = Math.min(retryMsMax, waitMs * 2)
      }
    }
  }

  /** Ends with `close`, too. */
  private sleep(delayMs: number): Promise<void> {
    return new Promise(now => {
      this.retry = { timer: this.clock.after(delayMs, now), now }
    })
  }
}
