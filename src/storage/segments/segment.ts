import * as header from '../../record/header.ts'
import type { SegmentRef } from '../layout.ts'
import type { LogConfig } from '../types.ts'
import { noTimestamp, OffsetIndex, type TimestampMark } from './offset-index.ts'
import { VerifiedRanges } from './verified.ts'

const relativeOffsetMax = 0xffff_ffff

/** What is known of a segment without touching its files, and kept in the checkpoint. */
export interface SegmentState {
  readonly base: number
  /** Bytes that are durable in the file. */
  readonly bytes: number
  /** The offset after the last batch in them. */
  readonly end: number
  readonly newest: TimestampMark
  /** Max timestamp of the first batch; -1 when empty. */
  readonly firstTimestamp: number
  /** It ends in damage, or compaction has dealt with it: nothing may be appended to it. */
  readonly closed?: true
  /** That of its files' names; 0 when absent. */
  readonly generation?: number
}

/** A piece of a log with a file of its own, `<base>.log`: whole batches back to back, exactly as Kafka keeps them. */
export class Segment implements SegmentRef {
  readonly base: number
  readonly generation: number
  /** Bytes of its batches, in the file or still in memory. */
  bytes = 0
  /** The offset after its last batch. */
  end: number
  /** Bytes that are in the file, durably, and the offset after them. */
  synced = 0
  syncedEnd: number
  newest: TimestampMark = noTimestamp
  syncedNewest: TimestampMark = noTimestamp
  firstTimestamp = -1
  /** A newer segment exists: nothing is added any more. */
  sealed = false
  /** Sealed, synced and cut to its true length. */
  finished = false
  /** It ends in damage that is kept, or stands in the log's manifest: a new segment takes what follows. */
  closed = false
  /** The file's name is durable in its folder. */
  made = false
  /** Entries since the last start; with those of the file in front once it was loaded. Undefined when there are none. */
  index: OffsetIndex | undefined
  indexLoaded = true
  /** Entries of `index` that are in the file. */
  indexWritten = 0
  /** Some batch doesn't begin where the one before it ends: only the index can tell that from damage. */
  hasGaps = false
  /** The index file's name is known to be durable. */
  indexNamed = false
  /** What readers have checked: a CRC is paid once, not by every consumer. */
  readonly verified = new VerifiedRanges()
  /** Where the last index entry was added. */
  private indexedPosition = 0

  constructor(base: number, generation = 0) {
    this.base = base
    this.generation = generation
    this.end = base
    this.syncedEnd = base
  }

  static of(state: SegmentState): Segment {
    const segment = new Segment(state.base, state.generation)
    segment.bytes = state.bytes
    segment.synced = state.bytes
    segment.end = state.end
    segment.syncedEnd = state.end
    segment.newest = state.newest
    segment.syncedNewest = state.newest
    segment.firstTimestamp = state.firstTimestamp
    segment.made = state.bytes > 0
    segment.indexLoaded = state.bytes === 0
    segment.closed = state.closed === true
    return segment
  }

  /** Its durable part. */
  state(): SegmentState {
    const { base, synced: bytes, syncedEnd: end, syncedNewest: newest, firstTimestamp } = this
    const state = { base, bytes, end, newest, firstTimestamp: bytes > 0 ? firstTimestamp : -1 }
    if (this.generation > 0) return { ...state, closed: true, generation: this.generation }
    return this.closed ? { ...state, closed: true } : state
  }

  /** Whether a batch still belongs here: a new segment begins when this one is full, old or out of relative offsets. */
  fits(timestamp: number, bytes: number, end: number, config: LogConfig): boolean {
    const age = this.firstTimestamp < 0 ? 0 : timestamp - this.firstTimestamp
    const isSmall = this.bytes + bytes <= config.segmentBytes && end - this.base <= relativeOffsetMax
    return isSmall && age <= config.segmentMs
  }

  /** Takes the batch at `buffer[at]` as its next one: sizes, ends, timestamps, index. The bytes go elsewhere. */
  admit(buffer: Buffer, at: number, bytes: number, indexIntervalBytes: number): void {
    const base = header.baseOffset(buffer, at)
    const timestamp = header.newestTimestamp(buffer, at)
    this.index ??= new OffsetIndex(this.base)
    const gap = base !== this.end
    if (gap) this.hasGaps = true
    if (gap || (this.bytes > 0 && this.bytes - this.indexedPosition >= indexIntervalBytes)) {
      this.index.add(base, this.bytes, this.newest)
      this.indexedPosition = this.bytes
    }
    if (this.bytes === 0) this.firstTimestamp = timestamp
    if (timestamp > this.newest.timestamp) this.newest = { timestamp, offset: base }
    this.bytes += bytes
    this.end = header.lastOffset(buffer, at) + 1
  }

  /** Leaves out damage: the next batch begins at `position` and `offset`. */
  skipTo(position: number, offset: number): void {
    this.bytes = position
    this.end = offset
    this.index ??= new OffsetIndex(this.base)
    this.index.add(offset, position, this.newest)
    this.indexedPosition = position
  }

  /** Goes back to the last entry of `index`, out of its file: what follows is admitted again. */
  resumeFrom(index: OffsetIndex, firstTimestamp: number): void {
    this.index = index
    this.indexWritten = index.count
    if (index.count === 0) return
    const entry = index.count - 1
    this.bytes = index.positionAt(entry)
    this.end = index.offsetAt(entry)
    this.newest = index.timestampBefore(entry)
    this.indexedPosition = this.bytes
    this.firstTimestamp = firstTimestamp
  }

  /** Puts the entries of the index file in front of those since the start. */
  useIndexFile(file: OffsetIndex): void {
    if (this.indexLoaded) return
    const since = this.index
    this.index = since ? file.joined(since) : file
    this.indexWritten = this.index.count - (since?.count ?? 0)
    this.indexLoaded = true
  }

  /** Lets go of the index: it can be loaded again. */
  dropIndex(): void {
    if (!this.finished || !this.index || this.indexWritten < this.index.count) return
    this.index = undefined
    this.indexWritten = 0
    this.indexLoaded = false
  }

  /** Forgets what lies at or after `position`; the last batch before it ends at `end`. */
  cut(position: number, end: number, newest: TimestampMark): void {
    this.index?.cut(position)
    this.verified.cut(position)
    this.indexWritten = Math.min(this.indexWritten, this.index?.count ?? 0)
    this.indexedPosition = Math.min(this.indexedPosition, position)
    this.bytes = position
    this.end = end
    this.newest = newest
    if (position === 0) this.firstTimestamp = -1
    this.sealed = false
    this.finished = false
    this.markSynced(position, end, newest)
  }

  /** Marks all bytes up to `position` as durable in the file. */
  markSynced(position: number, end: number, newest: TimestampMark): void {
    this.synced = position
    this.syncedEnd = end
    this.syncedNewest = newest
  }
}

/** The one that holds `offset`, or the first batch after it. */
export function segmentAt(segments: readonly Segment[], offset: number): Segment | undefined {
  let at = segments.length - 1
  while (at > 0 && segments[at].base > offset) at--
  while (at < segments.length && segments[at].end <= offset) at++
  return segments[at]
}

/** The segments of a log that ends at `end`, ready to be appended to: the last one may be new. */
export function openSegments(states: readonly SegmentState[], end: number): Segment[] {
  const segments = states.map(Segment.of)
  const last = segments[segments.length - 1]
  if (!last || last.closed || last.end < end) segments.push(new Segment(end))
  for (const segment of segments.slice(0, -1)) {
    segment.sealed = true
    segment.finished = true
  }
  return segments
}
