import type { Disk } from '../disk/disk.ts'

/** Syncs folders; whoever asks for a folder while a sync of it is in flight shares the next one. */
export class FolderSync {
  private readonly disk: Disk
  private readonly running = new Map<string, { current: Promise<void>; next: Promise<void> | undefined }>()

  constructor(disk: Disk) {
    this.disk = disk
  }

  /** Makes durable what was created, renamed or removed in the folder before this call. */
  sync(path: string): Promise<void> {
    const entry = this.running.get(path)
    if (!entry) return this.start(path)
    entry.next ??= entry.current.then(
      () => this.start(path),
      () => this.start(path)
    )
    return entry.next
  }

  private start(path: string): Promise<void> {
    const entry: { current: Promise<void>; next: Promise<void> | undefined } = {
      current: this.disk.syncDir(path),
      next: undefined
    }
    this.running.set(path, entry)
    const done = () => {
      if (this.running.get(path) === entry && !entry.next) this.running.delete(path)
    }
    entry.current.then(done, done)
    return entry.current
  }
}
