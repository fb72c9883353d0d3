import * as header from '../../record/header.ts'
import { DamagedError } from '../errors.ts'
import type { StoredLog } from '../log.ts'
import type { StoreContext } from '../store-context.ts'
import type { LogRead, VisitBatch, VisitDamage } from '../types.ts'
import { damagedHeaders } from './damaged.ts'
import type { Segment } from './segment.ts'

const readBytes = 1024 * 1024

/**
 * Visits every batch from the one that contains `from` to the end. Damaged ones are left out: readers are told of them,
 * and `damaged` is called in their place.
 */
export async function scanLog(
  context: StoreContext,
  log: StoredLog,
  from: number,
  visit: VisitBatch,
  damaged?: VisitDamage
): Promise<void> {
  const options = { maxBytes: readBytes, atLeastOne: true, below: log.endOffset }
  for (let offset = Math.max(from, log.startOffset); offset < options.below; ) {
    let read: LogRead
    try {
      const pending = log.read(offset, options)
      read = pending instanceof Promise ? await pending : pending
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error
      damaged?.(await damagedHeaders(context, log, error.from, error.to))
      offset = error.to
      continue
    }
    try {
      if (read.bytes === 0) return
      for (const chunk of read.chunks)
        for (let at = 0; at < chunk.length; at += header.batchBytes(chunk, at)) visit(chunk, at)
      offset = read.nextOffset
    } finally {
      read.release()
    }
  }
}

/** Bytes between two offsets, by the index entries in memory: too many rather than too few. */
export function bytesBetween(log: StoredLog, from: number, below: number, limit: number): number {
  let bytes = 0
  for (let at = log.segments.length - 1; at >= 0 && bytes < limit; at--) {
    const segment = log.segments[at]
    if (segment.end <= from) break
    if (segment.base < below) bytes += positionAbove(segment, below) - positionBelow(segment, from)
  }
  return Math.max(0, Math.min(bytes, limit))
}

function positionBelow(segment: Segment, offset: number): number {
  const entry = offset <= segment.base || !segment.index ? -1 : segment.index.floorOffset(offset)
  return entry < 0 ? 0 : segment.index!.positionAt(entry)
}

function positionAbove(segment: Segment, offset: number): number {
  const { index } = segment
  if (offset >= segment.end || !index) return segment.bytes
  const entry = index.floorOffset(offset)
  if (entry >= 0 && index.offsetAt(entry) === offset) return index.positionAt(entry)
  return entry + 1 < index.count ? index.positionAt(entry + 1) : segment.bytes
}
