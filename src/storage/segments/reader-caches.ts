import { blockBytes } from '../../disk/disk.ts'
import type { StoredLog } from '../log.ts'
import { type Rest, Slab } from '../memory/slab.ts'
import type { Segment } from './segment.ts'

/** What a log has in memory only for the sake of readers, or of its next write. */
interface Cached {
  readonly log: StoredLog
  readonly bytes: number
  readonly what: Slab | Rest
}

/**
 * Slabs that are durable in their segments and only kept in memory for readers: the oldest go when there are too many. Of
 * the newest of a log the last, partial block stays a while longer: the log's next write begins with it.
 */
export class TailCache {
  private readonly bytesMax: number
  private readonly entries = new Set<Cached>()
  private bytes = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  add(log: StoredLog, slabs: readonly Slab[]): void {
    for (const slab of slabs) this.keep({ log, bytes: slab.memory.length, what: slab })
    for (const oldest of this.entries) {
      if (this.bytes <= this.bytesMax) break
      this.entries.delete(oldest)
      this.bytes -= oldest.bytes
      const { log, what } = oldest
      const rest = what instanceof Slab ? log.tail.evict(what) : log.tail.forgetRest(what)
      if (rest) this.keep({ log, bytes: blockBytes, what: rest })
    }
  }

  private keep(entry: Cached): void {
    this.entries.add(entry)
    this.bytes += entry.bytes
  }
}

/** Indexes of finished segments: the least recently used is dropped when there are too many, and loaded again on demand. */
export class IndexCache {
  private readonly countMax: number
  private readonly segments = new Set<Segment>()

  constructor(countMax: number) {
    this.countMax = countMax
  }

  used(segment: Segment): void {
    if (!segment.finished) return
    this.segments.delete(segment)
    this.segments.add(segment)
    if (this.segments.size <= this.countMax) return
    const [oldest] = this.segments
    this.segments.delete(oldest)
    oldest.dropIndex()
  }
}
