import type { Disk } from '../disk/disk.ts'
import type { Clock } from '../std/clock.ts'
import { messageOf } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'

/** Files and folders that were renamed out of the way, until they are removed. Paths are relative to the data folder. */
export class Garbage {
  private readonly disk: Disk
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly folder: string
  private readonly waiting = new Set<string>()
  private closed = false

  /** `left`: what an earlier run has left; it is removed soon. */
  constructor(disk: Disk, clock: Clock, logger: Logger, folder: string, left: readonly string[]) {
    this.disk = disk
    this.clock = clock
    this.logger = logger
    this.folder = folder
    this.removeLater(left, 0)
  }

  /** What a checkpoint must remember. */
  list(): string[] {
    return [...this.waiting]
  }

  removeLater(paths: readonly string[], delayMs: number): void {
    if (paths.length === 0) return
    for (const path of paths) this.waiting.add(path)
    this.clock.after(delayMs, () => void this.remove(paths))
  }

  close(): void {
    this.closed = true
  }

  private async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      if (this.closed) return
      try {
        await this.disk.remove(`${this.folder}/${path}`)
        this.waiting.delete(path)
      } catch (error) {
        this.logger.warn({ path, error: messageOf(error) }, 'a deleted file could not be removed')
      }
    }
  }
}
