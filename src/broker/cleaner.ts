import { cleanable, compact } from '../partition/compaction.ts'
import type { Partition } from '../partition/partition.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { codeOf, messageOf } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { Metrics } from '../std/metrics.ts'
import type { Random } from '../std/random.ts'
import type { Cleanable } from '../storage/compaction/cleanable.ts'
import { Compactor, type CompactorOptions } from '../storage/compaction/compactor.ts'
import type { CleanerConfig } from '../storage/compaction/options.ts'

/** As in Kafka, what is set beyond this is not taken. */
const dedupeBytesMax = 2_147_483_647

/** What the last pass, and the last look at all logs, have shown (Kafka's metrics of its cleaner). */
interface Figures {
  maxDirtyPercent: number
  recopyPercent: number
  cleanSeconds: number
  bufferPercent: number
  maxDelaySeconds: number
}

/**
 * Compacts the logs of a broker, one at a time, the dirtiest first. It knows the logs that may have something to do, so
 * that a look costs nothing for all the others: a log is noted when a segment of it begins, and forgotten when there is
 * nothing in sealed segments that was not compacted.
 */
export class Cleaner {
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly config: CleanerConfig
  private readonly compactor: Compactor
  private readonly noted = new Set<Partition>()
  /** Asked for: compacted before others, with who waits for it. */
  private readonly wanted = new Map<Partition, (() => void)[]>()
  /** Can't be compacted: they have damage. They are tried again after a restart. */
  private readonly uncleanable = new Set<Partition>()
  /** Those that failed since the last rest. */
  private readonly failed = new Set<Partition>()
  private readonly figures: Figures = {
    maxDirtyPercent: 0,
    recopyPercent: 0,
    cleanSeconds: 0,
    bufferPercent: 0,
    maxDelaySeconds: 0
  }
  private rest: { timer: Timer; wake: () => void } | undefined
  private running: Promise<void> | undefined
  private stopped = false

  constructor(
    world: { clock: Clock; logger: Logger; random: Random; metrics: Metrics },
    /** Read when it is used: it may change. */
    config: CleanerConfig
  ) {
    this.clock = world.clock
    this.logger = world.logger
    this.config = config
    this.compactor = new Compactor(world.clock, world.random, limitsOf(config))
    this.register(world.metrics)
  }

  /** Looks after a partition from now on, until it closes. */
  watch(partition: Partition): void {
    partition.log.compaction.onSegment = () => this.note(partition)
    partition.compactor = { soon: () => this.soon(partition) }
    this.note(partition)
  }

  /** The partition may have something to compact. */
  note(partition: Partition): void {
    this.noted.add(partition)
  }

  start(): void {
    if (this.config.enable) this.running = this.run()
  }

  /** Resolves when nothing is compacted any more. */
  async stop(): Promise<void> {
    this.stopped = true
    this.rest?.wake()
    await this.running
    for (const waiting of this.wanted.values()) for (const done of waiting) done()
    this.wanted.clear()
    this.compactor.map.release()
  }

  /** Compacts all that the partition has now, before others; resolves when that was done or could not be done. */
  private soon(partition: Partition): Promise<void> {
    if (!this.running || this.stopped) return Promise.resolve()
    return new Promise(resolve => {
      const waiting = this.wanted.get(partition)
      if (waiting) waiting.push(resolve)
      else this.wanted.set(partition, [resolve])
      this.rest?.wake()
    })
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const [wanted] = this.wanted.keys()
      const partition = wanted ?? (await this.dirtiest())
      if (!partition) {
        this.compactor.map.release()
        await this.sleep()
        this.failed.clear()
      } else if (!wanted) await this.compact(partition)
      else {
        const done = this.wanted.get(wanted) ?? []
        this.wanted.delete(wanted)
        await this.compactAll(wanted)
        for (const resolve of done) resolve()
      }
    }
  }

  /** The log with the largest part to compact, of those that are due. */
  private async dirtiest(): Promise<Partition | undefined> {
    const nowMs = this.clock.now()
    let best: Partition | undefined
    let bestRatio = -1
    this.figures.maxDirtyPercent = 0
    this.figures.maxDelaySeconds = 0
    for (const partition of this.uncleanable) if (partition.failure) this.uncleanable.delete(partition)
    for (const partition of this.noted) {
      if (partition.failure || this.uncleanable.has(partition)) {
        this.forget(partition)
        continue
      }
      let found = cleanable(partition, nowMs)
      if (found.isSealDue) {
        await partition.log.compaction.seal().catch(() => {})
        found = cleanable(partition, nowMs)
      }
      this.look(found)
      if (!found.isPending) this.noted.delete(partition)
      else if (found.isDue && found.ratio > bestRatio && !this.failed.has(partition)) {
        best = partition
        bestRatio = found.ratio
      }
    }
    return best
  }

  private look(found: Cleanable): void {
    const { figures } = this
    figures.maxDirtyPercent = Math.max(figures.maxDirtyPercent, found.ratio * 100)
    figures.maxDelaySeconds = Math.max(figures.maxDelaySeconds, found.delayMs / 1000)
  }

  private async compactAll(partition: Partition): Promise<void> {
    if (partition.failure) return
    await partition.log.compaction.seal().catch(() => {})
    // Each pass comes further; there is an end to what was there in the beginning.
    const { endOffset } = partition
    for (let at = -1; !this.stopped; ) {
      const cleanedUpTo = await this.compact(partition)
      if (cleanedUpTo === undefined || cleanedUpTo <= at || cleanedUpTo >= endOffset) return
      at = cleanedUpTo
    }
  }

  /** One pass; gives how far the log is compacted, undefined when the pass failed. */
  private async compact(partition: Partition): Promise<number | undefined> {
    const startMs = this.clock.monotonic()
    const where = { topic: partition.topic, partition: partition.index }
    try {
      const outcome = await compact(partition, this.compactor, this.clock.now(), () => this.stopped)
      const { bytesBefore, bytesAfter, cleanedUpTo, utilization } = outcome
      const tookMs = Math.round(this.clock.monotonic() - startMs)
      this.figures.recopyPercent = bytesBefore > 0 ? (bytesAfter / bytesBefore) * 100 : 0
      this.figures.cleanSeconds = tookMs / 1000
      this.figures.bufferPercent = utilization * 100
      // One that comes no further would be chosen again and again.
      if (bytesBefore === 0) this.failed.add(partition)
      this.logger.info({ ...where, cleanedUpTo, bytesBefore, bytesAfter, tookMs }, 'compacted a log')
      return cleanedUpTo
    } catch (error) {
      const isDamaged = codeOf(error) === 'CORRUPT_MESSAGE'
      if (isDamaged) this.uncleanable.add(partition)
      this.failed.add(partition)
      const text = isDamaged ? 'a log has damage and is not compacted' : 'could not compact a log; it is tried again'
      this.logger.error({ ...where, error: messageOf(error) }, text)
      return undefined
    }
  }

  private forget(partition: Partition): void {
    this.noted.delete(partition)
    this.failed.delete(partition)
  }

  /** Waits for the back-off, or until something is asked for. */
  private async sleep(): Promise<void> {
    if (this.stopped || this.wanted.size > 0) return
    await new Promise<void>(wake => {
      const timer = this.clock.after(Math.max(1, Number(this.config.backoffMs)), wake)
      this.rest = { timer, wake }
    })
    this.rest?.timer.cancel()
    this.rest = undefined
  }

  private register(metrics: Metrics): void {
    const { figures } = this
    const gauge = (name: string, help: string, read: () => number) => metrics.gauge(`naru_cleaner_${name}`, help, read)
    gauge('max_dirty_percent', 'The largest part of a log that is to be compacted', () => figures.maxDirtyPercent)
    gauge('recopy_percent', 'What the last pass left of what it looked through', () => figures.recopyPercent)
    gauge('max_clean_time_secs', 'How long the last pass took', () => figures.cleanSeconds)
    gauge('max_buffer_utilization_percent', 'How full the last pass made the buffer', () => figures.bufferPercent)
    gauge('max_compaction_delay_secs', 'How far a log is beyond max.compaction.lag.ms', () => figures.maxDelaySeconds)
    gauge('uncleanable_partitions_count', 'Logs that have damage and are not compacted', () => this.uncleanable.size)
    gauge('buffer_bytes', 'Memory that is taken for the offsets of keys', () => this.compactor.map.bytes)
  }
}

/** What holds whenever it is read. As in Kafka some of it may be any number: the nearest that works counts. */
function limitsOf(config: CleanerConfig): CompactorOptions {
  return {
    get dedupeBytes() {
      return Math.min(Number(config.dedupeBytes), dedupeBytesMax)
    },
    get loadFactor() {
      return Math.min(Math.max(config.loadFactor, 0.1), 0.99)
    },
    get ioBytes() {
      return config.ioBytes
    },
    get bytesPerSecond() {
      return config.bytesPerSecond
    }
  }
}
