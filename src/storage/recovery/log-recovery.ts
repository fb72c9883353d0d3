import * as header from '../../record/header.ts'
import { adopted, type Manifest, manifestOfState } from '../compaction/manifest.ts'
import { Epochs } from '../epochs.ts'
import type { Piece } from '../journal/journal-reader.ts'
import type { Place } from '../journal/rounds.ts'
import { type SegmentRef, segmentName } from '../layout.ts'
import { readSegmentIndex } from '../segments/offset-index.ts'
import { Segment } from '../segments/segment.ts'
import { type Compacted, emptyState, type LogState, type Range, readWhole } from './checkpoint.ts'
import { clipRanges } from './damage.ts'
import { JournalReplay, type ReplayHost } from './journal-replay.ts'
import { RecoveredFiles } from './recovered-files.ts'
import type { RecoveryContext } from './recovery.ts'
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
export class LogRecovery implements ReplayHost {
  private readonly context: RecoveryContext
  private readonly name: string
  private readonly files: RecoveredFiles
  private state: LogState
  /** Up to where the log is durable in its files. */
  private floor: Place
  private data: Piece[] = []
  start: number
  private cut: number | undefined
  private dropped = false
  private readonly segments: Segment[] = []
  epochs: Epochs
  private damaged: Range[]
  end: number
  /** Of batches below this offset the checkpoint has all epochs. */
  private knownEnd: number
  /** The first offset that the checkpoint has a segment for. */
  private lowest: number
  private manifest: Manifest | undefined
  /** It can't be read: files that nobody knows may be what it named. */
  private manifestLost = false
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
    const found = await this.files.manifest()
    // A folder that nothing else knows of holds nothing that was acknowledged.
    const isVouched = this.state !== emptyState || pieces.length > 0 || trust !== 'checkpoint'
    if (typeof found !== 'string' && isVouched) this.manifest = found
    for (const piece of pieces) this.take(piece)
    if (this.dropped) {
      await this.files.removeFolder()
      return undefined
    }
    if (found === 'damaged' || (found === 'missing' && this.state.compacted)) this.missManifest(found)
    if (this.manifest) this.adopt(this.manifest)
    else if (typeof found !== 'string') await this.files.removeManifest()
    await this.readFiles(trust)
    const compacted = await this.cutManifest()
    const replay = new JournalReplay(this.context, this.name, this)
    for (const piece of this.data) await replay.apply(piece)
    await this.flush()
    await this.files.removeLeftovers(Math.max(this.end, this.start))
    if (this.start > 0) this.epochs.cutStart(this.start)
    return {
      start: this.start,
      // Unsynced records may be lost below a start offset that was durable.
      end: Math.max(this.end, this.start),
      segments: this.segments.filter(segment => segment.bytes > 0).map(segment => segment.state()),
      epochs: this.epochs.list(),
      damaged: this.damaged.filter(range => range.to > this.start),
      voidBefore: this.state.voidBefore,
      ...(compacted ? { compacted } : {})
    }
  }

  /** Whether what the checkpoint says is all that compaction has done. */
  async hasManifestOf(state: LogState): Promise<boolean> {
    const manifest = await this.files.manifest()
    if (manifest === 'missing') return state.compacted === undefined
    return manifest !== 'damaged' && manifest.generation === state.compacted?.generation
  }

  /** For a log that is as the checkpoint says: removes segments that it doesn't know, which nothing acknowledged is in. */
  async sweep(): Promise<void> {
    await this.files.removeLeftovers(this.state.end)
    const known = new Set(this.state.segments.map(nameOf))
    const found = await this.files.segments()
    await this.files.removeSegments(found.filter(segment => !known.has(nameOf(segment))))
    const last = this.state.segments[this.state.segments.length - 1]
    if (last && !last.generation) await this.files.cutIndex({ base: last.base, generation: 0 }, last.bytes)
  }

  private missManifest(manifest: 'missing' | 'damaged'): void {
    const { compacted } = this.state
    this.manifestLost = true
    this.context.corrupt.add()
    const text = 'the manifest of a compacted log is lost: what the checkpoint knows is used'
    this.context.logger.error({ log: this.name, manifest }, text)
    if (compacted) this.manifest = manifestOfState(this.state, compacted)
  }

  /** What the manifest says replaces what the checkpoint knows of that part, which may be older. */
  private adopt(manifest: Manifest): void {
    const { upTo } = manifest
    this.state = { ...this.state, segments: adopted(manifest, this.state.segments) }
    if (this.floor.offset <= upTo) this.floor = { segmentBase: upTo, position: 0, offset: upTo }
    const later = this.epochs.list().filter(({ startOffset }) => startOffset >= upTo)
    this.epochs = new Epochs([...manifest.epochs, ...later])
    if (this.cut !== undefined) this.epochs.cutEnd(this.cut)
    this.knownEnd = Math.max(this.knownEnd, upTo)
    this.lowest = Math.min(this.lowest, this.state.segments[0]?.base ?? upTo)
  }

  /** After a truncation into its part the manifest must not speak of what is gone; gives what is compacted now. */
  private async cutManifest(): Promise<Compacted | undefined> {
    const { manifest, cut, end } = this
    if (!manifest) return undefined
    const compacted = {
      generation: manifest.generation,
      upTo: Math.min(manifest.upTo, end),
      cleanedUpTo: Math.min(manifest.cleanedUpTo, end)
    }
    if (cut === undefined || cut >= manifest.upTo) return { ...compacted, upTo: manifest.upTo }
    compacted.generation++
    await this.files.writeManifest({
      ...compacted,
      order: manifest.order,
      segments: this.segments.filter(({ bytes }) => bytes > 0).map(segment => segment.state()),
      epochs: this.epochs.list()
    })
    return compacted
  }

  /** First pass, over all pieces: where the floor is, and which data is needed above it. */
  private take(piece: Piece): void {
    const { kind, offset, place } = piece
    if (kind === 'drop') {
      this.dropped = true
      if (this.manifest && this.manifest.order <= piece.order) this.manifest = undefined
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
    const { voidBefore } = this.state
    this.state = { ...emptyState, voidBefore }
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
    const found = await this.files.segments()
    const known = new Map(this.state.segments.map(segment => [nameOf(segment), segment]))
    const newestKnown = this.state.segments[this.state.segments.length - 1]?.base ?? -1
    const beyond = trust === 'nothing' || trust === 'floor'
    const kept = found.filter(segment => this.isWanted(segment, beyond, known))
    const firstKnown = this.state.segments.find(segment => segment.end > this.start)?.base ?? kept[0]?.base
    this.end = firstKnown ?? (this.floor.position > 0 ? this.floor.segmentBase : this.floor.offset)
    for (const [at, ref] of kept.entries()) {
      const { base } = ref
      const state = known.get(nameOf(ref))
      const isListed = state !== undefined && base < (this.manifest?.upTo ?? 0)
      const isFloor = base === this.floor.segmentBase
      if (base > this.end) this.addDamage(this.end, base, `segment in front of ${nameOf(ref)}`)
      const isWhole = isFloor ? state?.bytes === this.floor.position : base < newestKnown
      const holdsCut = this.cut !== undefined && this.cut < (state?.end ?? Number.POSITIVE_INFINITY)
      if (isListed && !holdsCut) this.push(Segment.of(state))
      else if (state && isWhole && !holdsCut && trust === 'checkpoint') {
        await this.files.cutIndex(ref, state.bytes)
        this.push(Segment.of(state))
      } else {
        const end = kept[at + 1]?.base ?? (isFloor && this.floor.position > 0 ? this.floor.offset : undefined)
        const isOpen = beyond && at === kept.length - 1
        if (!(await this.scan(ref, state, isListed ? 'checkpoint' : trust, end, isOpen && !isListed))) break
      }
    }
    const last = this.segments[this.segments.length - 1]?.base ?? -1
    const used = new Set(this.segments.map(nameOf))
    const isLeftover = (ref: SegmentRef) => {
      if (used.has(nameOf(ref))) return false
      if (ref.generation > 0) return !this.manifestLost
      if (ref.base < (this.manifest?.upTo ?? 0)) return !this.manifestLost
      return ref.base > last || (ref.base < this.lowest && trust === 'checkpoint')
    }
    await this.files.removeSegments(found.filter(isLeftover))
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

  private isWanted({ base, generation }: SegmentRef, beyond: boolean, known: ReadonlyMap<string, unknown>): boolean {
    if (this.cut !== undefined && base >= this.cut) return false
    if (generation > 0 || base < (this.manifest?.upTo ?? 0)) return known.has(segmentName({ base, generation }, 'log'))
    if (beyond) return true
    // A deleted one that was not removed yet.
    if (base < this.lowest) return false
    return base < this.floor.segmentBase || (base === this.floor.segmentBase && this.floor.position > 0)
  }

  /** Reads a segment from where the checkpoint's knowledge of it ends. False when the log ends in it. */
  private async scan(
    ref: SegmentRef,
    state: LogState['segments'][number] | undefined,
    trust: Trust,
    end: number | undefined,
    isOpen: boolean
  ): Promise<boolean> {
    const { disk } = this.context
    const { base } = ref
    const path = this.files.path(ref, 'log')
    const indexFile = (await readWhole(disk, this.files.path(ref, 'index'))) ?? Buffer.alloc(0)
    const file = await disk.open(path, { mode: 'write' })
    try {
      const size = await file.size()
      const isFloor = base === this.floor.segmentBase
      const isComplete = base < this.floor.segmentBase || (trust !== 'checkpoint' && !isOpen)
      const vouched = isComplete ? size : isFloor ? Math.min(size, this.floor.position) : 0
      const limit = isFloor && trust === 'checkpoint' ? vouched : size
      const segment = new Segment(base, ref.generation)
      const believed = trust === 'checkpoint' && state ? Math.min(state.bytes, limit) : 0
      const index = readSegmentIndex(ref, indexFile, believed)
      if (this.cut !== undefined) index.cutOffset(this.cut)
      segment.resumeFrom(index, state?.firstTimestamp ?? -1)
      const scan = new SegmentScan(file, segment, this.epochs, readSegmentIndex(ref, indexFile, limit), limit, {
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
      // Nothing is appended to what a manifest says.
      if (ref.generation > 0) segment.closed = true
      segment.markSynced(segment.bytes, segment.end, segment.newest)
      await this.files.writeIndex(segment, 0)
      if (segment.bytes > 0) this.push(segment)
      return !scan.stopped
    } finally {
      await file.close()
    }
  }

  async append(buffer: Buffer, at: number, bytes: number, end: number): Promise<void> {
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
  close(end: number): void {
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

  addDamage(from: number, to: number, where: string): void {
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

const nameOf = ({ base, generation = 0 }: { base: number; generation?: number }): string =>
  segmentName({ base, generation }, 'log')
