import { crc32c } from '../std/crc32c.ts'
import { logsFolder, parseSnapshotName, snapshotName } from './layout.ts'
import type { StoredLog } from './log.ts'
import { readWhole, replaceFile } from './recovery/checkpoint.ts'
import type { StoreContext } from './store-context.ts'
import type { Snapshot } from './types.ts'

/**
 * `<offset>.snapshot`: CRC-32C of the rest u32, version u32, leader epoch of the last batch below the offset i32, then the
 * snapshot's bytes. The epoch tells a snapshot of records that were lost or truncated from one of those that took their
 * place: they have a higher one.
 */
const prefixBytes = 12
const version = 1
const keptMax = 2

/** Writes a snapshot durably and removes those older than the newest two. */
export async function storeSnapshot(context: StoreContext, log: StoredLog, snapshot: Snapshot): Promise<void> {
  if (!log.folderMade) {
    await context.disk.mkdir(log.folder)
    await context.folders.sync(logsFolder(context.folder))
    log.folderMade = true
  }
  const file = Buffer.alloc(prefixBytes + snapshot.bytes.length)
  file.writeUInt32BE(version, 4)
  file.writeInt32BE(log.epochAt(snapshot.offset - 1), 8)
  snapshot.bytes.copy(file, prefixBytes)
  file.writeUInt32BE(crc32c(file, 4), 0)
  await replaceFile(context.disk, context.folders, log.folder, snapshotName(snapshot.offset), file)
  // Those above are of records that were lost.
  const offsets = await snapshotOffsets(context, log)
  const kept = offsets.filter(offset => offset <= snapshot.offset).slice(-keptMax)
  for (const offset of offsets)
    if (!kept.includes(offset)) await context.disk.remove(`${log.folder}/${snapshotName(offset)}`)
}

/** The newest intact snapshot that isn't above the log's end. */
export async function loadSnapshot(context: StoreContext, log: StoredLog): Promise<Snapshot | undefined> {
  if (!log.folderMade && !log.isKnown) return undefined
  const offsets = await snapshotOffsets(context, log)
  for (const offset of offsets.reverse()) {
    if (offset > log.endOffset) continue
    const file = await readWhole(context.disk, `${log.folder}/${snapshotName(offset)}`)
    if (!file) continue
    const found = decodeSnapshot(file)
    if (found) {
      const isSame = offset <= log.startOffset || found.epoch === log.epochAt(offset - 1)
      if (isSame) return { offset, bytes: found.bytes }
      continue
    }
    context.logger.warn({ log: log.name, offset }, 'a snapshot is damaged; an older one is used')
  }
  return undefined
}

/** What a snapshot's file holds; undefined when it is damaged. `epoch`: of the last batch below its offset. */
export function decodeSnapshot(file: Buffer): { epoch: number; bytes: Buffer } | undefined {
  if (file.length < prefixBytes || file.readUInt32BE(0) !== crc32c(file, 4)) return undefined
  return file.readUInt32BE(4) === version
    ? { epoch: file.readInt32BE(8), bytes: file.subarray(prefixBytes) }
    : undefined
}

/** Removes snapshots above `end`, durably. */
export async function cutSnapshots(context: StoreContext, log: StoredLog, end: number): Promise<void> {
  if (!log.folderMade && !log.isKnown) return
  const above = (await snapshotOffsets(context, log)).filter(offset => offset > end)
  for (const offset of above) await context.disk.remove(`${log.folder}/${snapshotName(offset)}`)
  if (above.length > 0) await context.folders.sync(log.folder)
}

async function snapshotOffsets(context: StoreContext, log: StoredLog): Promise<number[]> {
  const offsets: number[] = []
  for (const name of await context.disk.list(log.folder)) {
    const offset = parseSnapshotName(name)
    if (offset !== undefined) offsets.push(offset)
  }
  return offsets.sort((a, b) => a - b)
}
