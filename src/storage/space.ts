import { DiskError } from '../disk/disk.ts'
import { type Clock, sleep } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'

const retryMs = 1000

/** Whether the disk is full. Whatever met the end of it tries again here; nothing is accepted as long as somebody does. */
export class Space {
  private readonly clock: Clock
  private readonly logger: Logger
  private closed = false
  private waiting: Promise<void> | undefined
  /** Attempts that met the end of the disk and are not over. */
  private blocked = 0
  /** Told whenever the disk is found full, or is no longer. */
  onChange: ((isFull: boolean) => void) | undefined

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock
    this.logger = logger
  }

  get isFull(): boolean {
    return this.blocked > 0
  }

  /** What `attempt` gives, called again every second while the disk is full. Rejects when nobody will wait for that any more. */
  async withSpace<T>(attempt: () => Promise<T>): Promise<T> {
    let isBlocked = false
    try {
      for (;;) {
        try {
          return await attempt()
        } catch (error) {
          if (!isDiskFull(error)) throw error
          if (this.closed) throw new NaruError('KAFKA_STORAGE_ERROR', 'the disk is full')
          if (!isBlocked && this.blocked++ === 0) {
            this.logger.error({ retryMs }, 'the disk is full: nothing more is accepted')
            this.onChange?.(true)
          }
          isBlocked = true
        }
        await this.wait()
      }
    } finally {
      if (isBlocked && --this.blocked === 0) {
        this.logger.info({}, 'the disk takes writes again')
        this.onChange?.(false)
      }
    }
  }

  close(): void {
    this.closed = true
  }

  private wait(): Promise<void> {
    this.waiting ??= sleep(this.clock, retryMs).then(() => {
      this.waiting = undefined
    })
    return this.waiting
  }
}

export function isDiskFull(error: unknown): boolean {
  return error instanceof DiskError && error.kind === 'full'
}
