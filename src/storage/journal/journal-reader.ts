import type { Disk } from '../../disk/disk.ts'
import { decodeId, idBytes, journalFolder, logName } from '../layout.ts'
import { alignUp } from '../memory/slab.ts'
import { type JournalState, readWhole } from '../recovery/checkpoint.ts'
import type { JournalKind } from './journal.ts'
import {
  type EntryKind,
  entryHeaderBytes,
  entryKinds,
  intactPart,
  misnamedEntry,
  type Place,
  placeBytes,
  readEntries,
  readPlace,
  readRoundHeader,
  roundHeaderBytes
} from './rounds.ts'

const blockBytes = 4096

/** An entry about one log, found in a journal. */
export interface Piece {
  readonly kind: EntryKind
  /** The order of its round; of a damaged one it lies between its neighbours'. */
  readonly order: number
  readonly journal: JournalKind
  readonly offset: number
  /** Where the batches of a `data` entry are. */
  readonly path: string
  readonly position: number
  readonly length: number
  /** Its round is damaged: only the CRCs of the batches vouch for it. */
  readonly suspect: boolean
  readonly place: Place | undefined
}

export interface JournalContents {
  /** By log name, in order. */
  readonly pieces: Map<string, Piece[]>
  /** The sequence and order after the last ones seen, also in rounds that were torn. */
  readonly nextSequence: number
  readonly nextOrder: number
  /** Rounds that are damaged although later ones are intact. */
  readonly damaged: { readonly sequence: number; readonly path: string; readonly position: number }[]
}

/** An intact round, where it lies. */
export interface Round {
  readonly sequence: number
  readonly order: number
  readonly path: string
  readonly position: number
  readonly bytes: number
  /** False: batches in it are damaged, or torn. */
  readonly isWhole: boolean
  readonly entries: { readonly name: string; readonly piece: Piece }[]
}

/** Reads what a journal says since `state.from`, and what it keeps for logs that had failed. */
export async function readJournal(
  disk: Disk,
  folder: string,
  kind: JournalKind,
  state: JournalState
): Promise<JournalContents> {
  const rounds: Round[] = []
  let nextSequence = state.from
  let nextOrder = 0
  const files = new Map<string, Round[]>()
  for (const name of await disk.list(journalFolder(folder))) {
    if (!name.startsWith(`${kind}-`)) continue
    const path = `${journalFolder(folder)}/${name}`
    await makeDurable(disk, path)
    const bytes = (await readWhole(disk, path)) ?? Buffer.alloc(0)
    const seen = (header: { sequence: number; order: number }) => {
      nextSequence = Math.max(nextSequence, header.sequence + 1)
      nextOrder = Math.max(nextOrder, header.order + 1)
    }
    const found = readFileRounds(bytes, path, kind, seen, state.from)
    files.set(path, found)
    rounds.push(...found)
  }
  rounds.sort((a, b) => a.sequence - b.sequence)
  // One round is in flight at a time: only the last one may be torn.
  if (rounds.length > 0 && !rounds[rounds.length - 1].isWhole) rounds.pop()
  const wanted = rounds.filter(({ sequence }) => sequence >= state.from)
  const damaged = kind === 'sync' ? await damagedRounds(disk, wanted, state.from, files) : []
  const pieces = new Map<string, Piece[]>()
  const take = (round: Round, only?: readonly string[]) => {
    for (const { name, piece } of round.entries) {
      if (only && !only.includes(name)) continue
      const list = pieces.get(name)
      if (list) list.push(piece)
      else pieces.set(name, [piece])
    }
  }
  for (const round of rounds) {
    if (round.sequence >= state.from) take(round)
    else
      for (const kept of state.kept)
        if (round.sequence >= kept.first && round.sequence <= kept.last) take(round, kept.logs)
  }
  for (const round of damaged) take(round)
  for (const list of pieces.values()) list.sort((a, b) => a.order - b.order)
  return { pieces, nextSequence, nextOrder, damaged }
}

/** What a killed process wrote may be in the page cache only: recovery acts on nothing that a power loss could take back. */
async function makeDurable(disk: Disk, path: string): Promise<void> {
  const file = await disk.open(path, { mode: 'write' })
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * The rounds in a file, stale ones too. Where none is intact the search goes on at the next block: what was torn, or
 * what damage left. Of a synced journal also those from sequence `from` on in which only batches are damaged: their own CRCs
 * say which.
 */
export function readFileRounds(
  bytes: Buffer,
  path: string,
  journal: JournalKind,
  seen: (header: { sequence: number; order: number }) => void,
  from = Number.POSITIVE_INFINITY
): Round[] {
  const rounds: Round[] = []
  for (let position = 0; position + roundHeaderBytes <= bytes.length; ) {
    const header = readRoundHeader(bytes, position)
    if (header) seen(header)
    const content = position + roundHeaderBytes
    const part = header ? intactPart(bytes, content, header) : 'nothing'
    const isUseful = part === 'all' || (part === 'heads' && journal === 'sync' && header!.sequence >= from)
    if (!header || !isUseful) {
      position += blockBytes
      continue
    }
    const entries: Round['entries'] = []
    const { sequence, order } = header
    const payload = bytes.subarray(content, content + header.payloadBytes)
    readEntries(payload, (kind, idAt, offset, at, length) => {
      const place = length === placeBytes && kind !== 'data' ? readPlace(payload, at) : undefined
      const piece = { kind, order, journal, offset, path, position: content + at, length, suspect: false, place }
      entries.push({ name: logName(decodeId(payload, idAt)), piece })
    })
    const size = alignUp(roundHeaderBytes + header.payloadBytes)
    rounds.push({ sequence, order, path, position, bytes: size, isWhole: part === 'all', entries })
    position += size
  }
  return rounds
}

/**
 * Rounds that are missing although later ones are there: one round of a synced journal is in flight at a time, so that
 * they were acknowledged, and damaged afterwards. Their entries are read as far as they make sense: each batch still has
 * its own CRC.
 */
async function damagedRounds(
  disk: Disk,
  rounds: readonly Round[],
  from: number,
  files: ReadonlyMap<string, readonly Round[]>
): Promise<Round[]> {
  const damaged: Round[] = []
  let previous: Round | undefined
  for (const round of rounds) {
    const expected = previous ? previous.sequence + 1 : from
    if (round.sequence > expected) {
      const order = round.order - 0.5
      damaged.push(await damagedRound(disk, previous, round, expected, order, files))
    }
    previous = round
  }
  return damaged
}

async function damagedRound(
  disk: Disk,
  previous: Round | undefined,
  next: Round,
  sequence: number,
  order: number,
  files: ReadonlyMap<string, readonly Round[]>
): Promise<Round> {
  // Behind the last intact one of its file, or else in front of the next one.
  const inNext = previous?.path !== next.path && next.position > 0
  const path = inNext || !previous ? next.path : previous.path
  const start = inNext || !previous ? 0 : previous.position + previous.bytes
  const following = files.get(path)?.find(round => round.position >= start)
  const bytes = (await readWhole(disk, path)) ?? Buffer.alloc(0)
  const end = following ? following.position : bytes.length
  const entries: Round['entries'] = []
  const header = readRoundHeader(bytes, start)
  const misnamed = header ? misnamedEntry(bytes, start + roundHeaderBytes, header) : -1
  for (let at = start + roundHeaderBytes; at + entryHeaderBytes <= end; ) {
    const kind = entryKinds[bytes.readUInt32LE(at)]
    const length = bytes.readUInt32BE(at + 4)
    const content = at + entryHeaderBytes
    if (kind !== 'data' || length === 0 || content + length > end) break
    const name = logName(decodeId(bytes, content - idBytes))
    const offset = Number(bytes.readBigInt64BE(at + 8))
    const place = undefined
    const piece: Piece = { kind, order, journal: 'sync', offset, path, position: content, length, suspect: true, place }
    if (content !== misnamed) entries.push({ name, piece })
    at = content + length
  }
  return { sequence, order, path, position: start, bytes: end - start, isWhole: false, entries }
}
