import { assert } from '../../std/assert.ts'
import { NaruError } from '../../std/errors.ts'
import { cutManifest } from '../compaction/manifest.ts'
import { storageError } from '../errors.ts'
import { deletedSuffix } from '../layout.ts'
import type { StoredLog } from '../log.ts'
import { cutSnapshots } from '../snapshots.ts'
import type { StoreContext } from '../store-context.ts'
import { locateBatch } from './file-reader.ts'
import { entryBytes } from './offset-index.ts'
import { Segment, segmentAt } from './segment.ts'

/**
 * Drops everything from `offset` on. All that the log has is made durable in its segments first, so that no round and
 * no write in flight knows of the log; a `cut` entry then makes the decision durable, and a `reset` entry its end.
 */
export async function truncate(context: StoreContext, log: StoredLog, offset: number): Promise<void> {
  if (offset >= log.endOffset) {
    // An empty log knows an epoch of which nothing is left; where the leader never had it, it would be found different for ever.
    log.epochs.cutEnd(log.endOffset)
    log.changed()
    return
  }
  assert(offset >= log.startOffset, 'a log is not truncated below its start')
  await quiesce(context, log)
  const segment = segmentAt(log.segments, offset) ?? log.active
  const place = await locateBatch(context, log, segment, offset)
  const kept = log.segments.indexOf(segment) + (place.position > 0 ? 1 : 0)
  const removed = log.segments.slice(kept)
  // A batch that reaches below the start goes as a whole: what is left is an empty log. What is missing there, in front of
  // a segment, is cut where it was asked.
  const end = Math.max(Math.min(place.offset, offset), log.startOffset)
  log.cutTo = end
  log.changed()
  try {
    await context.control(log, 'cut', end, log.syncedPlace())
    log.generation++
    log.cuts++
    context.forgetTail(log)
    log.segments = log.segments.slice(0, kept)
    if (place.position > 0) segment.cut(place.position, place.offset, place.newest)
    if (place.position === 0 || end > place.offset || segment.closed) log.segments.push(new Segment(end))
    log.endsAt(end)
    if (place.position > 0) await cutFile(context, log, segment)
    segment.sealed = segment.finished = segment !== log.active
    await removeFiles(context, log, removed.reverse())
    await cutManifest(context, log, end)
    // Before the reset entry: a checkpoint that doesn't need that entry any more must not say that there is a cut to make.
    log.cutTo = undefined
    log.voidBefore = context.order
    log.changed()
    await context.control(log, 'reset', end, log.syncedPlace())
    log.voidBefore = context.order
    log.changed()
    await cutSnapshots(context, log, end)
  } catch (error) {
    log.fail(error as Error)
    throw storageError(error as Error)
  }
}

/** Moves the start up to `offset`, durably, and deletes the segments that lie below it. */
export async function advanceStart(context: StoreContext, log: StoredLog, offset: number): Promise<void> {
  if (offset <= log.startOffset) return
  if (offset > log.endOffset) throw new NaruError('OFFSET_OUT_OF_RANGE', `offset ${offset} is above the log's end`)
  if (log.failure) throw storageError(log.failure)
  // The start never lies above what is durable, in the checkpoint neither.
  if (offset > log.durableEndOffset) await quiesce(context, log)
  log.startOffset = offset
  log.epochs.cutStart(offset)
  log.damage.cutStart(offset)
  log.changed()
  await context.control(log, 'start', offset)
  await deleteSegments(context, log)
}

/**
 * Empties the log and lets it begin at `offset`, above its end: for a follower whose leader has nothing older. A crash in
 * between leaves a start above the end, which recovery takes for the same.
 */
export async function restartAt(context: StoreContext, log: StoredLog, offset: number): Promise<void> {
  if (offset <= log.endOffset) return advanceStart(context, log, offset)
  await quiesce(context, log)
  context.forgetTail(log)
  const { durableEndOffset } = log
  log.startOffset = offset
  log.endsAt(offset)
  log.durableEndOffset = durableEndOffset
  log.epochs.cutStart(offset)
  log.damage.cutStart(offset)
  log.roll()
  // Behind that: a checkpoint that doesn't need the entry any more must say the same.
  await context.control(log, 'start', offset)
  log.durableEndOffset = offset
  log.onProgress?.()
  await deleteSegments(context, log)
}

/** Deletes whole segments by age and size (KIP-32 timestamps; Kafka's retention.ms and retention.bytes). */
export async function retain(context: StoreContext, log: StoredLog, nowMs: number, below: number): Promise<void> {
  const { retentionMs, retentionBytes } = log.config
  if ((retentionMs < 0 && retentionBytes < 0) || log.failure) return
  let start = log.startOffset
  let bytes = log.sizeBytes
  for (const segment of log.segments) {
    const expired = retentionMs >= 0 && segment.newest.timestamp >= 0 && nowMs - segment.newest.timestamp > retentionMs
    const excess = retentionBytes >= 0 && bytes - segment.bytes >= retentionBytes
    const isActive = segment === log.active
    if (segment.bytes === 0 || (!expired && (!excess || isActive))) break
    if (segment.end > Math.min(below, log.durableEndOffset)) break
    bytes -= segment.bytes
    start = segment.end
  }
  if (start > log.startOffset) await advanceStart(context, log, start)
}

/** Deletes the files of segments below the log's start; an active one that is all below it gives way to an empty one. */
async function deleteSegments(context: StoreContext, log: StoredLog): Promise<void> {
  const { active } = log
  if (active.bytes > 0 && active.end <= log.startOffset) {
    await context.flush(log)
    if (log.active === active && active.end <= log.startOffset) log.roll()
  }
  const gone = log.segments.filter(segment => segment.end <= log.startOffset && segment !== log.active)
  if (gone.length === 0) return
  if (gone.some(segment => segment.synced < segment.bytes)) await context.flush(log)
  await context.idle(log)
  if (log.failure) return
  log.generation++
  log.segments = log.segments.filter(segment => !gone.includes(segment))
  log.changed()
  await retireFiles(context, log, gone)
}

/** Takes the files of segments that are no part of the log any more out of the way; readers keep what they have open. */
export async function retireFiles(context: StoreContext, log: StoredLog, gone: readonly Segment[]): Promise<void> {
  const renamed: string[] = []
  for (const segment of gone)
    for (const kind of ['log', 'index'] as const) {
      const path = log.path(segment, kind)
      context.files.forget(path)
      if (!(await context.disk.exists(path))) continue
      await context.disk.rename(path, path + deletedSuffix)
      renamed.push(path + deletedSuffix)
    }
  context.removeLater(renamed, log.config.fileDeleteDelayMs)
}

/** Everything appended is acknowledged and durable in segments, and nothing of the log is in flight. */
async function quiesce(context: StoreContext, log: StoredLog): Promise<void> {
  await context.flush(log)
  while (log.journaledCount < log.appendedCount && !log.failure) await log.journaled()
  await context.idle(log)
  if (log.failure) throw storageError(log.failure)
}

/** Removes the files of segments, newest first, so that what is left never has a hole. */
async function removeFiles(context: StoreContext, log: StoredLog, removed: readonly Segment[]): Promise<void> {
  const { disk, files, folders } = context
  for (const segment of removed) {
    for (const path of [log.path(segment, 'index'), log.path(segment, 'log')]) {
      files.forget(path)
      await disk.remove(path)
    }
    await folders.sync(log.folder)
  }
}

/** Cuts the files of a segment to what is left of it. */
async function cutFile(context: StoreContext, log: StoredLog, segment: Segment): Promise<void> {
  const { disk, files } = context
  await files.use(log.path(segment, 'log'), 'write', async file => {
    await file.truncate(segment.bytes)
    await file.sync()
  })
  const index = log.path(segment, 'index')
  if (await disk.exists(index))
    await files.use(index, 'index', async file => {
      await file.truncate(segment.indexWritten === 0 ? 0 : (segment.indexWritten + 1) * entryBytes)
      await file.sync()
    })
}
