import { assert } from '../std/assert.ts'
import type { LogId } from './types.ts'

/**
 * The names in a data folder. This file owns the layout; `formatVersion` in naru.json grows when a change to it, to the
 * journal (rounds.ts), the checkpoint (checkpoint.ts), the index (offset-index.ts) or the snapshots (snapshots.ts) can't be
 * read by older code. To migrate: at open, while the folder is locked and before anything else is read, bring the folder
 * from each version to the next one, make it durable, and only then write the new number. Version 2 has other CRCs in the
 * journal's rounds (rounds.ts); those of version 1 are still read, so that there is nothing to bring over.
 *
 *   lock                                  held while a broker has the folder
 *   naru.json                             format version and what the broker keeps about itself
 *   checkpoint                            where each log is durable in its segments (checkpoint.ts)
 *   clean-shutdown                        names the checkpoint that says all; absent while a broker runs
 *   journal/sync-<n>, journal/cached-<n>  rings of rounds (rounds.ts, journal.ts)
 *   logs/<topic id>-<partition>/          <offset>.log, <offset>.index, <offset>.snapshot; offsets have 20 digits
 *   *.deleted                             removed later, or at the next start
 *   *.new                                 being written; worthless
 */
export const formatVersion = 2

export const deletedSuffix = '.deleted'
export const newSuffix = '.new'

const offsetDigits = 20

export const logsFolder = (folder: string): string => `${folder}/logs`
export const journalFolder = (folder: string): string => `${folder}/journal`

/** The name of a log's folder. */
export function logName(id: LogId): string {
  return `${id.topicId}-${id.partition}`
}

/** The log of a folder name; undefined for other names. Topic ids may contain `-`: the last one separates. */
export function parseLogName(name: string): LogId | undefined {
  const match = /^([A-Za-z0-9_-]{22})-(\d{1,10})$/.exec(name)
  return match ? { topicId: match[1], partition: Number(match[2]) } : undefined
}

/** `<offset, 20 digits>.<kind>`, as Kafka names its files. */
export function offsetName(offset: number, kind: 'log' | 'index' | 'snapshot'): string {
  return `${String(offset).padStart(offsetDigits, '0')}.${kind}`
}

/** The offset of a file name of that kind; undefined for other names. */
export function parseOffsetName(name: string, kind: 'log' | 'index' | 'snapshot'): number | undefined {
  if (name.length !== offsetDigits + 1 + kind.length || !name.endsWith(`.${kind}`)) return undefined
  const digits = name.slice(0, offsetDigits)
  return /^\d+$/.test(digits) ? Number(digits) : undefined
}

export const idBytes = 20

/** A log's identity in journal rounds: the 16 bytes of the topic id and the partition. */
export function encodeId(id: LogId): Buffer {
  const bytes = Buffer.alloc(idBytes)
  const topicId = Buffer.from(id.topicId, 'base64url')
  assert(topicId.length === 16, `a topic id is 16 bytes in base64url, not ${id.topicId}`)
  topicId.copy(bytes)
  bytes.writeInt32BE(id.partition, 16)
  return bytes
}

export function decodeId(buffer: Buffer, at: number): LogId {
  return { topicId: buffer.toString('base64url', at, at + 16), partition: buffer.readInt32BE(at + 16) }
}
