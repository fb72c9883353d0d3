import type { Clock, Timer } from '../std/clock.ts'
import { messageOf } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { option } from '../std/option.ts'
import type { Partitions } from './partitions.ts'

export const maintenanceOptions = {
  retentionCheckIntervalMs: option({
    name: 'log.retention.check.interval.ms',
    type: 'long',
    default: 300_000n,
    unit: 'ms',
    min: 1,
    doc: 'How often logs are looked through for segments whose retention is over.'
  })
} as const

/** Looks after the partitions from time to time, one after the other: retention, producer expiry. */
export class Maintenance {
  private readonly partitions: Partitions
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly intervalMs: number
  private readonly producerExpirationMs: () => number
  private timer: Timer | undefined
  private running: Promise<void> | undefined
  private stopped = false

  constructor(
    partitions: Partitions,
    world: { clock: Clock; logger: Logger },
    times: { intervalMs: number; producerExpirationMs(): number }
  ) {
    this.partitions = partitions
    this.clock = world.clock
    this.logger = world.logger
    this.intervalMs = times.intervalMs
    this.producerExpirationMs = times.producerExpirationMs
  }

  start(): void {
    this.timer = this.clock.after(this.intervalMs, () => {
      this.running = this.pass().finally(() => {
        this.running = undefined
        if (!this.stopped) this.start()
      })
    })
  }

  /** Resolves when no partition is being looked after any more. */
  async stop(): Promise<void> {
    this.stopped = true
    this.timer?.cancel()
    await this.running
  }

  private async pass(): Promise<void> {
    for (const partition of [...this.partitions.all()]) {
      if (this.stopped) return
      try {
        await partition.maintain(this.clock.now(), this.producerExpirationMs())
      } catch (error) {
        const { topic, index } = partition
        this.logger.error({ topic, partition: index, error: messageOf(error) }, 'could not look after a partition')
      }
    }
  }
}
