import { verifyCrc, walkBatches } from '../record/check.ts'
import * as header from '../record/header.ts'
import { iterateRecords, type RecordView } from '../record/iterate.ts'
import type { DecodedResponseOf } from '../schema/message.ts'
import { codeOf, NaruError } from '../std/errors.ts'
import { errorOfNumber, isRetriable } from '../wire/kafka/errors.ts'
import { Fetch } from '../wire/kafka/messages/fetch.ts'
import { AbortedTransactions } from './aborted.ts'
import type { Cluster } from './cluster.ts'
import { listOffset, type OffsetSpec } from './offsets.ts'

export type { OffsetSpec } from './offsets.ts'

export interface ConsumerOptions {
  /** What to do when the offset to read does not exist (any more). Default 'earliest'; 'none' throws OFFSET_OUT_OF_RANGE. */
  readonly reset?: 'earliest' | 'latest' | 'none'
  /** Show only committed transactions. Default true. */
  readonly readCommitted?: boolean
  /** How long a broker may wait for `minBytes`. Default 500. */
  readonly maxWaitMs?: number
  /** Default 1. */
  readonly minBytes?: number
  /** Of one response. Default 16 MiB. */
  readonly maxBytes?: number
  /** Of one partition in a response. Default 1 MiB. */
  readonly partitionMaxBytes?: number
  /** What a batch may take decompressed. Default 64 MiB. */
  readonly decompressedBytesMax?: number
}

export interface ConsumedRecord extends RecordView {
  readonly topic: string
  readonly partition: number
}

export interface Start {
  readonly topic: string
  readonly partition: number
  readonly at: OffsetSpec
}

/** A partition that is read. */
class Reading {
  readonly topic: string
  readonly partition: number
  /** Where to read next; not a number yet while `at` must be looked up. */
  at: OffsetSpec
  /** The offset after the last record that `poll` gave out. */
  position = -1
  highWatermark = -1
  fetching = false
  tries = 0
  notBeforeMs = 0

  constructor(start: Start) {
    this.topic = start.topic
    this.partition = start.partition
    this.at = start.at
    if (typeof start.at === 'number') this.position = start.at
  }
}

interface Fetched {
  readonly reading: Reading
  readonly records: ConsumedRecord[]
  readonly nextOffset: number
}

/**
 * Reads partitions from given places on. One fetch is out to each leader while less than `maxBytes` wait to be polled,
 * so that the next records arrive while these are worked on.
 */
export class Consumer {
  private readonly cluster: Cluster
  private readonly options: Required<ConsumerOptions>
  private readings = new Map<string, Reading>()
  private readonly ready: Fetched[] = []
  private failure: NaruError | undefined
  private wake: (() => void) | undefined
  private closed = false

  constructor(cluster: Cluster, options: ConsumerOptions = {}) {
    this.cluster = cluster
    this.options = {
      reset: options.reset ?? 'earliest',
      readCommitted: options.readCommitted ?? true,
      maxWaitMs: options.maxWaitMs ?? 500,
      minBytes: options.minBytes ?? 1,
      maxBytes: options.maxBytes ?? 16 * 1024 * 1024,
      partitionMaxBytes: options.partitionMaxBytes ?? 1024 * 1024,
      decompressedBytesMax: options.decompressedBytesMax ?? 64 * 1024 * 1024
    }
  }

  /** Reads these partitions, and no others any more. */
  assign(starts: readonly Start[]): void {
    this.readings = new Map(starts.map(start => [`${start.topic}-${start.partition}`, new Reading(start)]))
    this.ready.length = 0
    this.interrupt()
  }

  /** Per assigned partition: the next offset to be polled (-1 while unknown), and the high watermark seen last (or -1). */
  positions(): { topic: string; partition: number; position: number; highWatermark: number }[] {
    return [...this.readings.values()].map(({ topic, partition, position, highWatermark }) => ({
      topic,
      partition,
      position,
      highWatermark
    }))
  }

  /**
   * The next records (at most `recordsMax`), of one partition and in order; empty after `timeoutMs`, or when `interrupt`
   * was called. Rejects with the error of a partition that cannot be read on.
   */
  async poll(timeoutMs: number, recordsMax = Number.POSITIVE_INFINITY): Promise<ConsumedRecord[]> {
    const deadlineMs = this.cluster.clock.monotonic() + timeoutMs
    for (;;) {
      if (this.failure) {
        const { failure } = this
        this.failure = undefined
        throw failure
      }
      const fetched = this.ready.shift()
      if (fetched && fetched.records.length > recordsMax) {
        const { reading, records, nextOffset } = fetched
        this.ready.unshift({ reading, records: records.slice(recordsMax), nextOffset })
        reading.position = records[recordsMax].offset
        return records.slice(0, recordsMax)
      }
      if (fetched) {
        fetched.reading.position = fetched.nextOffset
        this.fetch()
        if (fetched.records.length > 0) return fetched.records
        continue
      }
      const leftMs = deadlineMs - this.cluster.clock.monotonic()
      if (leftMs <= 0 || this.closed) return []
      const interrupted = await this.wait(leftMs)
      if (interrupted) return []
    }
  }

  /** Makes a waiting `poll` return. */
  interrupt(): void {
    this.wake?.()
  }

  close(): void {
    this.closed = true
    this.readings.clear()
    this.interrupt()
  }

  /** True when interrupted, false when there may be something. */
  private wait(leftMs: number): Promise<boolean> {
    return new Promise(resolve => {
      const done = (interrupted: boolean) => {
        timer.cancel()
        this.wake = undefined
        this.arrived = undefined
        resolve(interrupted)
      }
      const timer = this.cluster.clock.after(leftMs, () => done(false))
      this.wake = () => done(true)
      this.arrived = () => done(false)
      this.fetch()
    })
  }

  private arrived: (() => void) | undefined

  /** Starts what can be started. */
  private fetch(): void {
    if (this.closed || this.ready.length > 0) return
    const nowMs = this.cluster.clock.monotonic()
    const idle: Reading[] = []
    let nextMs = Number.POSITIVE_INFINITY
    for (const reading of this.readings.values()) {
      if (reading.fetching) continue
      if (reading.notBeforeMs > nowMs) nextMs = Math.min(nextMs, reading.notBeforeMs)
      else {
        reading.fetching = true
        idle.push(reading)
      }
    }
    if (idle.length > 0) void this.fetchAll(idle)
    else if (nextMs < Number.POSITIVE_INFINITY) this.cluster.clock.after(nextMs - nowMs, () => this.arrived?.())
  }

  private async fetchAll(readings: Reading[]): Promise<void> {
    const byLeader = new Map<number, Reading[]>()
    await Promise.all(
      readings.map(async reading => {
        try {
          if (typeof reading.at !== 'number') await this.locate(reading)
          const leader = await this.cluster.leaderOf(reading.topic, reading.partition)
          const together = byLeader.get(leader)
          if (together) together.push(reading)
          else byLeader.set(leader, [reading])
        } catch (error) {
          this.failed(reading, error)
        }
      })
    )
    await Promise.all([...byLeader].map(([leader, together]) => this.fetchFrom(leader, together)))
  }

  private async locate(reading: Reading): Promise<void> {
    const { offset } = await listOffset(this.cluster, reading, this.options.readCommitted)
    reading.at = offset
    if (reading.position < 0) reading.position = offset
  }

  private async fetchFrom(leader: number, readings: Reading[]): Promise<void> {
    const { maxWaitMs, minBytes, maxBytes, partitionMaxBytes, readCommitted } = this.options
    const byTopic = new Map<string, Reading[]>()
    for (const reading of readings) {
      const together = byTopic.get(reading.topic)
      if (together) together.push(reading)
      else byTopic.set(reading.topic, [reading])
    }
    try {
      const connection = await this.cluster.broker(leader)
      const response = await connection.request(
        Fetch,
        {
          maxWaitMs,
          minBytes,
          maxBytes,
          isolationLevel: readCommitted ? 1 : 0,
          topics: [...byTopic].map(([topic, of]) => ({
            topic,
            partitions: of.map(({ partition, at }) => ({ partition, fetchOffset: at as number, partitionMaxBytes }))
          })),
          forgottenTopicsData: []
        },
        maxWaitMs
      )
      const code = errorOfNumber(response.errorCode)
      if (code) throw new NaruError(code, `Fetch from broker ${leader}: ${code}`)
      for (const reading of readings) {
        const answer = response.responses
          .find(({ topic }) => topic === reading.topic)
          ?.partitions.find(({ partitionIndex }) => partitionIndex === reading.partition)
        try {
          if (!answer) throw new NaruError('UNKNOWN_TOPIC_OR_PARTITION', `Broker ${leader} left out ${name(reading)}.`)
          this.accept(reading, answer)
        } catch (error) {
          this.failed(reading, error)
        }
      }
    } catch (error) {
      for (const reading of readings) this.failed(reading, error)
    }
    this.arrived?.()
  }

  private accept(reading: Reading, answer: PartitionAnswer): void {
    const code = errorOfNumber(answer.errorCode)
    if (code === 'OFFSET_OUT_OF_RANGE' && this.options.reset !== 'none') {
      reading.at = this.options.reset
      reading.position = -1
      reading.fetching = false
      this.fetchSoon()
      return
    }
    if (code) throw new NaruError(code, `${name(reading)} at offset ${reading.at}: ${code}`)
    reading.fetching = false
    reading.tries = 0
    if (this.readings.get(name(reading)) !== reading) return
    reading.highWatermark = answer.highWatermark
    const fetched = this.decode(reading, answer)
    if (fetched.nextOffset > (reading.at as number)) {
      reading.at = fetched.nextOffset
      this.ready.push(fetched)
    }
  }

  private decode(reading: Reading, answer: PartitionAnswer): Fetched {
    const { topic, partition } = reading
    const from = reading.at as number
    const records: ConsumedRecord[] = []
    let nextOffset = from
    const batches = answer.records ?? Buffer.alloc(0)
    const aborted = new AbortedTransactions(this.options.readCommitted ? (answer.abortedTransactions ?? []) : [])
    walkBatches(batches, at => {
      if (!verifyCrc(batches, at))
        throw new NaruError(
          'CORRUPT_MESSAGE',
          `The batch of ${name(reading)} at ${header.baseOffset(batches, at)} is damaged.`
        )
      nextOffset = Math.max(nextOffset, header.lastOffset(batches, at) + 1)
      if (!aborted.shows(batches, at)) return
      for (const record of iterateRecords(batches, at, this.options.decompressedBytesMax))
        if (record.offset >= from) records.push({ topic, partition, ...record })
    })
    return { reading, records, nextOffset }
  }

  private failed(reading: Reading, error: unknown): void {
    reading.fetching = false
    if (this.closed || this.readings.get(name(reading)) !== reading) return
    const code = codeOf(error)
    this.cluster.doubt(code)
    // A partition that is not there yet may come; one that stays away is an error of the caller.
    if (isRetriable(code) && code !== 'CORRUPT_MESSAGE' && reading.tries < retriesMax) {
      reading.notBeforeMs = this.cluster.clock.monotonic() + this.cluster.backoffMs(reading.tries++)
      this.fetchSoon()
    } else {
      this.failure = error instanceof NaruError ? error : new NaruError(code, String(error), { cause: error })
      this.arrived?.()
    }
  }

  private fetchSoon(): void {
    queueMicrotask(() => this.fetch())
  }
}

/** With backoff, about a minute. */
const retriesMax = 60

type PartitionAnswer = DecodedResponseOf<typeof Fetch>['responses'][number]['partitions'][number]

const name = ({ topic, partition }: Reading): string => `${topic}-${partition}`
