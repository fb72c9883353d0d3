import assert from 'node:assert/strict'
import * as header from '../../src/record/header.ts'
import { NaruError } from '../../src/std/errors.ts'
import type { Log, LogConfig, LogId } from '../../src/storage/types.ts'
import { checkCompacted, noteShadowed } from './compaction/model.ts'

/** A batch as it was appended, at its place. */
export interface Batch {
  readonly base: number
  readonly end: number
  readonly epoch: number
  readonly bytes: Buffer
}

/** What a log must be like, as far as its user was told. */
export class LogModel {
  readonly id: LogId
  config: LogConfig
  /** Everything appended in the order of offsets, acknowledged or not. */
  batches: Batch[] = []
  /** Acknowledged in a way that survives losing power, or only being killed. */
  durable = 0
  cached = 0
  /** What was appended up to here may have been acknowledged as it was configured before. */
  syncedAbove = 0
  start = 0
  /** What an operation that a crash interrupted may have done. */
  startMayBe = 0
  endMayBeCutTo = Number.POSITIVE_INFINITY
  /** Records that compaction may have removed, by offset; undefined for a log that isn't compacted. */
  mayBeMissing: Set<number> | undefined
  /** Compaction looked at nothing from here on. */
  compactedBelow = 0
  /** Keys have their newest value: nothing that compaction relied on was cut off again. */
  keysCount = true
  /** Removed, or perhaps removed. */
  gone: 'no' | 'maybe' | 'yes' = 'no'

  constructor(id: LogId, config: LogConfig) {
    this.id = id
    this.config = config
  }

  get end(): number {
    return this.batches.length > 0 ? this.batches[this.batches.length - 1].end : this.start
  }

  appended(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += header.batchBytes(bytes, at))
      this.batches.push({
        base: header.baseOffset(bytes, at),
        end: header.lastOffset(bytes, at) + 1,
        epoch: header.leaderEpoch(bytes, at),
        bytes: Buffer.from(bytes.subarray(at, at + header.batchBytes(bytes, at)))
      })
  }

  acknowledged(end: number): void {
    if (this.config.flushMessages === 1 && end > this.syncedAbove) this.durable = Math.max(this.durable, end)
    this.cached = Math.max(this.cached, end)
  }

  /** What was never acknowledged may be gone after a restart. */
  lost(end: number): void {
    this.batches = this.batches.filter(batch => batch.end <= end)
    for (const offset of this.mayBeMissing ?? []) if (offset >= end) this.mayBeMissing?.delete(offset)
  }

  /** A pass of compaction begins, over what lies below `below`. */
  compacting(below: number): void {
    this.compactedBelow = Math.max(this.compactedBelow, below)
    noteShadowed(this, below)
  }

  /** A truncation is done: the log ends at `end` now. */
  truncated(end: number): void {
    this.lost(end)
    this.durable = Math.min(this.durable, end)
    this.cached = Math.min(this.cached, end)
    this.endMayBeCutTo = Number.POSITIVE_INFINITY
  }

  /** What a snapshot of everything below `offset` says. */
  snapshotAt(offset: number): string {
    const last = this.batches.filter(batch => batch.base < offset).pop()
    return `snapshot ${offset} of ${last?.base} in epoch ${last?.epoch}`
  }

  started(start: number): void {
    this.start = start
    this.startMayBe = start
  }

  /** Nothing is left, and the log goes on at `offset`. */
  restarted(offset: number): void {
    this.batches = []
    this.started(offset)
  }

  /** Checks a log that was opened after a restart, then forgets what was never acknowledged and did get lost. */
  async check(log: Log, power: boolean): Promise<void> {
    const name = `log ${this.id.partition}`
    const promised = power ? this.durable : this.cached
    const least = Math.min(promised, this.endMayBeCutTo)
    assert.ok(log.endOffset >= least, `${name} ends at ${log.endOffset}; ${least} was acknowledged`)
    const startMost = Math.max(this.start, this.startMayBe)
    const inRange = log.startOffset >= this.start && log.startOffset <= startMost
    assert.ok(inRange, `${name} starts at ${log.startOffset}, not in [${this.start}, ${startMost}]`)
    assert.ok(log.endOffset <= Math.max(this.end, startMost), `${name} ends at ${log.endOffset}, after all appends`)
    this.lost(log.endOffset)
    this.checkEpochs(log, name)
    if (this.mayBeMissing) await checkCompacted(this, log, name)
    else {
      await this.checkBytes(log, name)
      await this.checkTimestamps(log, name)
    }
    const snapshot = await log.latestSnapshot()
    if (snapshot && snapshot.offset > log.startOffset)
      assert.equal(
        snapshot.bytes.toString(),
        this.snapshotAt(snapshot.offset),
        `${name} has a snapshot of other records`
      )
    this.durable = this.config.flushMessages === 1 ? log.endOffset : Math.min(this.durable, log.endOffset)
    this.syncedAbove = 0
    this.cached = log.endOffset
    this.started(log.startOffset)
    this.endMayBeCutTo = Number.POSITIVE_INFINITY
  }

  /** Every batch from the start to the end, byte by byte; `damage`: readers may be told that some are damaged. */
  async checkBytes(log: Log, name: string, damage = false): Promise<number> {
    let damaged = 0
    let offset = log.startOffset
    let at = this.batches.findIndex(batch => batch.end > offset)
    while (offset < log.endOffset) {
      let read: Awaited<ReturnType<Log['read']>>
      try {
        read = await log.read(offset, { maxBytes: 20_000, atLeastOne: true, below: log.endOffset })
      } catch (error) {
        if (!damage || !(error instanceof NaruError) || error.code !== 'CORRUPT_MESSAGE') throw error
        damaged++
        offset++
        continue
      }
      assert.ok(read.bytes > 0, `${name} gives nothing at ${offset} of ${log.endOffset}`)
      for (const chunk of read.chunks)
        for (let in_ = 0; in_ < chunk.length; in_ += header.batchBytes(chunk, in_)) {
          const base = header.baseOffset(chunk, in_)
          if (damage) at = this.batches.findIndex(candidate => candidate.end > offset)
          const batch = this.batches[at]
          assert.ok(batch, `${name} gives offset ${base}, which is behind its end`)
          assert.equal(base, batch.base, `${name} at offset ${offset}`)
          const found = chunk.subarray(in_, in_ + header.batchBytes(chunk, in_))
          assert.ok(found.equals(batch.bytes), `${name} gives other bytes at ${batch.base}`)
          offset = batch.end
          at++
        }
      assert.equal(read.nextOffset, offset, `${name}: nextOffset`)
      read.release()
    }
    if (!damage) assert.equal(this.batches[at], undefined, `${name} misses batches`)
    return damaged
  }

  private checkEpochs(log: Log, name: string): void {
    const latest = this.batches[this.batches.length - 1]
    if (latest && latest.base >= log.startOffset) assert.equal(log.latestEpoch?.epoch, latest.epoch, `${name}: epoch`)
    for (const batch of this.batches)
      if (batch.base >= log.startOffset) assert.equal(log.epochAt(batch.base), batch.epoch, `${name}: epochs`)
  }

  private async checkTimestamps(log: Log, name: string): Promise<void> {
    const readable = this.batches.filter(batch => batch.base >= log.startOffset)
    if (readable.length === 0) return
    const batch = readable[readable.length >> 1]
    const timestamp = header.baseTimestamp(batch.bytes)
    const found = await log.offsetForTimestamp(timestamp, log.endOffset)
    assert.equal(found?.offset, batch.base, `${name}: offset for timestamp`)
    const newest = await log.maxTimestamp(log.endOffset)
    assert.equal(newest?.offset, readable[readable.length - 1].end - 1, `${name}: newest timestamp`)
  }
}
