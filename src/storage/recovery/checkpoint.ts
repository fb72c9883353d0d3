import { type Disk, DiskError } from '../../disk/disk.ts'
import { crc32c } from '../../std/crc32c.ts'
import type { FolderSync } from '../folder-sync.ts'
import { newSuffix } from '../layout.ts'
import type { StoredLog } from '../log.ts'
import type { SegmentState } from '../segments/segment.ts'
import type { EpochStart } from '../types.ts'

/** Offsets [from, to). */
export interface Range {
  readonly from: number
  readonly to: number
}

/** How far compaction came in a log. */
export interface Compacted {
  /** Of the log's manifest (compaction/manifest.ts); grows with each. */
  readonly generation: number
  /** The manifest says which segments there are below this. */
  readonly upTo: number
  /** Every key has only its newest value below this. */
  readonly cleanedUpTo: number
}

/** What a checkpoint says of a log: all of it is durable in the log's segments. */
export interface LogState {
  readonly start: number
  readonly end: number
  readonly segments: readonly SegmentState[]
  readonly epochs: readonly EpochStart[]
  /** Acknowledged offsets that are known to be lost or damaged. */
  readonly damaged: readonly Range[]
  /** What rounds of a lower order say of the log is void. */
  readonly voidBefore: number
  /** A truncation to this offset has begun. */
  readonly cut?: number
  readonly compacted?: Compacted
}

/** Rounds of files that are kept because these logs failed before they could be written. */
export interface KeptRounds {
  readonly first: number
  readonly last: number
  readonly logs: readonly string[]
}

export interface JournalState {
  /** The first sequence that recovery must read. */
  readonly from: number
  readonly kept: readonly KeptRounds[]
}

/**
 * What recovery begins from, and all that it needs after a clean shutdown. One file, replaced as a whole: a line of JSON
 * about the store, with the CRC-32C of all lines after it, then a line of JSON for each log, after its name.
 */
export interface Checkpoint {
  readonly number: number
  /** Every round so far has a lower order. */
  readonly order: number
  readonly sync: JournalState
  readonly cached: JournalState
  /** Deleted logs whose data may still be in a journal: what rounds of a lower order say of them is void. */
  readonly dropped: Readonly<Record<string, number>>
  /** Paths in the folder that were renamed out of the way and wait for their removal. */
  readonly garbage: readonly string[]
  readonly logs: ReadonlyMap<string, LogState>
}

/** Of a log that never had anything. */
export const emptyState: LogState = {
  start: 0,
  end: 0,
  segments: [],
  epochs: [],
  damaged: [],
  voidBefore: 0
}

const fileName = 'checkpoint'

/** The durable part of a log. */
export function stateOf(log: StoredLog): LogState {
  const end = log.syncedEnd
  return {
    start: log.startOffset,
    end,
    segments: log.segments.filter(segment => segment.synced > 0).map(segment => segment.state()),
    epochs: log.epochs.list().filter(epoch => epoch.startOffset < end),
    damaged: log.damage.below(end),
    voidBefore: log.voidBefore,
    ...(log.cutTo === undefined ? {} : { cut: log.cutTo }),
    ...(log.compaction.compacted === undefined ? {} : { compacted: log.compaction.compacted })
  }
}

/** The line of a log; keep it while the log doesn't change. */
export function logLine(name: string, state: LogState): string {
  return `${name} ${JSON.stringify(state)}\n`
}

/** Replaces the checkpoint, durably. `lines`: `logLine` of every log. */
export async function writeCheckpoint(
  disk: Disk,
  folders: FolderSync,
  folder: string,
  head: Omit<Checkpoint, 'logs'>,
  lines: Iterable<string>
): Promise<void> {
  const body = Buffer.from([...lines].join(''), 'latin1')
  const first = Buffer.from(`${JSON.stringify({ ...head, crc: crc32c(body) })}\n`, 'latin1')
  const crc = Buffer.from(`${crc32c(first).toString(16).padStart(8, '0')} `, 'latin1')
  await replaceFile(disk, folders, folder, fileName, Buffer.concat([crc, first, body]))
}

/** The checkpoint of a folder; `missing` when there is none, `damaged` when it can't be trusted. */
export async function readCheckpoint(disk: Disk, folder: string): Promise<Checkpoint | 'missing' | 'damaged'> {
  const bytes = await readWhole(disk, `${folder}/${fileName}`)
  if (!bytes) return 'missing'
  const lineEnd = bytes.indexOf(10) + 1
  if (lineEnd < 10) return 'damaged'
  const first = bytes.subarray(9, lineEnd)
  if (bytes.toString('latin1', 0, 9) !== `${crc32c(first).toString(16).padStart(8, '0')} `) return 'damaged'
  const { crc, ...head } = JSON.parse(first.toString('latin1')) as Omit<Checkpoint, 'logs'> & { crc: number }
  const body = bytes.subarray(lineEnd)
  if (crc32c(body) !== crc) return 'damaged'
  const logs = new Map<string, LogState>()
  for (const line of body.toString('latin1').split('\n')) {
    const space = line.indexOf(' ')
    if (space > 0) logs.set(line.slice(0, space), JSON.parse(line.slice(space + 1)) as LogState)
  }
  return { ...head, logs }
}

/** All bytes of a file; undefined when it doesn't exist. */
export async function readWhole(disk: Disk, path: string): Promise<Buffer | undefined> {
  try {
    const file = await disk.open(path, { mode: 'read' })
    try {
      const bytes = Buffer.allocUnsafe(await file.size())
      return bytes.subarray(0, await file.read(bytes, 0, bytes.length, 0))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof DiskError && error.kind === 'missing') return undefined
    throw error
  }
}

/** Replaces `folder/name` as a whole and durably: a crash leaves the old file or the new one. */
export async function replaceFile(
  disk: Disk,
  folders: FolderSync,
  folder: string,
  name: string,
  bytes: Buffer
): Promise<void> {
  await writeNew(disk, folder, name, bytes)
  await renameNew(disk, folders, folder, name)
}

/** The first half of `replaceFile`: nothing counts yet. */
export async function writeNew(disk: Disk, folder: string, name: string, bytes: Buffer): Promise<void> {
  const file = await disk.open(`${folder}/${name}${newSuffix}`, { mode: 'write' })
  try {
    await file.truncate(0)
    await file.write(bytes, 0, bytes.length, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The second half: what was written takes the place of `folder/name`. */
export async function renameNew(disk: Disk, folders: FolderSync, folder: string, name: string): Promise<void> {
  await disk.rename(`${folder}/${name}${newSuffix}`, `${folder}/${name}`)
  await folders.sync(folder)
}
