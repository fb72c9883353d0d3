import { blockBytes, type Disk, DiskError, type DiskFile } from '../../disk/disk.ts'
import type { FolderSync } from '../folder-sync.ts'
import { logsFolder } from '../layout.ts'
import type { StoredLog } from '../log.ts'
import { alignDown, alignUp, type Slab } from '../memory/slab.ts'
import { Semaphore } from '../semaphore.ts'
import type { FileCache } from './file-cache.ts'
import { entryBytes, indexHeader } from './offset-index.ts'
import type { Segment } from './segment.ts'

/** Logs that are written at a time, and syncs in flight: the thread pool has four threads for everything. */
const writersMax = 4
const syncsMax = 2
/** A call with this much isn't made larger: journal rounds wait for a thread, too. */
const writeBytesMin = 1024 * 1024
/** Index entries that are written together. */
const indexBatch = 64

export interface FlushHost {
  readonly disk: Disk
  readonly files: FileCache
  readonly folders: FolderSync
  readonly folder: string
  /** Tries again and again while the disk is full. */
  withSpace<T>(attempt: () => Promise<T>): Promise<T>
  /** These slabs of the log are durable now and only in memory for readers. */
  cached(log: StoredLog, slabs: readonly Slab[]): void
  wrote(log: StoredLog, bytes: number): void
}

/** Writes logs from memory to their segments, in the background, with O_DIRECT and in pieces as large as there are. */
export class Flusher {
  private readonly host: FlushHost
  private readonly writers = new Semaphore(writersMax)
  private readonly syncs = new Semaphore(syncsMax)
  private readonly running = new Map<StoredLog, Promise<void>>()

  constructor(host: FlushHost) {
    this.host = host
  }

  /** Makes all that was appended up to `count` durable in segments. Resolves also when the log failed or was removed. */
  async flush(log: StoredLog, count = log.appendedCount): Promise<void> {
    while (log.syncedCount < count && !log.stopped) {
      let pass = this.running.get(log)
      if (!pass) {
        pass = this.writers.run(() => this.pass(log)).finally(() => this.running.delete(log))
        this.running.set(log, pass)
      }
      await pass
    }
  }

  /** Resolves when no write of this log is in flight. */
  async idle(log: StoredLog): Promise<void> {
    await this.running.get(log)
  }

  private async pass(log: StoredLog): Promise<void> {
    try {
      await this.host.withSpace(async () => {
        if (!log.stopped) await this.writeOldest(log)
      })
    } catch (error) {
      log.fail(error as Error)
    }
  }

  /** Writes what there is of the oldest segment that isn't durable. */
  private async writeOldest(log: StoredLog): Promise<void> {
    const slabs = log.tail.freeze()
    if (slabs.length === 0) return
    const segment = slabs[0].segment
    const last = slabs[slabs.length - 1]
    const { sealed, newest } = segment
    const path = log.path(segment, 'log')
    if (!segment.made) await this.make(log, segment)
    await this.host.files.use(path, 'write', async file => {
      try {
        await writeSlabs(file, slabs, this.host.disk)
        if (sealed) await file.truncate(last.end)
        await this.syncs.run(() => file.sync())
      } catch (error) {
        // Not needed for safety: recovery cuts what no checkpoint and no round explains.
        if (error instanceof DiskError && error.kind === 'full') await file.truncate(segment.synced).catch(() => {})
        throw error
      }
    })
    await this.writeIndex(log, segment, last.end)
    log.segmentSynced(slabs, newest)
    segment.finished = sealed
    this.host.cached(log, slabs)
    this.host.wrote(log, last.end - slabs[0].from)
  }

  /** Gives the segment's file a durable name, and the log a folder. The segments before it are complete then. */
  private async make(log: StoredLog, segment: Segment): Promise<void> {
    const { disk, files, folders, folder } = this.host
    if (!log.folderMade) {
      await disk.mkdir(log.folder)
      await folders.sync(logsFolder(folder))
      log.folderMade = true
    }
    for (const old of log.segments)
      if (old.base < segment.base && !old.finished) {
        await files.use(log.path(old, 'log'), 'write', async file => {
          await file.truncate(old.bytes)
          await this.syncs.run(() => file.sync())
        })
        old.finished = true
      }
    await files.use(log.path(segment, 'log'), 'write', () => {})
    await folders.sync(log.folder)
    segment.made = true
  }

  /** Appends the entries of what is durable to the index file. */
  private async writeIndex(log: StoredLog, segment: Segment, position: number): Promise<void> {
    if (!segment.index) return
    // A second file to open and write for each flush of a quiet log would cost as much as its data: a restart finds the
    // last few entries again by reading. Only what explains a gap can't be found again.
    const waiting = segment.index.count - segment.indexWritten
    if (waiting < indexBatch && !segment.sealed && !segment.hasGaps) return
    await log.loadIndex(segment)
    const { index, indexWritten: from } = segment
    const to = index.floorPosition(position - 1) + 1
    if (to <= from) return
    const entries = index.slice(from, to)
    const bytes = from === 0 ? Buffer.concat([indexHeader(), entries]) : entries
    await this.host.files.use(log.path(segment, 'index'), 'index', async file => {
      // An index that a crash left behind without its segment.
      if (from === 0) await file.truncate(0)
      file.writeSync(bytes, 0, bytes.length, from === 0 ? 0 : (from + 1) * entryBytes)
      if (segment.hasGaps) await file.sync()
    })
    if (segment.hasGaps && !segment.indexNamed) {
      await this.host.folders.sync(log.folder)
      segment.indexNamed = true
    }
    segment.indexWritten = to
  }
}

/** Writes slabs that follow each other, in few calls. The next one begins with the last, partial block of the one before. */
async function writeSlabs(file: DiskFile, slabs: readonly Slab[], disk: Disk): Promise<void> {
  const last = slabs[slabs.length - 1]
  last.memory.fill(0, last.end - last.start, alignUp(last.end) - last.start)
  let pieces: Buffer[] = []
  let position = slabs[0].start
  let from = position
  let previous: Slab | undefined
  for (const slab of slabs) {
    if (slab.validFrom > slab.start) await completeHead(file, slab, previous, disk)
    const end = slab === last ? alignUp(slab.end) : alignDown(slab.end)
    if (end > from) pieces.push(slab.slice(from, end))
    from = end
    previous = slab
    if (slab !== last && end - position < writeBytesMin) continue
    await file.writeAll(pieces, position)
    pieces = []
    position = end
  }
}

/** Brings what lies in front of the slab in its first block into memory: from the slab before it, else from the file. */
async function completeHead(file: DiskFile, slab: Slab, previous: Slab | undefined, disk: Disk): Promise<void> {
  if (previous) previous.slice(slab.start, slab.validFrom).copy(slab.memory)
  else {
    const block = disk.allocate(blockBytes)
    await file.read(block, 0, block.length, slab.start)
    block.copy(slab.memory, 0, 0, slab.validFrom - slab.start)
  }
  slab.validFrom = slab.start
}
