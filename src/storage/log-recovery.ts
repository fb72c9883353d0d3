import { validBatchAt } from '../record/check.ts'
import * as header from '../record/header.ts'
import { type LogState, type Range, readWhole } from './checkpoint.ts'
import { clipRanges } from './damage.ts'
import { Epochs } from './epochs.ts'
import type { Piece } from './journal-reader.ts'
import { offsetName } from './layout.ts'
import { readIndex } from './offset-index.ts'
import { RecoveredFiles } from './recovered-files.ts'
import type { RecoveryContext } from './recovery.ts'
import type { Place } from './rounds.ts'
import { Segment } from './segment.ts'
import { SegmentScan } from './segment-scan.ts'

const indexIntervalBytes = 4096
const pendingBytesMax = 1024 * 1024

/**
 * How much of the files is believed without reading it: what the checkpoint vouches for; nothing, but the end is known to
 * be at the floor or behind it (a round is lost, and the files may have what it said); nothing at all.
 */
export type Trust = 'checkpoint' | 'floor' | 'nothing'

/**
 * Brings one log to the state that was acknowledged: what lies in its files up to the floor - the last place that a
 * checkpoint or a journal vouches for - and then what the journals hold. What lies behind the floor in the files was
 * either never acknowledged or is in a journal too, so that a torn tail needs no guesses: it is cut.
 */
export class LogRecovery {
  private readonly context: RecoveryContext
  private readonly name: string
  private readonly files: RecoveredFiles
  private state: LogState
  /** Up to where the log is durable in its files. */
  private floor: Place
  private data: Piece[] = []
  private start: number
  private cut: number | undefined
  private dropped = false
  private readonly segments: Segment[] = []
  private epochs: Epochs
  private damaged: Range[]
  private end: number
  /** Of batches below this offset the checkpoint has all epochs. */
  private knownEnd: number
  /** The first offset that the checkpoint has a segment for. */
  private lowest: number
  private cachedLost = false
  private pending: Buffer[] = []
  private pendingBytes = 0

  constructor(context: RecoveryContext, name: string, state: LogState, hasFolder: boolean) {
    this.context = context
    this.name = name
    this.files = new RecoveredFiles(context, name, hasFolder)
    this.state = state
    const last = state.segments[state.segments.length - 1]
    this.floor = { segmentBase: last?.base ?? state.end, position: last?.bytes ?? 0, offset: state.end }
    this.start = state.start
    this.cut = state.cut
    this.epochs = new Epochs(state.epochs)
    this.damaged = [...state.damaged]
    this.end = state.end
    this.knownEnd = state.end
    this.lowest = state.segments[0]?.base ?? state.end
  }

  /** The state to put into the next checkpoint; undefined when the log is gone. */
  async run(pieces: readonly Piece[], trust: Trust): Promise<LogState | undefined> {
    for (const piece of pieces) this.take(piece)
    if (this.dropped) {
      await this.files.removeFolder()
      return undefined
    }
    await this.readFiles(trust)
    for (const piece of this.data) await this.apply(piece)
    await this.flush()
    if (this.start > 0) this.epochs.cutStart(this.start)
    return {
      start: this.start,
      // Unsynced records may be lost below a start offset that was durable.
      end: Math.max(this.end, this.start),
      segments: this.segments.filter(segment => segment.bytes > 0).map(segment => segment.state()),
      epochs: this.epochs.list(),
      damaged: this.damaged.filter(range => range.to > this.start),
      voidBefore: this.state.voidBefore
    }
  }

  /** For a log that is as the checkpoint says: removes segments that it doesn't know, which nothing acknowledged is in. */
  async sweep(): Promise<void> {
    const known = new Set(this.state.segments.map(segment => segment.base))
    const bases = await this.files.bases()
    await this.files.removeSegments(bases.filter(base => !known.has(base)))
    const last = this.state.segments[this.state.segments.length - 1]
    if (last) await this.files.cutIndex(last.base, last.bytes)
  }

  /** First pass, over all pieces: where the floor is, and which data is needed above it. */
  private take(piece: Piece): void {
    const { kind, offset, place } = piece
    if (kind === 'drop') {
      this.dropped = true
      this.forget()
      return
    }
    this.dropped = false
    if (kind === 'data') {
      // All that was there when a truncation began is in the files.
      if (this.cut === undefined) this.data.push(piece)
    } else if (kind === 'start') this.start = Math.max(this.start, offset)
    else if (kind === 'mark') {
      if (place && place.offset > this.floor.offset) this.floor = place
    } else {
      this.data = []
      this.cut = kind === 'cut' ? offset : undefined
      if (place) this.floor = place
      if (kind === 'reset') {
        // What the checkpoint knows of the rest is from before the truncation.
        const segments = this.state.segments.filter(segment => segment.base < this.floor.segmentBase)
        this.state = { ...this.state, segments }
      }
      this.epochs.cutEnd(offset)
      this.knownEnd = Math.min(this.knownEnd, offset)
      this.damaged = clipRanges(this.damaged, offset)
    }
  }

  private forget(): void {
    this.state = { ...this.state, start: 0, end: 0, segments: [], epochs: [], damaged: [] }
    this.floor = { segmentBase: 0, position: 0, offset: 0 }
    this.lowest = 0
    this.knownEnd = 0
    this.data = []
    this.start = 0
    this.cut = undefined
    this.epochs = new Epochs()
    this.damaged = []
  }

  /** Takes over what the files have up to the floor, reading only what the checkpoint doesn't describe. */
  private async readFiles(trust: Trust): Promise<void> {
    const bases = await this.files.bases()
    const known = new Map(this.state.segments.map(segment => [segment.base, segment]))
    const newestKnown = this.state.segments[this.state.segments.length - 1]?.base ?? -1
    const beyond = trust === 'nothing' || trust === 'floor'
    const kept = bases.filter(base => this.isWanted(base, beyond))
    const firstKnown = this.state.segments.find(segment => segment.end > this.start)?.base ?? kept[0]
    this.end = firstKnown ?? (this.floor.position > 0 ? this.floor.segmentBase : this.floor.offset)
    for (const [at, base] of kept.entries()) {
      const state = known.get(base)
      const isFloor = base === this.floor.segmentBase
      if (base > this.end) this.addDamage(this.end, base, `segment in front of ${offsetName(base, 'log')}`)
      const isWhole = isFloor ? state?.bytes === this.floor.position : base < newestKnown
      const holdsCut = this.cut !== undefined && this.cut < (state?.end ?? Number.POSITIVE_INFINITY)
      if (state && isWhole && !holdsCut && trust === 'checkpoint') {
        await this.files.cutIndex(base, state.bytes)
        this.push(Segment.of(state))
      } else {
        const end = kept[at + 1] ?? (isFloor && this.floor.position > 0 ? this.floor.offset : undefined)
        const isOpen = beyond && at === kept.length - 1
        if (!(await this.scan(base, state, trust, end, isOpen))) break
      }
    }
    const last = this.segments[this.segments.length - 1]?.base ?? -1
    const leftover = (base: number) => base > last || (base < this.lowest && trust === 'checkpoint')
    await this.files.removeSegments(bases.filter(leftover))
    const floorEnd = this.cut === undefined ? this.floor.offset : Math.min(this.cut, this.floor.offset)
    const isMissing = this.end < floorEnd && floorEnd > this.start && this.cut === undefined
    if (isMissing) this.addDamage(Math.max(this.end, this.start), floorEnd, 'a file that is missing or short')
    if (this.end < floorEnd && this.cut === undefined) this.close(floorEnd)
    if (this.cut !== undefined) {
      this.end = Math.min(this.end, this.cut)
      this.epochs.cutEnd(this.end)
      this.damaged = clipRanges(this.damaged, this.end)
    }
  }

  private isWanted(base: number, beyond: boolean): boolean {
    if (this.cut !== undefined && base >= this.cut) return false
    if (beyond) return true
    // A deleted one that was not removed yet.
    if (base < this.lowest) return false
    return base < this.floor.segmentBase || (base === this.floor.segmentBase && this.floor.position > 0)
  }

  /** Reads a segment from where the checkpoint's knowledge of it ends. False when the log ends in it. */
  private async scan(
    base: number,
    state: LogState['segments'][number] | undefined,
    trust: Trust,
    end: number | undefined,
    isOpen: boolean
  ): Promise<boolean> {
    const { disk } = this.context
    const path = this.files.path(base, 'log')
    const indexFile = (await readWhole(disk, this.files.path(base, 'index'))) ?? Buffer.alloc(0)
    const file = await disk.open(path, { mode: 'write' })
    try {
      const size = await file.size()
      const isFloor = base === this.floor.segmentBase
      const isComplete = base < this.floor.segmentBase || (trust !== 'checkpoint' && !isOpen)
      const vouched = isComplete ? size : isFloor ? Math.min(size, this.floor.position) : 0
      const limit = isFloor && trust === 'checkpoint' ? vouched : size
      const segment = new Segment(base)
      const believed = trust === 'checkpoint' && state ? Math.min(state.bytes, limit) : 0
      const index = readIndex(base, indexFile, believed)
      if (this.cut !== undefined) index.cutOffset(this.cut)
      segment.resumeFrom(index, state?.firstTimestamp ?? -1)
      const scan = new SegmentScan(file, segment, this.epochs, readIndex(base, indexFile, limit), limit, {
        from: this.start,
        to: this.knownEnd
      })
      await scan.run({
        stopAt: this.cut,
        vouched: isOpen && trust === 'nothing' ? limit : vouched,
        mustReach: end,
        isOpen,
        damage: (from, to, position) => this.addDamage(from, to, `${path}, byte ${position}`)
      })
      segment.index?.cut(segment.bytes)
      if (size !== segment.bytes && !segment.closed) await file.truncate(segment.bytes)
      await file.sync()
      segment.markSynced(segment.bytes, segment.end, segment.newest)
      await this.files.writeIndex(segment, 0)
      if (segment.bytes > 0) this.push(segment)
      return !scan.stopped
    } finally {
      await file.close()
    }
  }

  /** Second pass: appends what a `data` entry has above the log's end. */
  private async apply(piece: Piece): Promise<void> {
    if (piece.journal === 'cached' && this.cachedLost) return
    const buffer = await this.readPiece(piece)
    let expected = piece.offset
    for (let at = 0; at < piece.length; ) {
      const bytes = validBatchAt(buffer, at)
      if (bytes === 0 || (piece.suspect && !this.continues(buffer, at, expected))) {
        const next = findBatch(buffer, at + 1, Math.max(this.end, expected))
        if (next < 0) {
          this.damagedInJournal(piece, buffer, at, expected)
          return
        }
        this.damagedBefore(header.baseOffset(buffer, next), piece, at)
        expected = header.baseOffset(buffer, next)
        at = next
        continue
      }
      const base = header.baseOffset(buffer, at)
      const last = header.lastOffset(buffer, at)
      if (base >= this.end) {
        if (expected > this.end) {
          if (piece.journal === 'cached') {
            // Not synced, and lost with the power: what follows has nothing to stand on.
            this.cachedLost = true
            this.context.logger.warn({ log: this.name, end: this.end }, 'unsynced records were lost')
            return
          }
          this.addDamage(this.end, expected, 'the journal')
          this.close(expected)
        }
        await this.append(buffer, at, bytes, last + 1)
      }
      expected = last + 1
      at += bytes
    }
  }

  /** Whether a batch out of a damaged round is at least where it should be: offset and epoch are outside its CRC. */
  private continues(buffer: Buffer, at: number, expected: number): boolean {
    const epoch = this.epochs.latest?.epoch
    return (
      header.baseOffset(buffer, at) === expected && (epoch === undefined || header.leaderEpoch(buffer, at) === epoch)
    )
  }

  private async readPiece(piece: Piece): Promise<Buffer> {
    const file = await this.context.disk.open(piece.path, { mode: 'read' })
    try {
      const buffer = Buffer.allocUnsafe(piece.length)
      const count = await file.read(buffer, 0, piece.length, piece.position)
      return buffer.subarray(0, count)
    } finally {
      await file.close()
    }
  }

  /** The end of a `data` entry is damaged: as much is given up as its header says, one record at least. */
  private damagedInJournal(piece: Piece, buffer: Buffer, at: number, expected: number): void {
    if (buffer.length - at < header.headerBytes || expected < this.end) return
    const base = header.baseOffset(buffer, at)
    const count = header.lastOffset(buffer, at) + 1 - base
    this.damagedBefore(expected + (base === expected && count > 0 && count < 1_000_000 ? count : 1), piece, at)
  }

  private damagedBefore(offset: number, piece: Piece, at: number): void {
    if (offset <= this.end) return
    this.addDamage(this.end, offset, `${piece.path}, byte ${piece.position + at}`)
    this.close(offset)
  }

  private async append(buffer: Buffer, at: number, bytes: number, end: number): Promise<void> {
    let segment = this.segments[this.segments.length - 1]
    if (!segment || segment.closed) {
      await this.flush()
      segment = new Segment(this.end)
      this.segments.push(segment)
    }
    segment.admit(buffer, at, bytes, indexIntervalBytes)
    this.epochs.note(header.leaderEpoch(buffer, at), header.baseOffset(buffer, at))
    this.pending.push(Buffer.from(buffer.subarray(at, at + bytes)))
    this.pendingBytes += bytes
    this.end = end
    if (this.pendingBytes >= pendingBytesMax) await this.flush()
  }

  /** Nothing is appended to the last segment any more; the log goes on at `end`. */
  private close(end: number): void {
    const last = this.segments[this.segments.length - 1]
    if (last) last.closed = true
    this.end = end
  }

  /** Writes what was appended to the last segment's file. */
  private async flush(): Promise<void> {
    if (this.pendingBytes === 0) return
    const segment = this.segments[this.segments.length - 1]
    const bytes = Buffer.concat(this.pending)
    this.pending = []
    this.pendingBytes = 0
    const known = this.state.segments.find(({ base }) => base === segment.base)
    await this.files.append(segment, bytes, known?.bytes ?? 0)
  }

  private push(segment: Segment): void {
    this.segments.push(segment)
    this.end = segment.end
  }

  private addDamage(from: number, to: number, where: string): void {
    if (from >= to || to <= this.start) return
    const isKnown = this.damaged.some(range => range.from <= from && to <= range.to)
    if (isKnown) return
    this.damaged.push({ from, to })
    this.context.corrupt.add()
    this.context.logger.error(
      { log: this.name, from, to, where },
      'acknowledged records are damaged or lost: reading them answers CORRUPT_MESSAGE'
    )
  }
}

/** The next intact batch from `at` on that begins above `offset`; -1 when there is none. */
function findBatch(buffer: Buffer, from: number, offset: number): number {
  for (let at = from; at + header.headerBytes <= buffer.length; at++)
    if (header.magic(buffer, at) === 2 && header.baseOffset(buffer, at) > offset && validBatchAt(buffer, at) > 0)
      return at
  return -1
}
