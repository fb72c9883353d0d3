import { type Manifest, manifestBytes, manifestName, readManifest } from '../compaction/manifest.ts'
import {
  deletedSuffix,
  logsFolder,
  newSuffix,
  parseSegmentName,
  parseSnapshotName,
  type SegmentRef,
  segmentName
} from '../layout.ts'
import { entryBytes, indexHeader, OffsetIndex, readIndex } from '../segments/offset-index.ts'
import type { Segment } from '../segments/segment.ts'
import { readWhole, replaceFile } from './checkpoint.ts'
import type { RecoveryContext } from './recovery.ts'

/** The files of a log, as recovery changes them: every change is durable when it is done. */
export class RecoveredFiles {
  private readonly context: RecoveryContext
  private readonly folder: string
  private readonly hasFolder: boolean
  private folderMade: boolean
  private names: Promise<readonly string[]> | undefined

  constructor(context: RecoveryContext, name: string, hasFolder: boolean) {
    this.context = context
    this.folder = `${logsFolder(context.folder)}/${name}`
    this.hasFolder = hasFolder
    this.folderMade = hasFolder
  }

  path(segment: SegmentRef, kind: 'log' | 'index'): string {
    return `${this.folder}/${segmentName(segment, kind)}`
  }

  /** The segments in the folder as it was found, ascending. */
  async segments(): Promise<SegmentRef[]> {
    const refs = (await this.listed()).map(name => parseSegmentName(name)).filter(ref => ref !== undefined)
    return refs.sort((a, b) => a.base - b.base || a.generation - b.generation)
  }

  async manifest(): Promise<Manifest | 'missing' | 'damaged'> {
    return (await this.listed()).includes(manifestName) ? readManifest(this.context.disk, this.folder) : 'missing'
  }

  async writeManifest(manifest: Manifest): Promise<void> {
    const { disk, folders } = this.context
    await replaceFile(disk, folders, this.folder, manifestName, manifestBytes(manifest))
  }

  async removeManifest(): Promise<void> {
    const { disk, folders } = this.context
    await disk.remove(`${this.folder}/${manifestName}`)
    await folders.sync(this.folder)
  }

  /** Appends to a segment's file; the segment has admitted the bytes already. */
  async append(segment: Segment, bytes: Buffer, indexedBytes: number): Promise<void> {
    const { disk, folders, folder } = this.context
    if (!this.folderMade) {
      await disk.mkdir(this.folder)
      await folders.sync(logsFolder(folder))
      this.folderMade = true
    }
    const file = await disk.open(this.path(segment, 'log'), { mode: 'write' })
    try {
      const from = segment.bytes - bytes.length
      if (from === 0) await file.truncate(0)
      await file.write(bytes, 0, bytes.length, from)
      await file.sync()
    } finally {
      await file.close()
    }
    segment.markSynced(segment.bytes, segment.end, segment.newest)
    await this.writeIndex(segment, indexedBytes)
    await folders.sync(this.folder)
  }

  /** Replaces the index file of a segment; entries of the old one are believed below `indexedBytes`. */
  async writeIndex(segment: Segment, indexedBytes: number): Promise<void> {
    const { disk } = this.context
    const path = this.path(segment, 'index')
    if (!segment.indexLoaded) {
      const old = (await readWhole(disk, path)) ?? Buffer.alloc(0)
      segment.useIndexFile(readIndex(segment.base, old, indexedBytes))
    }
    const index = segment.index ?? new OffsetIndex(segment.base)
    const bytes = Buffer.concat([indexHeader(), index.slice(0, index.count)])
    const file = await disk.open(path, { mode: 'write' })
    try {
      await file.truncate((index.count + 1) * entryBytes)
      await file.write(bytes, 0, bytes.length, 0)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** Drops index entries of what lies behind `bytes`: other batches will come there. */
  async cutIndex(segment: SegmentRef, bytes: number): Promise<void> {
    const path = this.path(segment, 'index')
    const old = await readWhole(this.context.disk, path)
    const kept = old ? (readIndex(segment.base, old, bytes).count + 1) * entryBytes : 0
    if (!old || old.length <= kept) return
    const file = await this.context.disk.open(path, { mode: 'write' })
    try {
      await file.truncate(kept)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** Newest first, so that what a crash leaves has no hole. */
  async removeSegments(segments: readonly SegmentRef[]): Promise<void> {
    const { disk, folders } = this.context
    for (const segment of [...segments].reverse()) {
      await disk.remove(this.path(segment, 'index'))
      await disk.remove(this.path(segment, 'log'))
      await folders.sync(this.folder)
    }
  }

  /**
   * Removes what was out of the way already, what was never finished (a crash may have lost the list of it), and snapshots of
   * more than the log has: what will take the place of lost records may leave a gap there, of which their epochs say nothing.
   */
  async removeLeftovers(end: number): Promise<void> {
    const { disk, folders } = this.context
    let above = false
    for (const name of await this.listed()) {
      const isAbove = (parseSnapshotName(name) ?? 0) > end
      if (isAbove || name.endsWith(deletedSuffix) || name.endsWith(newSuffix))
        await disk.remove(`${this.folder}/${name}`)
      above ||= isAbove
    }
    if (above) await folders.sync(this.folder)
  }

  async removeFolder(): Promise<void> {
    if (!this.hasFolder) return
    const { disk, folders, folder } = this.context
    await disk.remove(this.folder)
    await folders.sync(logsFolder(folder))
  }

  private listed(): Promise<readonly string[]> {
    this.names ??= this.hasFolder ? this.context.disk.list(this.folder) : Promise.resolve([])
    return this.names
  }
}
