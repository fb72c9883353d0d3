import type { StoredLog } from '../log.ts'
import type { Compacted } from '../recovery/checkpoint.ts'
import { Segment } from '../segments/segment.ts'
import { retireFiles } from '../segments/trimming.ts'
import type { StoreContext } from '../store-context.ts'
import { manifestOf, writeManifest } from './manifest.ts'
import type { Output } from './output.ts'

/**
 * Puts new segments, durable under names of their own, in the place of old ones: the manifest decides, in one step. Whatever
 * a crash leaves is sorted out by it. False when the old ones aren't there any more: the log was cut, or its start moved
 * beyond them; then the new ones are removed. Runs alone on its log.
 */
export async function replaceSegments(
  context: StoreContext,
  log: StoredLog,
  old: readonly Segment[],
  output: Output,
  compacted: Compacted,
  cuts: number
): Promise<boolean> {
  const at = log.segments.indexOf(old[0])
  const isThere = log.cuts === cuts && !log.failure && old.every((segment, i) => log.segments[at + i] === segment)
  if (at < 0 || !isThere) {
    await output.discard()
    // A start that moved on has taken the old ones away: there is nothing to do here.
    return log.cuts === cuts && !log.failure && !log.removed
  }
  const front = log.segments.slice(0, at)
  const added = [...output.segments]
  // What is left of nothing is a gap at the end of the segment before; at the log's beginning there is no need of one.
  if (added.length === 0 && front.length > 0) added.push(extended(front.pop() as Segment, old[old.length - 1].end))
  const behind = () => log.segments.slice(at + old.length)
  const manifest = manifestOf(context, log, compacted, [...front, ...added, ...behind()])
  try {
    await writeManifest(context, log, manifest)
  } catch (error) {
    // Once the log has failed the new manifest may be the one that counts.
    if (!log.failure) await output.discard()
    throw error
  }
  log.segments = [...front, ...added, ...behind()]
  log.compaction.compacted = compacted
  log.generation++
  log.tail.evictBelow(compacted.upTo)
  log.changed()
  await retireFiles(context, log, old).catch(error =>
    context.logger.warn(
      { log: log.name, error: error.message },
      'segments that were compacted stay until the next start'
    )
  )
  return true
}

/** The segment as it is, reaching up to `end`. */
function extended(segment: Segment, end: number): Segment {
  const longer = Segment.of({ ...segment.state(), end })
  longer.sealed = true
  longer.finished = true
  return longer
}
