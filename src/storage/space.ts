import { type Clock, sleep } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'

const retryMs = 1000

/** Whether the disk is full. Whatever met the end of it waits here and tries again; nothing is accepted meanwhile. */
export class Space {
  isFull = false
  private readonly clock: Clock
  private readonly logger: Logger
  private closed = false
  private waiting: Promise<void> | undefined

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock
    this.logger = logger
  }

  /** Resolves when it is worth another try; rejects when nobody will wait for that any more. */
  wait(): Promise<void> {
    if (this.closed) return Promise.reject(new NaruError('KAFKA_STORAGE_ERROR', 'the disk is full'))
    if (!this.isFull) this.logger.error({ retryMs }, 'the disk is full: nothing more is accepted')
    this.isFull = true
    this.waiting ??= sleep(this.clock, retryMs).then(() => {
      this.waiting = undefined
    })
    return this.waiting
  }

  found(): void {
    if (this.isFull) this.logger.info({}, 'the disk takes writes again')
    this.isFull = false
  }

  close(): void {
    this.closed = true
  }
}
