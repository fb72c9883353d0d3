import type { Disk } from '../../disk/disk.ts'
import type { FolderSync } from '../folder-sync.ts'
import type { Journal, JournalKind } from '../journal/journal.ts'
import type { StoredLog } from '../log.ts'
import { type Checkpoint, type LogState, logLine, writeCheckpoint } from './checkpoint.ts'

/** What a checkpoint is made of, as the store has it at one moment. */
export interface CheckpointHost {
  readonly disk: Disk
  readonly folders: FolderSync
  readonly folder: string
  readonly order: number
  journal(kind: JournalKind): Journal
  openLogs(): Iterable<StoredLog>
  isRemoving(name: string): boolean
  garbage(): string[]
  withSpace<T>(attempt: () => Promise<T>): Promise<T>
}

/** Writes checkpoints, one at a time, and keeps what they say of logs that nobody has opened. */
export class Checkpointer {
  /** Of the last checkpoint that was begun. */
  number: number
  /** Logs that nobody has opened yet. */
  private readonly known: Map<string, LogState>
  private readonly knownLines = new Map<string, string>()
  private readonly dropped: Map<string, number>
  private readonly host: CheckpointHost
  private running: { current: Promise<void>; next: Promise<void> | undefined } | undefined

  constructor(host: CheckpointHost, checkpoint: Checkpoint) {
    this.host = host
    this.number = checkpoint.number
    this.known = new Map(checkpoint.logs)
    this.dropped = new Map(Object.entries(checkpoint.dropped))
  }

  /** The names of the logs that nobody has opened yet. */
  names(): Iterable<string> {
    return this.known.keys()
  }

  has(name: string): boolean {
    return this.known.has(name)
  }

  /** The state of a log that is opened now: from here on it speaks for itself. */
  take(name: string): LogState | undefined {
    const state = this.known.get(name)
    this.known.delete(name)
    this.knownLines.delete(name)
    return state
  }

  /** What rounds so far say of the log is void. */
  drop(name: string): void {
    this.dropped.set(name, this.host.order)
  }

  /** Resolves when a checkpoint that was begun after this call is durable. */
  write(): Promise<void> {
    const { running } = this
    if (!running) return this.start()
    running.next ??= running.current.catch(() => {}).then(() => this.start())
    return running.next
  }

  private start(): Promise<void> {
    const current = this.writeNow()
    const entry: { current: Promise<void>; next: Promise<void> | undefined } = { current, next: undefined }
    this.running = entry
    const done = () => {
      if (this.running === entry && !entry.next) this.running = undefined
    }
    current.then(done, done)
    return current
  }

  /** All that it says is taken at once: nothing may be awaited before the bytes are made. */
  private async writeNow(): Promise<void> {
    const { host } = this
    const [sync, cached] = [host.journal('sync'), host.journal('cached')]
    const oldest = Math.min(sync.oldestOrder(), cached.oldestOrder())
    for (const [name, order] of this.dropped) if (order <= oldest && !host.isRemoving(name)) this.dropped.delete(name)
    const lines: string[] = []
    for (const [name, state] of this.known) {
      const line = this.knownLines.get(name) ?? logLine(name, state)
      this.knownLines.set(name, line)
      lines.push(line)
    }
    for (const log of host.openLogs()) lines.push(log.checkpointLine())
    const head = {
      number: ++this.number,
      order: host.order,
      sync: sync.state(),
      cached: cached.state(),
      dropped: Object.fromEntries(this.dropped),
      garbage: host.garbage()
    }
    await host.withSpace(() => writeCheckpoint(host.disk, host.folders, host.folder, head, lines))
  }
}
