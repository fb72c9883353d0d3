import type { DiskFile } from '../../disk/disk.ts'
import * as header from '../../record/header.ts'
import type { StoredLog } from '../log.ts'
import { indexHeader, OffsetIndex } from '../segments/offset-index.ts'
import { Segment } from '../segments/segment.ts'
import type { StoreContext } from '../store-context.ts'

/** Nearly every batch of a compacted segment has an index entry of its own: a new segment begins before the index gets large. */
const indexEntriesMax = 64 * 1024

/** New segments in the making: files that nobody knows until a manifest names them. */
export class Output {
  readonly segments: Segment[] = []
  private readonly context: StoreContext
  private readonly log: StoredLog
  private readonly generation: number
  private readonly base: number
  private readonly buffer: Buffer
  private used = 0
  private written = 0
  private segment: Segment | undefined
  private file: DiskFile | undefined

  /** `buffer`: to write with. `base`: where the first segment begins. */
  constructor(context: StoreContext, log: StoredLog, generation: number, base: number, buffer: Buffer) {
    this.context = context
    this.log = log
    this.generation = generation
    this.base = base
    this.buffer = buffer
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Takes a copy of the batch. A promise when something has to be written first. */
  add(batch: Buffer): Promise<void> | undefined {
    const { segment } = this
    const isNew = !segment || (segment.index?.count ?? 0) >= indexEntriesMax
    if (isNew || this.used + batch.length > this.buffer.length) return this.addSlowly(batch, isNew)
    this.admit(segment, batch)
    batch.copy(this.buffer, this.used)
    this.used += batch.length
    return undefined
  }

  /** Makes all of it durable; the last segment reaches to `end`. */
  async finish(end: number): Promise<void> {
    await this.endSegment(end)
    if (this.segments.length > 0) await this.context.folders.sync(this.log.folder)
  }

  /** Removes what was made, as far as the disk lets it; the next start removes the rest. */
  async discard(): Promise<void> {
    const { file, context, log } = this
    this.file = undefined
    await file?.close().catch(() => {})
    for (const segment of this.segments)
      for (const kind of ['log', 'index'] as const) await context.disk.remove(log.path(segment, kind)).catch(() => {})
  }

  private async addSlowly(batch: Buffer, isNew: boolean): Promise<void> {
    if (isNew) await this.beginSegment(header.baseOffset(batch))
    await this.flush()
    const segment = this.segment as Segment
    this.admit(segment, batch)
    if (batch.length <= this.buffer.length) {
      batch.copy(this.buffer)
      this.used = batch.length
    } else {
      await this.file?.write(batch, 0, batch.length, this.written)
      this.written += batch.length
    }
  }

  private admit(segment: Segment, batch: Buffer): void {
    segment.admit(batch, 0, batch.length, this.log.config.indexIntervalBytes)
  }

  private async beginSegment(offset: number): Promise<void> {
    await this.endSegment(offset)
    const base = this.segments.length === 0 ? this.base : offset
    this.segment = new Segment(base, this.generation)
    this.segments.push(this.segment)
    this.written = 0
    this.file = await this.context.disk.open(this.log.path(this.segment, 'log'), { mode: 'write' })
    // Left by a process that died, under the same name.
    await this.file.truncate(0)
  }

  private async endSegment(end: number): Promise<void> {
    const { segment, file } = this
    if (!segment || !file) return
    await this.flush()
    await file.sync()
    await file.close()
    this.file = undefined
    await this.writeIndex(segment)
    segment.end = end
    segment.markSynced(segment.bytes, end, segment.newest)
    segment.sealed = true
    segment.finished = true
    segment.closed = true
    segment.made = true
    segment.indexNamed = true
    segment.dropIndex()
  }

  private async writeIndex(segment: Segment): Promise<void> {
    const index = segment.index ?? new OffsetIndex(segment.base)
    const bytes = Buffer.concat([indexHeader(), index.slice(0, index.count)])
    const file = await this.context.disk.open(this.log.path(segment, 'index'), { mode: 'write' })
    try {
      await file.truncate(0)
      await file.write(bytes, 0, bytes.length, 0)
      await file.sync()
    } finally {
      await file.close()
    }
    segment.indexWritten = index.count
  }

  private async flush(): Promise<void> {
    if (this.used === 0) return
    const bytes = this.used
    await this.file?.write(this.buffer, 0, bytes, this.written)
    this.written += bytes
    this.used = 0
  }
}
