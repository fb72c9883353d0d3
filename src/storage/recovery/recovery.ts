import { type Disk, DiskError } from '../../disk/disk.ts'
import { NaruError } from '../../std/errors.ts'
import type { Logger } from '../../std/log.ts'
import type { Counter } from '../../std/metrics.ts'
import type { FolderSync } from '../folder-sync.ts'
import { type JournalContents, type Piece, readJournal } from '../journal/journal-reader.ts'
import { deletedSuffix, formatVersion, journalFolder, logsFolder, parseLogName } from '../layout.ts'
import {
  type Checkpoint,
  emptyState,
  type LogState,
  logLine,
  readCheckpoint,
  readWhole,
  replaceFile,
  writeCheckpoint
} from './checkpoint.ts'
import { LogRecovery } from './log-recovery.ts'

const identityName = 'naru.json'
export const cleanMarkerName = 'clean-shutdown'

export interface RecoveryContext {
  readonly disk: Disk
  readonly logger: Logger
  readonly folder: string
  readonly folders: FolderSync
  readonly corrupt: Counter
  /** Called when what was acknowledged may be lost in any log, before anything is written. */
  doubt?(): Promise<void>
}

/** Makes a new data folder's skeleton, or checks the version of an old one. */
export async function prepareFolder(disk: Disk, folders: FolderSync, folder: string): Promise<void> {
  const identity = await readWhole(disk, `${folder}/${identityName}`)
  if (identity && identity.length > 0) {
    const { version } = JSON.parse(identity.toString()) as { version: number }
    if (version === formatVersion) return
    if (!(version >= 1 && version < formatVersion)) {
      const text = `${folder} has format version ${version}; this Naru knows up to ${formatVersion}`
      throw new NaruError('KAFKA_STORAGE_ERROR', text)
    }
    await writeIdentity(disk, folders, folder)
    return
  }
  await disk.mkdir(journalFolder(folder))
  await disk.mkdir(logsFolder(folder))
  await folders.sync(folder)
  // An earlier start may have made any of the parents and been killed before it could make them durable.
  for (let at = folder; at.length > 1; ) {
    at = at.slice(0, at.lastIndexOf('/')) || '/'
    await folders.sync(at).catch(error => {
      // A folder that this user may not read wasn't made by it.
      if (!(error instanceof DiskError) || error.kind !== 'io') throw error
    })
  }
  await writeIdentity(disk, folders, folder)
}

async function writeIdentity(disk: Disk, folders: FolderSync, folder: string): Promise<void> {
  await replaceFile(disk, folders, folder, identityName, Buffer.from(`${JSON.stringify({ version: formatVersion })}\n`))
}

/** Says, durably, that the checkpoint of this number is all there is to know. */
export async function writeCleanMarker(
  disk: Disk,
  folders: FolderSync,
  folder: string,
  checkpointNumber: number
): Promise<void> {
  await replaceFile(disk, folders, folder, cleanMarkerName, Buffer.from(String(checkpointNumber)))
}

/**
 * Brings a data folder to the state that was acknowledged, and gives the checkpoint that describes it. Afterwards the
 * journals are free. It may be interrupted at any operation and run again: the journals stay as they are until the new
 * checkpoint is durable.
 */
export async function recover(context: RecoveryContext): Promise<Checkpoint> {
  const { disk, folders, folder, logger } = context
  // A killed process may have left names that a power loss would take back.
  await folders.sync(folder)
  const marker = await readWhole(disk, `${folder}/${cleanMarkerName}`)
  const found = await readCheckpoint(disk, folder)
  // Durably gone before anything else is written: it must never vouch for what comes later.
  if (marker) {
    await disk.remove(`${folder}/${cleanMarkerName}`)
    await folders.sync(folder)
  }
  if (typeof found !== 'string' && marker?.toString() === String(found.number)) return found
  const names = await disk.list(logsFolder(folder))
  const isNew = found === 'missing' && names.length === 0 && (await disk.list(journalFolder(folder))).length === 0
  if (typeof found === 'string' && !isNew)
    logger.error({ folder, checkpoint: found }, 'the checkpoint is lost: every segment is read')
  const start: Checkpoint = typeof found === 'string' ? emptyCheckpoint : found
  const sync = await readJournal(disk, folder, 'sync', start.sync)
  const cached = await readJournal(disk, folder, 'cached', start.cached)
  reportDamagedRounds(context, sync)
  // A log of which only such a round knew ends early, and nothing behind it says so.
  if (sync.damaged.length > 0) await context.doubt?.()
  const logs = await recoverLogs(context, start, typeof found === 'string', names, [sync, cached])
  const checkpoint: Checkpoint = {
    number: start.number + 1,
    order: Math.max(start.order, sync.nextOrder, cached.nextOrder),
    sync: { from: sync.nextSequence, kept: [] },
    cached: { from: cached.nextSequence, kept: [] },
    dropped: {},
    garbage: [
      ...new Set([...start.garbage, ...names.filter(name => name.endsWith(deletedSuffix)).map(name => `logs/${name}`)])
    ],
    logs
  }
  const { logs: _, ...head } = checkpoint
  await writeCheckpoint(
    disk,
    folders,
    folder,
    head,
    [...logs].map(([name, state]) => logLine(name, state))
  )
  return checkpoint
}

const emptyCheckpoint: Checkpoint = {
  number: 0,
  order: 0,
  sync: { from: 0, kept: [] },
  cached: { from: 0, kept: [] },
  dropped: {},
  garbage: [],
  logs: new Map()
}

async function recoverLogs(
  context: RecoveryContext,
  start: Checkpoint,
  readEverything: boolean,
  names: readonly string[],
  journals: readonly JournalContents[]
): Promise<Map<string, LogState>> {
  const folders = new Set(names.filter(name => parseLogName(name)))
  const logs = new Map<string, LogState>()
  const all = new Set([...start.logs.keys(), ...folders, ...journals.flatMap(journal => [...journal.pieces.keys()])])
  const salvage = journals.some(journal => journal.damaged.length > 0)
  for (const name of all) {
    const state = start.logs.get(name)
    const pieces = piecesOf(name, state, start, journals)
    const recovery = new LogRecovery(context, name, state ?? emptyState, folders.has(name))
    const isAsKnown = state && pieces.length === 0 && state.cut === undefined && !salvage && !readEverything
    if (isAsKnown && (await recovery.hasManifestOf(state))) {
      await recovery.sweep()
      logs.set(name, state)
      continue
    }
    if (!state && pieces.length === 0 && start.dropped[name] !== undefined) {
      await removeLogFolder(context, name)
      continue
    }
    // A folder that nobody vouches for holds nothing that was acknowledged: its segments go.
    const trust = readEverything ? 'nothing' : salvage ? 'floor' : 'checkpoint'
    const recovered = await recovery.run(pieces, trust)
    if (recovered) logs.set(name, recovered)
  }
  // Names that a killed process left may not be durable yet.
  await context.folders.sync(logsFolder(context.folder))
  return logs
}

async function removeLogFolder(context: RecoveryContext, name: string): Promise<void> {
  await context.disk.remove(`${logsFolder(context.folder)}/${name}`)
  await context.folders.sync(logsFolder(context.folder))
}

/** What the journals say of a log, in order, without what is void. */
function piecesOf(
  name: string,
  state: LogState | undefined,
  start: Checkpoint,
  journals: readonly JournalContents[]
): Piece[] {
  const voidBefore = Math.max(state?.voidBefore ?? 0, start.dropped[name] ?? 0)
  return journals
    .flatMap(journal => journal.pieces.get(name) ?? [])
    .filter(piece => piece.order >= voidBefore)
    .sort((a, b) => a.order - b.order)
}

function reportDamagedRounds(context: RecoveryContext, journal: JournalContents): void {
  for (const { sequence, path, position } of journal.damaged) {
    context.corrupt.add()
    context.logger.error(
      { sequence, path, position },
      'a round of the journal is damaged: acknowledged records may be lost; logs that miss some say so'
    )
  }
}
