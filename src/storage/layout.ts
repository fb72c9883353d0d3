import { assert } from '../std/assert.ts'
import type { LogId } from './types.ts'

/**
 * The names in a data folder. This file owns the layout; `formatVersion` in naru.json grows when a change to it, to the
 * journal (rounds.ts), the checkpoint (checkpoint.ts), the index (offset-index.ts) or the snapshots (snapshots.ts) can't be
 * read by older code. To migrate: at open, while the folder is locked and before anything else is read, bring the folder
 * from each version to the next one, make it durable, and only then write the new number. Version 2 has other CRCs in the
 * journal's rounds (rounds.ts); those of version 1 are still read, so that there is nothing to bring over. Version 3 has
 * segments that compaction made, and manifests (compaction/manifest.ts): an older folder is one without them.
 *
 *   lock                                  held while a broker has the folder
 *   naru.json                             format version and what the broker keeps about itself
 *   boot-id                               which run of the machine wrote last (survival.ts)
 *   checkpoint                            where each log is durable in its segments (checkpoint.ts)
 *   clean-shutdown                        names the checkpoint that says all; absent while a broker runs
 *   journal/sync-<n>, journal/cached-<n>  rings of rounds (rounds.ts, journal.ts)
 *   logs/<topic id>-<partition>/          <offset>.log, <offset>.index, <offset>.snapshot; offsets have 20 digits
 *     <offset>-<generation>.log, .index   segments that compaction made (10 digits)
 *     compacted                           the manifest: which segments there are in the compacted part (compaction/manifest.ts)
 *   *.deleted                             removed later, or at the next start
 *   *.new                                 being written; worthless
 */
export const formatVersion = 3

export const deletedSuffix = '.deleted'
export const newSuffix = '.new'

const offsetDigits = 20
const generationDigits = 10

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

/** `<offset, 20 digits>.snapshot`, as Kafka names its files. */
export function snapshotName(offset: number): string {
  return `${digits(offset, offsetDigits)}.snapshot`
}

/** The offset of a snapshot's name; undefined for other names. */
export function parseSnapshotName(name: string): number | undefined {
  const match = /^(\d{20})\.snapshot$/.exec(name)
  return match ? Number(match[1]) : undefined
}

/** Which segment: two with the same base never share a file when compaction has made one of them. */
export interface SegmentRef {
  readonly base: number
  /** 0 for a segment that was appended to; else that of the manifest with which compaction made it (compaction/manifest.ts). */
  readonly generation: number
}

/** `<base>.log`, as Kafka names it, or `<base>-<generation>.log`. */
export function segmentName({ base, generation }: SegmentRef, kind: 'log' | 'index'): string {
  const suffix = generation === 0 ? '' : `-${digits(generation, generationDigits)}`
  return `${digits(base, offsetDigits)}${suffix}.${kind}`
}

/** The segment of the name of a file; undefined for other names. */
export function parseSegmentName(name: string, kind: 'log' | 'index' = 'log'): SegmentRef | undefined {
  const match = /^(\d{20})(?:-(\d{10}))?\.(log|index)$/.exec(name)
  if (match?.[3] !== kind) return undefined
  return { base: Number(match[1]), generation: Number(match[2] ?? 0) }
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0')
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
