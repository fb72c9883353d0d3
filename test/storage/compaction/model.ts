import assert from 'node:assert/strict'
import * as header from '../../../src/record/header.ts'
import { iterateRecords } from '../../../src/record/iterate.ts'
import type { Log } from '../../../src/storage/types.ts'
import type { LogModel } from '../model.ts'

interface Found {
  readonly offset: number
  readonly timestamp: number
  readonly key: string
  readonly value: string | null
}

function recordsOf(batches: Buffer): Found[] {
  const records: Found[] = []
  for (let at = 0; at < batches.length; at += header.batchBytes(batches, at))
    for (const { offset, timestamp, key, value } of iterateRecords(batches, at))
      records.push({ offset, timestamp, key: key?.toString() ?? '', value: value?.toString('latin1') ?? null })
  return records
}

/** What a pass over all that lies below `below` may remove: what a newer record of the key replaces, and tombstones. */
export function noteShadowed(model: LogModel, below: number): void {
  const missing = model.mayBeMissing
  assert.ok(missing)
  const newest = new Map<string, number>()
  for (const batch of model.batches)
    for (const { key, offset, value } of recordsOf(batch.bytes)) {
      if (offset >= below) return
      const before = newest.get(key)
      if (before !== undefined) missing.add(before)
      if (value === null) missing.add(offset)
      newest.set(key, offset)
    }
}

/** The newest value of each key, of those that have one. */
function valuesOf(records: readonly Found[]): Map<string, string> {
  const values = new Map<string, string>()
  for (const { key, value } of records)
    if (value === null) values.delete(key)
    else values.set(key, value)
  return new Map([...values].sort())
}

/** Checks everything that a compacted log promises: what is there, what may be missing, order, gaps and times. */
export async function checkCompacted(model: LogModel, log: Log, name: string): Promise<void> {
  const bytes = await readThrough(log)
  let offset = log.startOffset
  for (let at = 0; at < bytes.length; at += header.batchBytes(bytes, at)) {
    const base = header.baseOffset(bytes, at)
    const batch = model.batches.find(candidate => candidate.base === base)
    assert.ok(batch, `${name} has a batch at ${base} that was never appended`)
    assert.ok(header.lastOffset(bytes, at) + 1 === batch.end && batch.end > offset, `${name} at ${offset}: order`)
    assert.equal(header.leaderEpoch(bytes, at), batch.epoch, `${name}: epoch at ${base}`)
    offset = batch.end
  }
  const isLeft = ({ offset }: Found) => offset >= log.startOffset
  const all = model.batches.flatMap(batch => recordsOf(batch.bytes)).filter(isLeft)
  const found = recordsOf(bytes).filter(isLeft)
  const byOffset = new Map(all.map(record => [record.offset, record]))
  for (const record of found) assert.deepEqual(record, byOffset.get(record.offset), `${name} at ${record.offset}`)
  const there = new Set(found.map(record => record.offset))
  for (const { offset } of all)
    assert.ok(there.has(offset) || model.mayBeMissing?.has(offset), `${name} misses offset ${offset}`)
  if (model.keysCount) assert.deepEqual(valuesOf(found), valuesOf(all), `${name}: newest values`)
  await checkTimes(log, found, name)
}

async function checkTimes(log: Log, found: readonly Found[], name: string): Promise<void> {
  const newest = await log.maxTimestamp(log.endOffset)
  assert.equal(newest?.offset, found.at(-1)?.offset, `${name}: newest timestamp`)
  const middle = found[found.length >> 1]
  if (!middle) return
  const at = await log.offsetForTimestamp(middle.timestamp, log.endOffset)
  assert.equal(at?.offset, middle.offset, `${name}: offset for timestamp`)
}

/** All batches; nothing may be left behind the last one. */
async function readThrough(log: Log): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let offset = log.startOffset; offset < log.endOffset; ) {
    const read = await log.read(offset, { maxBytes: 20_000, atLeastOne: true, below: log.endOffset })
    if (read.bytes === 0) break
    for (const chunk of read.chunks) pieces.push(Buffer.from(chunk))
    assert.ok(read.nextOffset > offset, 'a read goes on')
    offset = read.nextOffset
    read.release()
  }
  return Buffer.concat(pieces)
}
