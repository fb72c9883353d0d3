import { decompressRecords } from '../../record/compression.ts'
import { filterBatch, type RecordFilter } from '../../record/filter.ts'
import * as header from '../../record/header.ts'
import { RecordScanner } from '../../record/scanner.ts'
import { NaruError } from '../../std/errors.ts'
import { storageError } from '../errors.ts'
import type { StoredLog } from '../log.ts'
import type { Segment } from '../segments/segment.ts'
import type { StoreContext } from '../store-context.ts'
import { cleanable } from './cleanable.ts'
import type { Compactor } from './compactor.ts'
import { Output } from './output.ts'
import { replaceSegments } from './swap.ts'

const relativeOffsetMax = 0xffff_ffff

/** What one pass over a log is to do. */
export interface CompactionRequest {
  /** Nothing at or above is touched: the last stable offset. */
  readonly below: number
  /** Wall clock, epoch ms. */
  readonly nowMs: number
  readonly decompressedBytesMax: number
  /** See RecordFilter. */
  isLastOfProducer(producerId: number, lastOffset: number): boolean
  /** Asked often: true ends the pass, and what is not in its place by then is given up. */
  stopped(): boolean
}

/** What a pass did. */
export interface CompactionOutcome {
  /** Keys have only their newest value below this. */
  readonly cleanedUpTo: number
  /** False where memory for keys ran out, or it was stopped or overtaken: there is more to do. */
  readonly isWhole: boolean
  /** Of the segments that were looked through, and of those that took their place. */
  readonly bytesBefore: number
  readonly bytesAfter: number
  /** How full the memory for keys was, 0 to 1. */
  readonly utilization: number
}

/**
 * One pass: notes the newest offset of each key in what is dirty, as far as the memory for it reaches, and writes every
 * segment below that anew without what is out of date. Segments are put together up to segment.bytes. Each group of them is
 * replaced on its own, so that a crash, a full disk or a stop costs one group's work.
 *
 * Rejects with NaruError CORRUPT_MESSAGE at damage (nothing of that group is changed), KAFKA_STORAGE_ERROR, and with
 * DiskError when a file can't be written.
 */
export async function compactLog(
  context: StoreContext,
  log: StoredLog,
  compactor: Compactor,
  request: CompactionRequest
): Promise<CompactionOutcome> {
  const pass = new Pass(context, log, compactor, request)
  return pass.run()
}

class Pass {
  private readonly context: StoreContext
  private readonly log: StoredLog
  private readonly compactor: Compactor
  private readonly request: CompactionRequest
  private readonly scanner = new RecordScanner()
  private readonly cuts: number
  private bytesBefore = 0
  private bytesAfter = 0
  /** The map has the keys of everything below. */
  private upTo = 0

  constructor(context: StoreContext, log: StoredLog, compactor: Compactor, request: CompactionRequest) {
    this.context = context
    this.log = log
    this.compactor = compactor
    this.request = request
    this.cuts = log.cuts
  }

  /** What is overtaken (by a truncation, a removal, a stop) ends, whatever it met. */
  async run(): Promise<CompactionOutcome> {
    try {
      return await this.clean()
    } catch (error) {
      if (this.isOver) return this.outcome(0, false)
      throw error
    }
  }

  private async clean(): Promise<CompactionOutcome> {
    const { context, log, compactor, request } = this
    compactor.begin()
    // While the disk is full there is no point in waiting for room here.
    context.checkWritable()
    await context.flush(log)
    await finishSealed(context, log)
    const { from, to } = cleanable(log, request.nowMs, Math.min(request.below, log.syncedEnd))
    // A write that was in flight when the disk was full: all there is below must be looked at, or nothing.
    const isReady = log.segments.every(segment => segment.base >= to || segment.finished)
    if (from >= to || !isReady || this.isOver) return this.outcome(from, from >= to)
    const { dedupeBytes, loadFactor } = compactor.options
    await compactor.map.prepare(from, to - from, dedupeBytes, loadFactor, () => compactor.pause(request.stopped))
    this.upTo = await this.noteKeys(from, to)
    if (this.upTo === from || !(await this.vouch())) return this.outcome(from, false)
    const groups = groupsOf(
      log.segments.filter(segment => segment.base < this.upTo),
      log.config.segmentBytes
    )
    const buffer = Buffer.allocUnsafeSlow(Math.max(4096, compactor.options.ioBytes >> 1))
    for (const [at, group] of groups.entries())
      if (!(await this.rewrite(group, buffer, at === groups.length - 1))) return this.outcome(from, false)
    return this.outcome(this.upTo, this.upTo === to)
  }

  private outcome(cleanedUpTo: number, isWhole: boolean): CompactionOutcome {
    const { bytesBefore, bytesAfter } = this
    return { cleanedUpTo, isWhole, bytesBefore, bytesAfter, utilization: this.compactor.map.utilization }
  }

  private get isOver(): boolean {
    const { log } = this
    return this.request.stopped() || log.removed || log.failure !== undefined || log.cuts !== this.cuts
  }

  /**
   * What replaces older records must be known to be durable before they go: of a log in page-cache mode a power loss would
   * else take the one, not written down anywhere, after compaction has taken the others. False when the pass is over.
   */
  private async vouch(): Promise<boolean> {
    const { context, log } = this
    await log.alone(async () => {
      if (!this.isOver) await context.control(log, 'mark', log.syncedEnd, log.syncedPlace())
    })
    return !this.isOver
  }

  /** Fills the map from `from` on; gives how far it came. */
  private async noteKeys(from: number, to: number): Promise<number> {
    let end = from
    await this.eachBatch(from, to, (chunk, at) => {
      end = this.noteBatch(chunk, at, from)
      return end === header.lastOffset(chunk, at) + 1
    })
    return Math.min(end, to)
  }

  private noteBatch(chunk: Buffer, at: number, from: number): number {
    const { scanner, compactor } = this
    const end = header.lastOffset(chunk, at) + 1
    if (header.isControl(chunk, at)) return end
    const base = header.baseOffset(chunk, at)
    const plain = decompressRecords(chunk, at, this.request.decompressedBytesMax)
    scanner.reset(plain, 0, plain.length, header.recordCount(chunk, at))
    try {
      while (scanner.next()) {
        const offset = base + scanner.offsetDelta
        if (scanner.keyLength < 0 || offset < from) continue
        compactor.key.hash(plain, scanner.keyStart, scanner.keyLength)
        if (!compactor.map.put(compactor.key, offset)) return offset
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw new NaruError('CORRUPT_MESSAGE', `The records of the batch are malformed: ${error.message}.`)
    } finally {
      scanner.release()
    }
    return end
  }

  /** Writes a group anew and puts it in its place. False when the pass can't go on. */
  private async rewrite(group: readonly Segment[], buffer: Buffer, isLast: boolean): Promise<boolean> {
    const { context, log, request, compactor } = this
    const generation = log.compaction.nextGeneration()
    const output = new Output(context, log, generation, group[0].base, buffer)
    const filter = this.filter()
    const end = group[group.length - 1].end
    try {
      await this.eachBatch(group[0].base, end, (chunk, at) => {
        const kept = filterBatch(chunk, at, filter)
        if (!kept) return true
        compactor.spend(kept.length)
        return output.add(kept)?.then(() => true) ?? true
      })
      if (!this.isOver) await output.finish(end)
      if (this.isOver) {
        await output.discard()
        return false
      }
    } catch (error) {
      await output.discard()
      throw error
    }
    const { compacted } = log.compaction
    const next = {
      generation,
      upTo: Math.max(compacted?.upTo ?? 0, end),
      cleanedUpTo: isLast ? this.upTo : (compacted?.cleanedUpTo ?? 0)
    }
    const isDone = await log.alone(() => replaceSegments(context, log, group, output, next, this.cuts))
    if (isDone) {
      this.bytesBefore += group.reduce((sum, { bytes }) => sum + bytes, 0)
      this.bytesAfter += output.bytes
    }
    return isDone && !request.stopped()
  }

  private filter(): RecordFilter {
    const { compactor, request, log } = this
    const { key, map } = compactor
    return {
      nowMs: request.nowMs,
      upTo: this.upTo,
      deleteRetentionMs: log.config.deleteRetentionMs,
      decompressedBytesMax: request.decompressedBytesMax,
      isLastOfProducer: request.isLastOfProducer,
      isNewest: (offset, plain, scanner) => {
        if (scanner.keyLength < 0) return false
        key.hash(plain, scanner.keyStart, scanner.keyLength)
        return offset >= map.get(key)
      }
    }
  }

  /** Visits the batches in [from, below), until `visit` says false, in slices. */
  private async eachBatch(
    from: number,
    below: number,
    visit: (chunk: Buffer, at: number) => boolean | Promise<boolean>
  ): Promise<void> {
    const { log, compactor, request } = this
    const options = { maxBytes: compactor.options.ioBytes >> 1, atLeastOne: true, below }
    for (let offset = from; offset < below && !this.isOver; ) {
      const read = await log.read(Math.max(offset, log.startOffset), options)
      try {
        if (read.bytes === 0) return
        compactor.spend(read.bytes)
        for (const chunk of read.chunks)
          for (let at = 0; at < chunk.length; at += header.batchBytes(chunk, at)) {
            const visited = visit(chunk, at)
            if (!(typeof visited === 'boolean' ? visited : await visited)) return
            if (compactor.isOver(header.batchBytes(chunk, at))) await compactor.pause(request.stopped)
          }
        offset = read.nextOffset
      } finally {
        read.release()
      }
    }
    if (log.failure) throw storageError(log.failure)
  }
}

/** Cuts the files of sealed segments to their length: otherwise that waits until something of the next one is written. */
async function finishSealed(context: StoreContext, log: StoredLog): Promise<void> {
  for (const segment of log.segments) {
    if (!segment.sealed || segment.finished || segment.synced < segment.bytes || segment.bytes === 0) continue
    await context.files.use(log.path(segment, 'log'), 'write', async file => {
      await file.truncate(segment.bytes)
      await file.sync()
    })
    segment.finished = true
  }
}

/** Segments that become one: up to `bytesMax` together, and within what relative offsets reach. */
function groupsOf(segments: readonly Segment[], bytesMax: number): Segment[][] {
  const groups: Segment[][] = []
  let bytes = 0
  for (const segment of segments) {
    const group = groups[groups.length - 1]
    const fits = group && bytes + segment.bytes <= bytesMax && segment.end - group[0].base <= relativeOffsetMax
    if (fits) {
      group.push(segment)
      bytes += segment.bytes
    } else {
      groups.push([segment])
      bytes = segment.bytes
    }
  }
  return groups
}
