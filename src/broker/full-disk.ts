import type { Control } from '../control/types.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { messageOf } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { LogStore } from '../storage/types.ts'

/** What the cluster was not told is tried again after so long. */
const retryMs = 1000

/** Tells the cluster while this broker's disk is full, so that others lead what they can and nobody waits for its copies. */
export class FullDisk {
  private readonly parts: { store: LogStore; control: Control; clock: Clock; logger: Logger }
  /** Undefined while nobody knows what the cluster has been told. */
  private told: boolean | undefined = false
  private telling = false
  private complained = false
  private timer: Timer | undefined
  private closed = false

  constructor(parts: { store: LogStore; control: Control; clock: Clock; logger: Logger }) {
    this.parts = parts
    parts.store.space.onChange = () => void this.tell()
    void this.tell()
  }

  /** To be called when brokers came, went or changed. */
  brokersChanged(): void {
    void this.tell()
  }

  close(): void {
    this.closed = true
    this.parts.store.space.onChange = undefined
    this.timer?.cancel()
  }

  private async tell(): Promise<void> {
    const { store, control, clock, logger } = this.parts
    // By itself a broker has nobody to tell, and nowhere to write it.
    if (this.telling || this.closed || control.image.brokers().length < 2) return
    this.telling = true
    this.timer?.cancel()
    try {
      while (this.told !== store.space.isFull && !this.closed) {
        const { isFull } = store.space
        this.told = undefined
        await control.reportFull(isFull)
        this.told = isFull
        this.complained = false
      }
    } catch (error) {
      if (this.closed) return
      if (!this.complained)
        logger.warn({ error: messageOf(error) }, 'the cluster could not be told whether the disk is full')
      this.complained = true
      this.timer = clock.after(retryMs, () => void this.tell())
    } finally {
      this.telling = false
    }
  }
}
