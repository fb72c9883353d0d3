import type { Connection } from './connection.ts'
import type { Window } from './window.ts'
import { correlationAt, int64At, produceAnswer, produceFrame, recordBatch } from './wire.ts'

export interface LingeringOptions {
  topic: string
  acks: 0 | 1 | -1
  recordBytes: number
  /** `batch.size`, in records. */
  recordsMax: number
  /** `linger.ms`. */
  lingerMs: number
  inFlight: number
  /** Batches go to them in turn. */
  partitions: number[]
  /** Records sent to each partition by all producers; this one adds its own. */
  sent: Float64Array
  window: Window
}

interface Sent {
  readonly partition: number
  readonly bytes: number
  /** When the application handed over each record of the batch. */
  readonly arrivedMs: number[]
}

/**
 * A producer as client libraries have it: records gather until a batch is full or the first one has waited for
 * `lingerMs`, and while `inFlight` requests are out. What is measured is what the application sees: from handing over a
 * record to its acknowledgement.
 */
export class LingeringProducer {
  /** Resolves when all that was handed over is answered after `stop`; rejects when the broker fails a check. */
  readonly done: Promise<void>
  private resolve: () => void = () => {}
  private reject: (error: Error) => void = () => {}
  private readonly connection: Connection
  private readonly options: LingeringOptions
  private readonly frames = new Map<number, ReturnType<typeof produceFrame>>()
  private readonly nextOffset: Float64Array
  private readonly unanswered: Sent[] = []
  private waiting: number[] = []
  private sentCount = 0
  private ending = false

  constructor(connection: Connection, options: LingeringOptions) {
    this.connection = connection
    this.options = options
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.nextOffset = new Float64Array(Math.max(...options.partitions) + 1)
    connection.onFailure = this.reject
    const answer = produceAnswer(options.topic)
    connection.onAnswer = (buffer, at) => this.take(buffer, at, answer)
    connection.onReadEnd = () => this.send()
  }

  /** The application hands over some records, which may be none: time has passed. */
  produce(records: number): void {
    const nowMs = performance.now()
    for (let i = 0; i < records; i++) this.waiting.push(nowMs)
    this.send()
  }

  stop(): void {
    this.ending = true
    this.send()
  }

  private send(): void {
    const { lingerMs, recordsMax, inFlight, acks, partitions, sent } = this.options
    const nowMs = performance.now()
    while (this.waiting.length > 0 && this.unanswered.length < inFlight) {
      const isDue = this.waiting.length >= recordsMax || nowMs - this.waiting[0] >= lingerMs || this.ending
      if (!isDue) break
      const arrivedMs = this.waiting.splice(0, recordsMax)
      const { frame, partitionAt } = this.frameOf(arrivedMs.length)
      const partition = partitions[this.sentCount % partitions.length]
      const request = Buffer.from(frame)
      request.writeInt32BE(this.sentCount & 0x7fff_ffff, correlationAt)
      request.writeInt32BE(partition, partitionAt)
      this.sentCount++
      sent[partition] += arrivedMs.length
      const batch = { partition, bytes: request.length, arrivedMs }
      this.unanswered.push(batch)
      if (acks !== 0) this.connection.socket.write(request)
      else
        this.connection.socket.write(request, () => {
          this.answered(batch)
          this.send()
        })
    }
    if (this.ending && this.waiting.length === 0 && this.unanswered.length === 0) this.resolve()
  }

  private frameOf(records: number): ReturnType<typeof produceFrame> {
    const { topic, acks, recordBytes } = this.options
    const known = this.frames.get(records)
    if (known) return known
    const frame = produceFrame(topic, acks, recordBatch(recordBytes, records))
    this.frames.set(records, frame)
    return frame
  }

  private take(buffer: Buffer, at: number, answer: ReturnType<typeof produceAnswer>): void {
    const batch = this.unanswered[0]
    const sequence = this.sentCount - this.unanswered.length
    const error = buffer.readInt16BE(at + answer.errorAt)
    const base = int64At(buffer, at + answer.baseOffsetAt)
    if (!batch || buffer.readInt32BE(at) !== (sequence & 0x7fff_ffff))
      this.reject(new Error('answers come in another order than requests'))
    else if (error !== 0) this.reject(new Error(`Produce to partition ${batch.partition} answered error ${error}`))
    else if (base !== this.nextOffset[batch.partition])
      this.reject(new Error(`partition ${batch.partition} gave base offset ${base}`))
    else {
      this.nextOffset[batch.partition] = base + batch.arrivedMs.length
      this.answered(batch)
    }
  }

  private answered(batch: Sent): void {
    this.unanswered.shift()
    const { window, acks } = this.options
    if (!window.open) return
    const nowMs = performance.now()
    window.requests++
    window.records += batch.arrivedMs.length
    window.bytes += batch.bytes
    // With acks=0 nobody ever knows.
    if (acks !== 0) for (const arrivedMs of batch.arrivedMs) window.latency.record((nowMs - arrivedMs) * 1000)
  }
}
