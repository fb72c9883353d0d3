import type { Watcher } from './types.ts'

/** Who is told when a partition moves on. */
export class Watchers {
  /** Whether followers hear of the high watermark at once, as consumers read there: see `Fetcher`. */
  tellsReplicas = false
  private readonly consumers = new Set<Watcher>()
  private readonly replicas = new Set<Watcher>()

  add(watcher: Watcher): void {
    if (watcher.isReplica) this.replicas.add(watcher)
    else this.consumers.add(watcher)
  }

  delete(watcher: Watcher): void {
    this.consumers.delete(watcher)
    this.replicas.delete(watcher)
  }

  /** Something was appended. */
  appended(): void {
    for (const watcher of this.replicas) watcher.advanced()
  }

  /** The high watermark has moved. */
  moved(): void {
    for (const watcher of this.consumers) watcher.advanced()
    if (this.tellsReplicas) this.appended()
    else for (const watcher of this.replicas) watcher.committed()
  }

  /** The partition serves nobody any more, or not as before; or its log begins later, which followers hear of though nothing is appended. */
  ended(): void {
    for (const watcher of this.consumers) watcher.advanced()
    this.appended()
  }
}
