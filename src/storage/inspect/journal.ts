import type { Disk } from '../../disk/disk.ts'
import { walkBatches } from '../../record/check.ts'
import * as header from '../../record/header.ts'
import type { JournalKind } from '../journal/journal.ts'
import { readFileRounds } from '../journal/journal-reader.ts'
import type { EntryKind, Place } from '../journal/rounds.ts'
import { readWhole } from '../recovery/checkpoint.ts'

export interface InspectedEntry {
  readonly kind: EntryKind
  /** Topic id and partition. */
  readonly log: string
  readonly offset: number
  readonly bytes: number
  readonly place: Place | undefined
  /** Of a `data` entry. */
  readonly batches: number
  /** The offset after them. */
  readonly end: number
}

/** A round of a journal's file. */
export interface InspectedRound {
  readonly position: number
  readonly bytes: number
  readonly sequence: number
  readonly order: number
  readonly entries: readonly InspectedEntry[]
}

export interface InspectedJournal {
  /** Ordered by place. Those of before the file was used again are among them. */
  readonly rounds: readonly InspectedRound[]
  /** Rounds whose head is intact and whose content is not: torn, damaged, or overwritten in part. */
  readonly brokenSequences: readonly number[]
}

/** The kind of journal of a file's name; undefined for other names. */
export function journalKindOf(name: string): JournalKind | undefined {
  const match = /^(sync|cached)-\d+$/.exec(name)
  return match ? (match[1] as JournalKind) : undefined
}

/** The rounds in a file of a journal. */
export async function inspectJournal(disk: Disk, path: string, kind: JournalKind): Promise<InspectedJournal> {
  const bytes = (await readWhole(disk, path)) ?? Buffer.alloc(0)
  const heads: number[] = []
  const found = readFileRounds(bytes, path, kind, ({ sequence }) => heads.push(sequence))
  const rounds = found.map(
    ({ sequence, order, position, bytes: size, entries }): InspectedRound => ({
      position,
      bytes: size,
      sequence,
      order,
      entries: entries.map(({ name, piece }) => {
        let batches = 0
        let end = piece.offset
        if (piece.kind === 'data')
          walkBatches(
            bytes,
            at => {
              batches++
              end = header.lastOffset(bytes, at) + 1
            },
            piece.position,
            piece.position + piece.length
          )
        const { kind, offset, length, place } = piece
        return { kind, log: name, offset, bytes: length, place, batches, end }
      })
    })
  )
  const intact = new Set(rounds.map(({ sequence }) => sequence))
  return { rounds, brokenSequences: heads.filter(sequence => !intact.has(sequence)) }
}
