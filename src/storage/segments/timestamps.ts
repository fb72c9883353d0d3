import * as header from '../../record/header.ts'
import { iterateRecords, type RecordView } from '../../record/iterate.ts'
import type { StoredLog } from '../log.ts'
import type { TimestampOffset } from '../types.ts'
import { noTimestamp, type TimestampMark } from './offset-index.ts'
import type { Segment } from './segment.ts'

const readBytes = 64 * 1024

/** The first record whose timestamp is >= `timestamp` and whose offset is in [log start, below). */
export async function findTimestamp(
  log: StoredLog,
  timestamp: number,
  below: number
): Promise<TimestampOffset | undefined> {
  for (const segment of [...log.segments]) {
    if (segment.base >= below) return undefined
    if (segment.newest.timestamp < timestamp || segment.end <= log.startOffset) continue
    await log.loadIndex(segment)
    const { index } = segment
    const entry = index ? index.floorTimestamp(timestamp) : -1
    const from = index && entry >= 0 ? index.offsetAt(entry) : segment.base
    const found = await firstRecord(
      log,
      Math.max(from, log.startOffset),
      Math.min(below, segment.end),
      (batch, at) => header.maxTimestamp(batch, at) >= timestamp,
      record => record.timestamp >= timestamp && record.offset >= log.startOffset && record.offset < below
    )
    if (found) return found
  }
  return undefined
}

/** The record with the greatest timestamp below `below`, the first of equals; undefined in an empty log. */
export async function newestTimestamp(log: StoredLog, below: number): Promise<TimestampOffset | undefined> {
  let best: TimestampMark = noTimestamp
  for (const segment of [...log.segments]) {
    if (segment.base >= below) break
    if (segment.end <= log.startOffset) continue
    const whole = segment.end <= below && segment.base >= log.startOffset
    const newest = whole ? segment.newest : await newestOfPart(log, segment, below)
    if (newest.timestamp > best.timestamp) best = newest
  }
  if (best.timestamp < 0) return undefined
  const { timestamp } = best
  return firstRecord(
    log,
    Math.max(best.offset, log.startOffset),
    below,
    () => true,
    record => record.timestamp === timestamp && record.offset >= log.startOffset && record.offset < below
  )
}

async function newestOfPart(log: StoredLog, segment: Segment, below: number): Promise<TimestampMark> {
  await log.loadIndex(segment)
  const { index } = segment
  const entry = index && segment.base >= log.startOffset ? index.floorOffset(below - 1) : -1
  let newest = index && entry >= 0 ? index.timestampBefore(entry) : noTimestamp
  const from = index && entry >= 0 ? index.offsetAt(entry) : Math.max(segment.base, log.startOffset)
  await walk(log, from, Math.min(below, segment.end), (batch, at) => {
    const isCut = header.baseOffset(batch, at) < log.startOffset
    const timestamp = isCut ? newestRecord(batch, at, log.startOffset) : header.newestTimestamp(batch, at)
    if (timestamp > newest.timestamp) newest = { timestamp, offset: header.baseOffset(batch, at) }
    return false
  })
  return newest
}

/** The greatest timestamp in what is left of the batch at `at` when records below `start` are deleted. */
function newestRecord(batch: Buffer, at: number, start: number): number {
  let newest = -1
  for (const { offset, timestamp } of iterateRecords(batch, at))
    if (offset >= start) newest = Math.max(newest, timestamp)
  return newest
}

/** The first record that `matches`, in batches that `mayHold` it. */
async function firstRecord(
  log: StoredLog,
  from: number,
  below: number,
  mayHold: (batch: Buffer, at: number) => boolean,
  matches: (record: RecordView) => boolean
): Promise<TimestampOffset | undefined> {
  let found: TimestampOffset | undefined
  await walk(log, from, below, (batch, at) => {
    if (!mayHold(batch, at)) return false
    for (const record of iterateRecords(batch, at))
      if (matches(record)) {
        found = { timestamp: record.timestamp, offset: record.offset, leaderEpoch: header.leaderEpoch(batch, at) }
        return true
      }
    return false
  })
  return found
}

/** Visits batches from the one with `from` on, below `below`, until `visit` says true. */
async function walk(
  log: StoredLog,
  from: number,
  below: number,
  visit: (batch: Buffer, at: number) => boolean
): Promise<void> {
  for (let offset = from; offset < below; ) {
    const read = await log.read(offset, { maxBytes: readBytes, atLeastOne: true, below })
    try {
      if (read.bytes === 0) return
      for (const chunk of read.chunks)
        for (let at = 0; at < chunk.length; at += header.batchBytes(chunk, at)) if (visit(chunk, at)) return
      offset = read.nextOffset
    } finally {
      read.release()
    }
  }
}
