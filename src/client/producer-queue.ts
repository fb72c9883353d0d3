import { BatchBuilder, type RecordInput } from '../record/build.ts'
import type { Codec } from '../record/header.ts'

/** Where a record landed; offset -1 when the broker was not asked to tell (acks=0) or did not know any more. */
export interface Delivery {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Epoch ms: the record's own, or the broker's where the topic says LogAppendTime. */
  readonly timestamp: number
}

export interface Entry {
  readonly record: RecordInput
  readonly bytes: number
  resolve(delivery: Delivery): void
  reject(error: Error): void
}

/** Records that travel together. */
export interface Batch {
  readonly builder: BatchBuilder
  readonly entries: Entry[]
  readonly openedMs: number
  /** Made when it is first sent, and the same for every try: its sequence numbers tell the broker what it has already. */
  bytes: Buffer | undefined
  tries: number
  /** Not to be sent before. */
  notBeforeMs: number
}

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export const noIdentity: ProducerIdentity = { producerId: -1, producerEpoch: -1 }

/**
 * The records of one partition on their way. One batch is in flight at a time: what arrives meanwhile gathers in the
 * next, order survives every retry, and a sequence number is never used before its predecessors' fate is known.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** The batch being sent, or waiting to be sent again. */
  current: Batch | undefined
  inFlight = false
  private readonly waiting: Batch[] = []
  private readonly batchBytes: number
  private identity: ProducerIdentity = noIdentity
  private nextSequence = 0

  constructor(topic: string, partition: number, batchBytes: number) {
    this.topic = topic
    this.partition = partition
    this.batchBytes = batchBytes
  }

  get empty(): boolean {
    return !this.current && this.waiting.length === 0
  }

  /** Adds a record; true when that filled a batch or began a new one, so that there may be something to send. */
  append(entry: Entry, nowMs: number): boolean {
    let batch = this.waiting.at(-1)
    const fits = batch !== undefined && batch.builder.bytesWith(entry.record) <= this.batchBytes
    if (!fits) {
      batch = {
        builder: new BatchBuilder(Math.min(this.batchBytes, 4096)),
        entries: [],
        openedMs: nowMs,
        bytes: undefined,
        tries: 0,
        notBeforeMs: 0
      }
      this.waiting.push(batch)
    }
    batch!.builder.append(entry.record)
    batch!.entries.push(entry)
    return !fits || batch!.builder.bytes >= this.batchBytes
  }

  /** True while the last batch is the first that has not left, so that a record without a key may as well join it. */
  get gathering(): boolean {
    return this.waiting.length === 1
  }

  /** When the next batch may go (monotonic ms), or undefined when there is none or one is out. */
  dueMs(lingerMs: number): number | undefined {
    if (this.inFlight) return undefined
    if (this.current) return this.current.notBeforeMs
    const [next] = this.waiting
    if (!next) return undefined
    return this.waiting.length > 1 || next.builder.bytes >= this.batchBytes ? 0 : next.openedMs + lingerMs
  }

  /** Settles which batch goes next, and that it is on its way. */
  claim(): void {
    this.current ??= this.waiting.shift()!
    this.inFlight = true
  }

  /** The claimed batch as bytes with their sequence numbers. */
  encode(codec: Codec, identity: ProducerIdentity): Buffer {
    const batch = this.current!
    if (!batch.bytes) {
      if (identity.producerId !== this.identity.producerId) {
        this.identity = identity
        this.nextSequence = 0
      }
      const count = batch.builder.count
      const baseSequence = identity.producerId < 0 ? -1 : this.nextSequence
      batch.bytes = batch.builder.build({ codec, ...identity, baseSequence })
      this.nextSequence = (this.nextSequence + count) % 0x8000_0000
    }
    return batch.bytes
  }

  /** Takes the claimed batch out: its fate is known. */
  settle(): Batch {
    const batch = this.current!
    this.current = undefined
    this.inFlight = false
    return batch
  }

  /** The claimed batch will be sent again. */
  postpone(notBeforeMs: number): void {
    this.current!.tries++
    this.current!.notBeforeMs = notBeforeMs
    this.inFlight = false
  }
}
