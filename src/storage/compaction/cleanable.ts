import type { StoredLog } from '../log.ts'

/** What compaction finds in a log. */
export interface Cleanable {
  /** Offsets [from, to) have not been compacted and may be: whole segments, but for the first. */
  readonly from: number
  readonly to: number
  /** Bytes of the segments that were compacted, and of those that may be. */
  readonly cleanBytes: number
  readonly dirtyBytes: number
  /** The dirty part of both. */
  readonly ratio: number
  /** By how much the oldest record that was not compacted is beyond max.compaction.lag.ms. */
  readonly delayMs: number
  /** It is compacted now: dirty enough, or late. */
  readonly isDue: boolean
  /** The segment that is written to must end so that what is late in it can be compacted. */
  readonly isSealDue: boolean
  /** There is something to compact now or when time has passed. */
  readonly isPending: boolean
}

/**
 * What may be compacted of the log below `below`: sealed segments, the newest record of which is older than
 * min.compaction.lag.ms.
 */
export function cleanable(log: StoredLog, nowMs: number, below: number): Cleanable {
  const from = Math.max(log.compaction.compacted?.cleanedUpTo ?? 0, log.startOffset)
  const { compact, minCompactionLagMs, maxCompactionLagMs, minCleanableDirtyRatio } = log.config
  let to = from
  let cleanBytes = 0
  let dirtyBytes = 0
  /** The oldest timestamp that was not compacted, also where it may not be yet. */
  let oldestMs = -1
  let isSealed = false
  for (const segment of log.segments) {
    if (segment.end <= from) {
      cleanBytes += segment.bytes
      continue
    }
    if (oldestMs < 0) oldestMs = segment.firstTimestamp
    if (segment.sealed) isSealed = true
    const isYoung = minCompactionLagMs > 0 && segment.newest.timestamp > nowMs - minCompactionLagMs
    if (!segment.sealed || segment.end > below || isYoung) break
    dirtyBytes += segment.bytes
    to = segment.end
  }
  const ratio = dirtyBytes === 0 ? 0 : dirtyBytes / (dirtyBytes + cleanBytes)
  const delayMs = oldestMs < 0 ? 0 : Math.max(0, nowMs - maxCompactionLagMs - oldestMs)
  return {
    from,
    to,
    cleanBytes,
    dirtyBytes,
    ratio,
    delayMs,
    isDue: compact && dirtyBytes > 0 && (ratio > minCleanableDirtyRatio || delayMs > 0),
    isSealDue: compact && delayMs > 0 && !isSealed,
    isPending: compact && (isSealed || (oldestMs >= 0 && maxCompactionLagMs < Number.MAX_SAFE_INTEGER))
  }
}
