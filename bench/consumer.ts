import { crc32c } from '@node-rs/crc32'
import type { Connection } from './connection.ts'
import type { Window } from './window.ts'
import { correlationAt, fetchAnswer, fetchFrame, int64At, writeInt64At } from './wire.ts'

export interface ConsumerOptions {
  topic: string
  /** The partitions it reads, in turn, one per request. */
  partitions: number[]
  /** End offset of every partition of the topic. */
  ends: number[]
  maxBytes: number
  /** Read every partition to its end once; begin again at offset 0 otherwise. */
  once: boolean
  window: Window
}

/** Every so many answers, the CRC of all their batches is computed. */
const crcEvery = 16

/**
 * One connection that fetches, one request at a time, as consumers do. Offsets must continue from batch to batch and
 * from answer to answer; the CRC is spot-checked.
 */
export class Consumer {
  readonly done: Promise<void>
  private resolve: () => void = () => {}
  private reject: (error: Error) => void = () => {}
  private readonly connection: Connection
  private readonly options: ConsumerOptions
  private readonly request: ReturnType<typeof fetchFrame>
  private readonly position: Float64Array
  private readonly left: number[]
  private turn = 0
  private requests = 0
  private sentAtMs = 0
  private ending = false

  constructor(connection: Connection, options: ConsumerOptions) {
    this.connection = connection
    this.options = options
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.request = fetchFrame(options.topic, options.maxBytes)
    this.position = new Float64Array(options.ends.length)
    this.left = [...options.partitions]
    connection.onFailure = this.reject
    connection.onAnswer = (buffer, at, end) => this.take(buffer, at, end)
    connection.onReadEnd = () => {}
  }

  start(): void {
    this.send()
  }

  stop(): void {
    this.ending = true
  }

  private send(): void {
    if (this.ending || this.left.length === 0) {
      this.ending = true
      this.resolve()
      return
    }
    const { frame, partitionAt, offsetAt } = this.request
    const partition = this.left[this.turn % this.left.length]
    frame.writeInt32BE(++this.requests & 0x7fff_ffff, correlationAt)
    frame.writeInt32BE(partition, partitionAt)
    writeInt64At(frame, this.position[partition], offsetAt)
    this.sentAtMs = performance.now()
    this.connection.socket.write(frame)
  }

  private take(buffer: Buffer, at: number, end: number): void {
    const { topic, ends, window, once } = this.options
    const partition = this.left[this.turn % this.left.length]
    try {
      const answer = fetchAnswer(buffer, at, topic.length)
      if (buffer.readInt32BE(at) !== this.requests) throw new Error('answers in another order than requests')
      if (answer.error !== 0) throw new Error(`Fetch of partition ${partition} answered error ${answer.error}`)
      if (answer.recordsEnd > end) throw new Error('Fetch answered fewer bytes than it announced')
      const before = this.position[partition]
      const bytes = this.walk(buffer, answer.recordsAt, answer.recordsEnd, partition)
      if (bytes === 0)
        throw new Error(`Fetch of partition ${partition} found nothing at ${before} of ${ends[partition]}`)
      if (window.open) {
        window.requests++
        window.records += this.position[partition] - before
        window.bytes += bytes
        window.latency.record((performance.now() - this.sentAtMs) * 1000)
      }
    } catch (error) {
      this.ending = true
      this.reject(error as Error)
      return
    }
    this.turn++
    if (this.position[partition] >= ends[partition]) {
      if (once) this.left.splice(this.left.indexOf(partition), 1)
      else this.position[partition] = 0
    }
    this.send()
  }

  /** Checks the whole batches of an answer, moves the position behind them and answers their bytes. */
  private walk(buffer: Buffer, from: number, to: number, partition: number): number {
    const check = this.requests % crcEvery === 0
    let next = this.position[partition]
    let at = from
    while (to - at >= 61) {
      const bytes = buffer.readInt32BE(at + 8) + 12
      if (to - at < bytes) break
      const base = int64At(buffer, at)
      const last = base + buffer.readInt32BE(at + 23)
      // The first batch may begin before the offset asked for; from then on there are no gaps.
      if (at === from ? last < next || base > next : base !== next)
        throw new Error(`partition ${partition} gave a batch of ${base} to ${last} where ${next} comes next`)
      if (check && crc32c(buffer.subarray(at + 21, at + bytes)) !== buffer.readUInt32BE(at + 17))
        throw new Error(`the batch at ${base} of partition ${partition} is damaged`)
      next = last + 1
      at += bytes
    }
    this.position[partition] = next
    return at - from
  }
}
