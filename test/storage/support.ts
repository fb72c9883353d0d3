import type { Disk } from '../../src/disk/disk.ts'
import { memoryDisk } from '../../src/disk/memory.ts'
import { buildBatch } from '../../src/record/build.ts'
import * as header from '../../src/record/header.ts'
import { ManualClock } from '../../src/std/clock.ts'
import type { Logger } from '../../src/std/log.ts'
import { silent } from '../../src/std/log.ts'
import { Metrics } from '../../src/std/metrics.ts'
import type { StoreOptions } from '../../src/storage/options.ts'
import { openLogStore } from '../../src/storage/store.ts'
import type { Log, LogConfig, LogId, LogStore } from '../../src/storage/types.ts'

export const folder = '/data'

export const smallStore: StoreOptions = {
  journalFileBytes: 64 * 1024,
  journalFiles: 3,
  memoryTailBytes: 64 * 1024,
  unwrittenBytesMax: 256 * 1024,
  openFilesMax: 16
}

export const syncConfig: LogConfig = {
  segmentBytes: 32 * 1024,
  segmentMs: 604_800_000,
  indexIntervalBytes: 4096,
  retentionMs: -1,
  retentionBytes: -1,
  flushMessages: 1,
  flushMs: Number.MAX_SAFE_INTEGER,
  fileDeleteDelayMs: 0,
  compact: false,
  deleteRetentionMs: 0,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  minCleanableDirtyRatio: 0.5
}

/** As flush.messages and flush.ms are by Kafka's defaults: syncs are left to the background. */
export const cachedConfig: LogConfig = { ...syncConfig, flushMessages: 2 ** 63, flushMs: 2 ** 63 }

export function logId(index: number): LogId {
  const topicId = Buffer.alloc(16)
  topicId.writeUInt32BE(index + 1, 12)
  return { topicId: topicId.toString('base64url'), partition: index }
}

export interface StoreSetting {
  readonly disk: Disk
  readonly clock: ManualClock
  readonly metrics: Metrics
  readonly logger: Logger
}

export function setting(disk: Disk = memoryDisk(), logger: Logger = silent): StoreSetting {
  return { disk, clock: new ManualClock(), metrics: new Metrics(), logger }
}

export function openStore(environment: StoreSetting, options: Partial<StoreOptions> = {}): Promise<LogStore> {
  return openLogStore(environment, folder, { ...smallStore, ...options })
}

/** A batch of `records` records with values of `bytes` bytes; what it holds follows from its offset. */
export function batchAt(
  offset: number,
  records = 1,
  bytes = 50,
  epoch = 0,
  timestamp = 1_700_000_000_000 + offset
): Buffer {
  const batch = buildBatch(
    Array.from({ length: records }, (_, at) => ({
      timestamp: timestamp + at,
      key: Buffer.from(`key ${offset + at}`),
      value: Buffer.alloc(bytes, (offset + at) % 251)
    }))
  )
  header.setBaseOffset(batch, offset)
  header.setLeaderEpoch(batch, epoch)
  return batch
}

/** Resolves when the log has acknowledged everything up to `offset`; rejects when it fails. */
export function durable(log: Log, offset = log.endOffset): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = () => {
      if (log.durableEndOffset >= offset) {
        log.onProgress = undefined
        resolve()
      } else if (log.failure) reject(log.failure)
    }
    log.onProgress = check
    check()
  })
}

/** All batches from `from` to the end, one after the other, and checks that reads continue each other. */
export async function readAll(log: Log, from = log.startOffset, maxBytes = 64 * 1024): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let offset = from; offset < log.endOffset; ) {
    const read = await log.read(offset, { maxBytes, atLeastOne: true, below: log.endOffset })
    if (read.bytes === 0) throw new Error(`nothing to read at ${offset} of ${log.endOffset}`)
    for (const chunk of read.chunks) pieces.push(Buffer.from(chunk))
    offset = read.nextOffset
    read.release()
  }
  return Buffer.concat(pieces)
}
