import type { Disk } from '../../disk/disk.ts'
import { journalFolder } from '../layout.ts'
import { type Checkpoint, readCheckpoint, readWhole } from '../recovery/checkpoint.ts'
import { inspectJournal, journalKindOf } from './journal.ts'

export interface InspectedFolder {
  /** Of its format; undefined when this is no data folder. */
  readonly version: number | undefined
  readonly checkpoint: Checkpoint | 'missing' | 'damaged'
  /** The marker of a clean shutdown names this checkpoint. */
  readonly clean: boolean
  readonly journals: readonly {
    readonly name: string
    readonly bytes: number
    readonly rounds: number
    /** Of its rounds; -1 when it has none. */
    readonly firstSequence: number
    readonly lastSequence: number
    /** How many of them a start after a crash would look at. */
    readonly needed: number
  }[]
}

/** What a data folder says of itself. */
export async function inspectFolder(disk: Disk, folder: string): Promise<InspectedFolder> {
  const version = await formatOf(disk, folder)
  const checkpoint = await readCheckpoint(disk, folder)
  const marker = await readWhole(disk, `${folder}/clean-shutdown`)
  const clean = typeof checkpoint !== 'string' && marker?.toString() === String(checkpoint.number)
  const journals: InspectedFolder['journals'][number][] = []
  for (const name of await disk.list(journalFolder(folder))) {
    const kind = journalKindOf(name)
    if (!kind) continue
    const path = `${journalFolder(folder)}/${name}`
    const { rounds } = await inspectJournal(disk, path, kind)
    const sequences = rounds.map(({ sequence }) => sequence)
    const from = typeof checkpoint === 'string' ? 0 : checkpoint[kind].from
    journals.push({
      name,
      bytes: await sizeOf(disk, path),
      rounds: rounds.length,
      firstSequence: sequences.length > 0 ? sequences.reduce((a, b) => Math.min(a, b)) : -1,
      lastSequence: sequences.reduce((a, b) => Math.max(a, b), -1),
      needed: clean ? 0 : sequences.filter(sequence => sequence >= from).length
    })
  }
  return { version, checkpoint, clean, journals }
}

/** The version of a data folder's format; undefined when it is none. */
export async function formatOf(disk: Disk, folder: string): Promise<number | undefined> {
  const identity = await readWhole(disk, `${folder}/naru.json`)
  try {
    const { version } = JSON.parse(identity?.toString() ?? '') as { version?: unknown }
    return typeof version === 'number' ? version : undefined
  } catch {
    return undefined
  }
}

async function sizeOf(disk: Disk, path: string): Promise<number> {
  const file = await disk.open(path, { mode: 'read' })
  try {
    return await file.size()
  } finally {
    await file.close()
  }
}
