import type { StoredLog } from './log.ts'
import type { Segment } from './segment.ts'
import type { Slab } from './slab.ts'

/** Slabs that are durable in their segments and only kept in memory for readers: the oldest go when there are too many. */
export class TailCache {
  private readonly bytesMax: number
  private readonly entries = new Set<{ readonly log: StoredLog; readonly slab: Slab }>()
  private bytes = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  add(log: StoredLog, slabs: readonly Slab[]): void {
    for (const slab of slabs) {
      this.entries.add({ log, slab })
      this.bytes += slab.memory.length
    }
    for (const oldest of this.entries) {
      if (this.bytes <= this.bytesMax) break
      this.entries.delete(oldest)
      this.bytes -= oldest.slab.memory.length
      oldest.log.tail.evict(oldest.slab)
    }
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
