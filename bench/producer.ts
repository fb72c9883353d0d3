import type { Connection } from './connection.ts'
import type { Window } from './window.ts'
import { correlationAt, int64At, produceAnswer, produceFrame } from './wire.ts'

export interface ProducerOptions {
  topic: string
  acks: 0 | 1 | -1
  batch: Buffer
  records: number
  /** Requests without an answer at once. */
  inFlight: number
  /** The partitions this producer writes to, in turn. */
  partitions: number[]
  /** Records sent to each partition by all producers; this one adds its own. */
  sent: Float64Array
  /** True when no other producer writes to these partitions: then every base offset is known beforehand. */
  alone: boolean
  /** Where answered requests are counted; nowhere when absent. */
  window?: Window
  /** Batch bytes that it may send; `grant` adds to them. */
  budgetBytes: number
}

const primingBatches = 4

/**
 * One connection with a ring of prebuilt frames; a frame is patched and sent again once its answer is here, and frames
 * that became free together go out in one write. Every answer's error code and base offset is checked: a broker
 * that loses, repeats or reorders does not get a figure.
 */
export class Producer {
  /** Resolves when all that was sent is answered after `stop` or the end of the budget; rejects when the broker fails a check. */
  readonly done: Promise<void>
  private resolve: () => void = () => {}
  private reject: (error: Error) => void = () => {}
  private readonly connection: Connection
  private readonly options: ProducerOptions
  private readonly ring: Buffer
  private readonly frameBytes: number
  private readonly partitionAt: number
  private readonly sentAtMs: Float64Array
  private readonly nextOffset: Float64Array
  private sentCount = 0
  private freeCount: number
  private budgetBytes: number
  private ending = false
  private refill: NodeJS.Immediate | undefined
  private paced = false

  constructor(connection: Connection, options: ProducerOptions) {
    this.connection = connection
    this.options = options
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    const { frame, partitionAt } = produceFrame(options.topic, options.acks, options.batch)
    this.partitionAt = partitionAt
    this.frameBytes = frame.length
    this.freeCount = options.inFlight
    this.ring = Buffer.allocUnsafeSlow(frame.length * options.inFlight)
    for (let slot = 0; slot < options.inFlight; slot++) frame.copy(this.ring, slot * frame.length)
    this.sentAtMs = new Float64Array(options.inFlight)
    this.nextOffset = new Float64Array(Math.max(...options.partitions) + 1)
    this.budgetBytes = options.budgetBytes
    connection.onFailure = this.reject
    const answer = produceAnswer(options.topic)
    connection.onAnswer = (buffer, at) => this.take(buffer, at, answer)
    connection.onReadEnd = () => this.fill()
  }

  start(): void {
    this.fill()
  }

  /** Paces this producer: from now on an empty budget means to wait for the next grant. */
  grant(bytes: number): void {
    this.paced = true
    // A broker that falls behind is not handed the whole backlog at once.
    this.budgetBytes = Math.min(this.budgetBytes + bytes, 4 * Math.max(bytes, this.options.batch.length))
    this.fill()
  }

  /** True once each of its partitions has taken a few batches: the first ones create files and touch their pages. */
  get primed(): boolean {
    return this.sentCount - (this.options.inFlight - this.freeCount) >= primingBatches * this.options.partitions.length
  }

  stop(): void {
    this.ending = true
    this.settle()
  }

  private fill(): void {
    const { inFlight, partitions, batch, records, acks, sent } = this.options
    const nowMs = performance.now()
    while (!this.ending && this.freeCount > 0) {
      const first = this.sentCount % inFlight
      let run = Math.min(this.freeCount, inFlight - first)
      run = Math.min(run, Math.floor(this.budgetBytes / batch.length))
      if (run === 0) {
        if (!this.paced) this.ending = true
        break
      }
      for (let i = 0; i < run; i++) {
        const slot = first + i
        const at = slot * this.frameBytes
        const partition = partitions[this.sentCount % partitions.length]
        this.ring.writeInt32BE(this.sentCount & 0x7fff_ffff, at + correlationAt)
        this.ring.writeInt32BE(partition, at + this.partitionAt)
        this.sentAtMs[slot] = nowMs
        this.sentCount++
        sent[partition] += records
      }
      this.freeCount -= run
      this.budgetBytes -= run * batch.length
      const bytes = this.ring.subarray(first * this.frameBytes, (first + run) * this.frameBytes)
      if (acks === 0) this.connection.socket.write(bytes, () => this.written(run))
      else this.connection.socket.write(bytes)
    }
    this.settle()
  }

  /** With acks=0 a frame is free again once the kernel has it. */
  private written(count: number): void {
    this.freeCount += count
    for (let i = 0; i < count; i++) this.count(0)
    // Not at once: while the kernel takes everything, that would keep timers and other connections waiting for ever.
    this.refill ??= setImmediate(() => {
      this.refill = undefined
      this.fill()
    })
  }

  private take(buffer: Buffer, at: number, answer: ReturnType<typeof produceAnswer>): void {
    const { inFlight, partitions, records } = this.options
    const sequence = this.sentCount - (inFlight - this.freeCount)
    const partition = partitions[sequence % partitions.length]
    const problem = this.problemOf(buffer, at, answer, sequence, partition)
    if (problem) {
      this.ending = true
      this.reject(new Error(problem))
      return
    }
    this.nextOffset[partition] = int64At(buffer, at + answer.baseOffsetAt) + records
    this.freeCount++
    this.count((performance.now() - this.sentAtMs[sequence % inFlight]) * 1000)
  }

  private problemOf(
    buffer: Buffer,
    at: number,
    answer: ReturnType<typeof produceAnswer>,
    sequence: number,
    partition: number
  ): string | undefined {
    const error = buffer.readInt16BE(at + answer.errorAt)
    const base = int64At(buffer, at + answer.baseOffsetAt)
    const expected = this.nextOffset[partition]
    if (buffer.readInt32BE(at) !== (sequence & 0x7fff_ffff)) return 'answers come in another order than requests'
    if (buffer.readInt32BE(at + answer.partitionAt) !== partition) return `partition ${partition} has no answer`
    if (error !== 0) return `Produce to partition ${partition} answered error ${error}`
    if (this.options.alone ? base !== expected : base < expected)
      return `partition ${partition} gave base offset ${base} where ${expected} comes next`
    return undefined
  }

  private count(latencyUs: number): void {
    const { window, records, batch } = this.options
    if (!window?.open) return
    window.requests++
    window.records += records
    window.bytes += batch.length
    if (latencyUs > 0) window.latency.record(latencyUs)
  }

  private settle(): void {
    if (this.ending && this.freeCount === this.options.inFlight) this.resolve()
  }
}
