import { buildBatch } from '../../../src/record/build.ts'
import * as header from '../../../src/record/header.ts'
import { iterateRecords } from '../../../src/record/iterate.ts'
import { ManualClock } from '../../../src/std/clock.ts'
import { SeededRandom } from '../../../src/std/random.ts'
import { Compactor } from '../../../src/storage/compaction/compactor.ts'
import type { CompactionOutcome } from '../../../src/storage/compaction/pass.ts'
import type { Log } from '../../../src/storage/types.ts'
import { readAll, syncConfig } from '../support.ts'

export const compactConfig = { ...syncConfig, compact: true, segmentBytes: 4096, deleteRetentionMs: 1000 }

export const startMs = 1_700_000_000_000

export function newCompactor(options: Partial<Compactor['options']> = {}): Compactor {
  return new Compactor(new ManualClock(), new SeededRandom(7), {
    dedupeBytes: 1024 * 1024,
    loadFactor: 0.9,
    ioBytes: 64 * 1024,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    ...options
  })
}

export function compact(
  log: Log,
  options: { compactor?: Compactor; nowMs?: number; lastOf?: ReadonlyMap<number, number>; below?: number } = {}
): Promise<CompactionOutcome> {
  return log.compaction.run(options.compactor ?? newCompactor(), {
    below: options.below ?? log.durableEndOffset,
    nowMs: options.nowMs ?? startMs,
    decompressedBytesMax: 1024 * 1024,
    isLastOfProducer: (id, lastOffset) => options.lastOf?.get(id) === lastOffset,
    stopped: () => false
  })
}

export interface Entry {
  readonly key: string | null
  readonly value: string | null
}

/** Appends one batch of these entries. */
export function append(log: Log, entries: readonly Entry[], options: Parameters<typeof buildBatch>[1] = {}): void {
  const base = log.endOffset
  const batch = buildBatch(
    entries.map(({ key, value }, at) => ({
      timestamp: startMs + base + at,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value)
    })),
    options
  )
  header.setBaseOffset(batch, base)
  header.setLeaderEpoch(batch, 0)
  log.append(batch)
}

/** Everything that a reader from the start is given, as `offset key=value`. */
export async function contents(log: Log): Promise<string[]> {
  return linesOf(await readAll(log))
}

export function linesOf(bytes: Buffer): string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += header.batchBytes(bytes, at))
    for (const { offset, key, value } of iterateRecords(bytes, at)) lines.push(`${offset} ${key}=${value}`)
  return lines
}
