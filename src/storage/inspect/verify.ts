import { type Disk, DiskError } from '../../disk/disk.ts'
import { OverlayDisk } from '../../disk/overlay.ts'
import { messageOf } from '../../std/errors.ts'
import { Metrics } from '../../std/metrics.ts'
import { manifestName, readManifest } from '../compaction/manifest.ts'
import { Epochs } from '../epochs.ts'
import { FolderSync } from '../folder-sync.ts'
import { logsFolder, parseSnapshotName, type SegmentRef, segmentName } from '../layout.ts'
import { type Checkpoint, type LogState, type Range, readCheckpoint, readWhole } from '../recovery/checkpoint.ts'
import { prepareFolder, recover } from '../recovery/recovery.ts'
import { entryBytes, readSegmentIndex } from '../segments/offset-index.ts'
import type { SegmentState } from '../segments/segment.ts'
import { decodeSnapshot } from '../snapshots.ts'
import { type Finding, Findings } from './findings.ts'
import { IndexCheck } from './index-check.ts'
import { type Pace, walkSegment } from './segments.ts'

export interface VerifyOptions {
  readonly disk: Disk
  readonly folder: string
  /**
   * A broker has the folder: only what its checkpoint vouches for is read. What the broker deletes meanwhile is no
   * damage.
   */
  readonly live: boolean
  /** Only this log, by the name of its folder. */
  readonly log?: string
  report(finding: Finding): void
  /** Called now and then. */
  progress?(doneBytes: number, totalBytes: number, log: string): void
}

export interface Verified {
  readonly findings: readonly Finding[]
  readonly logs: number
  readonly segments: number
  readonly batches: number
  readonly bytes: number
  /** The broker had stopped cleanly; undefined while one runs. */
  readonly clean: boolean | undefined
}

/**
 * Reads every byte of a data folder that counts and reports what is wrong, changing nothing. A start's own recovery runs
 * over the folder first, in memory, so that what it would cut, lose or refuse is what is reported; then all segments and
 * indexes are read against the state that it would begin from.
 */
export async function verifyStore(options: VerifyOptions): Promise<Verified> {
  const verification = new Verification(options)
  return verification.run()
}

class Verification {
  private readonly options: VerifyOptions
  private readonly findings: Findings
  private readonly overlay: OverlayDisk
  private disk: Disk
  private clean: boolean | undefined
  private logs = 0
  private segments = 0
  private batches = 0
  private doneBytes = 0
  private totalBytes = 0

  constructor(options: VerifyOptions) {
    this.options = options
    this.findings = new Findings(options.report)
    this.overlay = new OverlayDisk(options.disk)
    this.disk = options.live ? options.disk : this.overlay
  }

  async run(): Promise<Verified> {
    const { folder, live, log: only } = this.options
    this.clean = live ? undefined : await this.isClean()
    const checkpoint = live ? await this.liveCheckpoint() : await this.recovered()
    const logs = [...(checkpoint?.logs ?? [])].filter(([name]) => only === undefined || name === only)
    for (const [, { segments }] of logs) for (const { bytes } of segments) this.totalBytes += bytes
    for (const [name, state] of logs) await this.verifyLog(name, `${logsFolder(folder)}/${name}`, state)
    const { logs: count, segments, batches, doneBytes: bytes } = this
    return { findings: this.findings.list, logs: count, segments, batches, bytes, clean: this.clean }
  }

  private async isClean(): Promise<boolean> {
    const { disk, folder } = this.options
    const marker = await readWhole(disk, `${folder}/clean-shutdown`)
    const checkpoint = await readCheckpoint(disk, folder)
    return typeof checkpoint !== 'string' && marker?.toString() === String(checkpoint.number)
  }

  private async liveCheckpoint(): Promise<Checkpoint | undefined> {
    const { disk, folder } = this.options
    const checkpoint = await readCheckpoint(disk, folder)
    if (typeof checkpoint !== 'string') return checkpoint
    if (checkpoint === 'damaged') this.findings.damage(`${folder}/checkpoint`, undefined, 'the checkpoint is damaged')
    else this.findings.note(`${folder}/checkpoint`, 'there is no checkpoint yet: nothing to hold the segments against')
    return undefined
  }

  /** The state that a start would begin from. */
  private async recovered(): Promise<Checkpoint | undefined> {
    const { folder } = this.options
    const folders = new FolderSync(this.overlay)
    const corrupt = new Metrics().counter('corrupt', '')
    const logger = this.findings.logger(folder)
    let checkpoint: Checkpoint
    try {
      await prepareFolder(this.overlay, folders, folder)
      checkpoint = await recover({ disk: this.overlay, logger, folder, folders, corrupt })
    } catch (error) {
      this.findings.damage(folder, undefined, `a start would refuse the folder: ${messageOf(error)}`)
      return undefined
    }
    if (!this.clean) this.noteChanges()
    return checkpoint
  }

  /** What recovery has cut and removed in the overlay is what it would cut and remove. */
  private noteChanges(): void {
    const logs = `${logsFolder(this.options.folder)}/`
    for (const { path, kind, fromBytes, toBytes } of this.overlay.changes()) {
      if (!path.startsWith(logs) || path.endsWith('.index')) continue
      const log = path.slice(logs.length).split('/')[0]
      if (kind === 'removed') this.findings.note(path, 'a start would remove this: nothing acknowledged is in it', log)
      else if (toBytes < fromBytes)
        this.findings.note(
          path,
          `a start would cut this from ${fromBytes} to ${toBytes} bytes: what follows counts nowhere`,
          log
        )
      else if (toBytes > fromBytes)
        this.findings.note(path, `a start would append ${toBytes - fromBytes} bytes to this from the journal`, log)
    }
  }

  private async verifyLog(name: string, path: string, state: LogState): Promise<void> {
    this.logs++
    const reported = new Set<Range>()
    const isKnown = (from: number, to: number) => {
      const range = state.damaged.find(range => range.from <= from && to <= range.to)
      if (range) reported.add(range)
      return range !== undefined
    }
    const epochs = new Epochs(state.epochs)
    let end: number | undefined
    for (const segment of state.segments) {
      if (end !== undefined && segment.base !== end && !isKnown(end, segment.base))
        this.findings.damage(path, undefined, `offsets ${end} to ${segment.base - 1} are in no segment`, name)
      await this.verifySegment(name, path, state, segment, epochs, isKnown)
      end = segment.end
    }
    if (end !== undefined && end !== state.end && !isKnown(end, state.end) && state.end > state.start)
      this.findings.damage(path, undefined, `offsets ${end} to ${state.end - 1} are in no segment`, name)
    for (const range of state.damaged)
      if (!reported.has(range) && range.to > state.start)
        this.findings.damage(
          path,
          undefined,
          `offsets ${range.from} to ${range.to - 1} are known to be damaged or lost`,
          name
        )
    if ((await readManifest(this.disk, path)) === 'damaged')
      this.findings.damage(`${path}/${manifestName}`, 0, 'both copies of the manifest are damaged', name)
    await this.verifySnapshots(name, path)
  }

  private async verifySegment(
    name: string,
    path: string,
    state: LogState,
    segment: SegmentState,
    epochs: Epochs,
    isKnown: (from: number, to: number) => boolean
  ): Promise<void> {
    const { live, disk: below } = this.options
    this.segments++
    const { base } = segment
    const ref: SegmentRef = { base, generation: segment.generation ?? 0 }
    const file = `${path}/${segmentName(ref, 'log')}`
    const indexPath = `${path}/${segmentName(ref, 'index')}`
    const start = this.doneBytes
    const done = () => {
      this.doneBytes = start + segment.bytes
    }
    try {
      const opened = await this.disk.open(file, { mode: 'read' })
      try {
        const size = await opened.size()
        if (size < segment.bytes)
          this.findings.damage(file, size, `it ends here; the checkpoint says ${segment.bytes} bytes`, name)
        const indexBytes = (await readWhole(this.disk, indexPath)) ?? Buffer.alloc(0)
        const onDisk = live ? indexBytes : ((await readWhole(below, indexPath)) ?? Buffer.alloc(0))
        const check = this.indexCheck(name, indexPath, segment.bytes, onDisk, ref, segment === state.segments.at(-1))
        let damaged = false
        const pace: Pace = position => {
          this.doneBytes = start + Math.min(position, segment.bytes)
          this.options.progress?.(this.doneBytes, this.totalBytes, name)
        }
        const known = {
          base,
          bytes: Math.min(size, segment.bytes),
          end: segment.end,
          epochs,
          epochsKnown: { from: state.start, to: state.end },
          index: readSegmentIndex(ref, indexBytes, segment.bytes)
        }
        const walked = await walkSegment(
          opened,
          known,
          {
            batch: (buffer, at, _bytes, seen) => {
              this.batches++
              check.batch(buffer, at, seen)
            },
            damage: (from, to, position) => {
              damaged = true
              check.damage()
              const since = isKnown(from, to) ? ', known since an earlier start' : ''
              this.findings.damage(file, position, `offsets ${from} to ${to - 1} can't be read${since}`, name)
            }
          },
          pace
        )
        check.end(walked.bytes)
        // Behind the last batch of a compacted segment there may be a gap.
        const endsRight = ref.generation > 0 ? walked.end <= segment.end : walked.end === segment.end
        if (!damaged && !endsRight)
          this.findings.damage(
            file,
            walked.bytes,
            `its batches end at offset ${walked.end}; the checkpoint says ${segment.end}`,
            name
          )
        else if (!damaged && walked.newest.timestamp !== segment.newest.timestamp)
          this.findings.damage(
            file,
            undefined,
            `its newest timestamp is ${walked.newest.timestamp}; the checkpoint says ${segment.newest.timestamp}`,
            name
          )
      } finally {
        await opened.close()
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      if (live && error.kind === 'missing') this.findings.note(file, 'the broker has deleted it meanwhile', name)
      else this.findings.damage(file, undefined, `it can't be read: ${error.message}`, name)
    } finally {
      done()
    }
  }

  /** `onDisk`: the index as it is, not as a start would make it. */
  private indexCheck(
    name: string,
    path: string,
    bytes: number,
    onDisk: Buffer,
    ref: SegmentRef,
    isLast: boolean
  ): IndexCheck {
    const intactBytes = (readSegmentIndex(ref, onDisk, Number.POSITIVE_INFINITY).count + 1) * entryBytes
    if (onDisk.length > 0 && intactBytes < onDisk.length) {
      // Entries are not synced: a crash, or the broker that writes them now, may leave half of the last ones.
      if (!isLast || this.clean)
        this.findings.damage(
          path,
          onDisk.length < entryBytes ? 0 : intactBytes,
          'the index is damaged from here on: reads look through the segment instead',
          name
        )
      else if (this.clean === false) this.findings.note(path, `a start would cut this to ${intactBytes} bytes`, name)
    }
    return new IndexCheck(readSegmentIndex(ref, onDisk, bytes), (position, message) =>
      this.findings.damage(path, position, message, name)
    )
  }

  private async verifySnapshots(name: string, path: string): Promise<void> {
    for (const file of await this.disk.list(path)) {
      if (parseSnapshotName(file) === undefined) continue
      const bytes = await readWhole(this.disk, `${path}/${file}`)
      if (bytes && !decodeSnapshot(bytes))
        this.findings.damage(
          `${path}/${file}`,
          0,
          'the snapshot is damaged: an older one is used, or the log is read',
          name
        )
    }
  }
}
