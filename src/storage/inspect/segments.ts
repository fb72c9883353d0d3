import type { Disk, DiskFile } from '../../disk/disk.ts'
import * as header from '../../record/header.ts'
import { Epochs } from '../epochs.ts'
import { parseSegmentName } from '../layout.ts'
import { type Range, readWhole } from '../recovery/checkpoint.ts'
import { SegmentScan } from '../recovery/segment-scan.ts'
import { OffsetIndex, readSegmentIndex } from '../segments/offset-index.ts'
import { Segment } from '../segments/segment.ts'

/** Called before each read of a file with the position: for progress, and to wait for whoever takes what was read. */
export type Pace = (position: number) => void | Promise<void>

/** What hears of a segment's batches, in order. */
export interface BatchVisitor {
  /** An intact batch; `buffer` is valid during the call. `segment` is as it is before the batch. */
  batch(buffer: Buffer, at: number, bytes: number, segment: Segment): void
  /** Offsets [from, to) can't be read; the damage begins at `position`. */
  damage(from: number, to: number, position: number): void
}

/** A segment that says what a scan admits to it. */
class VisitedSegment extends Segment {
  private readonly visitor: BatchVisitor

  constructor(base: number, visitor: BatchVisitor) {
    super(base)
    this.visitor = visitor
  }

  override admit(buffer: Buffer, at: number, bytes: number, indexIntervalBytes: number): void {
    this.visitor.batch(buffer, at, bytes, this)
    super.admit(buffer, at, bytes, indexIntervalBytes)
  }
}

/** What is known of a segment before it is read. */
export interface SegmentKnowledge {
  readonly base: number
  /** So many bytes must hold batches. */
  readonly bytes: number
  /** The offset that it must reach, where that is known. */
  readonly end: number | undefined
  readonly epochs: Epochs
  /** The epochs of all batches in this range are known. */
  readonly epochsKnown: Range
  /** Tells gaps from damaged offsets. */
  readonly index: OffsetIndex
}

/** Reads a segment the way recovery does when it believes nothing. Gives the segment as far as it was good. */
export async function walkSegment(
  file: Pick<DiskFile, 'read'>,
  known: SegmentKnowledge,
  visitor: BatchVisitor,
  pace: Pace = () => {}
): Promise<Segment> {
  const segment = new VisitedSegment(known.base, visitor)
  const paced: Pick<DiskFile, 'read'> = {
    async read(target, offset, length, position) {
      await pace(position)
      return file.read(target, offset, length, position)
    }
  }
  const scan = new SegmentScan(paced, segment, known.epochs, known.index, known.bytes, known.epochsKnown)
  await scan.run({
    stopAt: undefined,
    vouched: known.bytes,
    mustReach: known.end,
    isOpen: false,
    damage: (from, to, position) => visitor.damage(from, to, position)
  })
  return segment
}

/** What lies behind the last intact batch of a file. */
export interface Rest {
  readonly position: number
  readonly bytes: number
  /** Nothing but zeros: room for what comes. */
  readonly isZeros: boolean
}

/** Reads a segment's file on its own, without a checkpoint. Gives the offset after its last batch, and what follows it. */
export async function walkSegmentFile(
  disk: Disk,
  path: string,
  visitor: BatchVisitor,
  pace?: Pace
): Promise<{ end: number; rest: Rest }> {
  const file = await disk.open(path, { mode: 'read' })
  try {
    const size = await file.size()
    const first = Buffer.alloc(8)
    const read = await file.read(first, 0, 8, 0)
    const name = path.slice(path.lastIndexOf('/') + 1)
    const named = parseSegmentName(name)
    const base = named?.base ?? (read === 8 ? header.baseOffset(first) : 0)
    const indexFile = (await readWhole(disk, path.replace(/\.log$/, '.index'))) ?? Buffer.alloc(0)
    const known: SegmentKnowledge = {
      base,
      bytes: size,
      end: undefined,
      epochs: new Epochs(),
      epochsKnown: { from: 0, to: 0 },
      index: path.endsWith('.log')
        ? readSegmentIndex(named ?? { base, generation: 0 }, indexFile, size)
        : new OffsetIndex(base)
    }
    const segment = await walkSegment(file, known, visitor, pace)
    return { end: segment.end, rest: await restOf(file, segment.bytes, size) }
  } finally {
    await file.close()
  }
}

async function restOf(file: DiskFile, position: number, size: number): Promise<Rest> {
  const chunk = Buffer.alloc(1024 * 1024)
  let isZeros = true
  for (let at = position; at < size && isZeros; ) {
    const count = await file.read(chunk, 0, Math.min(chunk.length, size - at), at)
    if (count === 0) break
    isZeros = chunk.subarray(0, count).every(byte => byte === 0)
    at += count
  }
  return { position, bytes: size - position, isZeros }
}
