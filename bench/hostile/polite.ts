import { Connection, createTopic } from '../connection.ts'
import { Histogram } from '../histogram.ts'
import { fetchFrame, produceFrame, recordBatch, writeInt64At } from '../wire.ts'

/** What a well-behaved client saw. */
export interface Experience {
  requests: number
  seconds: number
  p50Ms: number
  p99Ms: number
  maxMs: number
  /** Connections that it lost, or that it could not have. */
  failures: number
}

const topic = 'polite'

/** Writes a record and reads it, one request at a time, without a pause; each answer must be right. */
export class Polite {
  private readonly port: number
  private readonly latencies = new Histogram()
  private readonly produce = produceFrame(topic, -1, recordBatch(200, 1)).frame
  private readonly fetch = fetchFrame(topic, 65_536)
  private connection: Connection | undefined
  private offset = 0
  private failures = 0
  private requests = 0
  private running: Promise<void> | undefined
  private stopping = false
  private startedMs = 0

  constructor(port: number) {
    this.port = port
  }

  async open(): Promise<void> {
    this.connection = await Connection.open(this.port, 1 << 20)
    await createTopic(this.connection, topic, 1, 1, {})
  }

  start(): void {
    this.stopping = false
    this.startedMs = performance.now()
    this.running = this.loop()
  }

  async stop(): Promise<Experience> {
    this.stopping = true
    await this.running
    const ms = (us: number) => us / 1000
    return {
      requests: this.requests,
      seconds: (performance.now() - this.startedMs) / 1000,
      p50Ms: ms(this.latencies.quantile(0.5)),
      p99Ms: ms(this.latencies.quantile(0.99)),
      maxMs: ms(this.latencies.maxUs),
      failures: this.failures
    }
  }

  close(): void {
    this.connection?.close()
  }

  private async loop(): Promise<void> {
    while (!this.stopping) {
      const startMs = performance.now()
      try {
        this.connection ??= await Connection.open(this.port, 1 << 20)
        await this.round(this.connection)
      } catch (error) {
        this.failures++
        if (this.failures > 1000) throw error
        this.connection?.close()
        this.connection = undefined
        this.latencies.record((performance.now() - startMs) * 1000)
      }
    }
  }

  private async round(connection: Connection): Promise<void> {
    const produced = await this.timed(connection, this.produce)
    // Correlation id, tags, one topic, its name, one partition, index; then the error and the offset.
    const errorAt = 4 + 1 + 1 + 1 + topic.length + 1 + 4
    if (produced.readInt16BE(errorAt) !== 0) throw new Error(`Produce answered error ${produced.readInt16BE(errorAt)}`)
    this.offset = Number(produced.readBigInt64BE(errorAt + 2))
    writeInt64At(this.fetch.frame, this.offset, this.fetch.offsetAt)
    const fetched = await this.timed(connection, this.fetch.frame)
    if (fetched.length < 250) throw new Error('Fetch answered no record')
  }

  private async timed(connection: Connection, frame: Buffer): Promise<Buffer> {
    const startMs = performance.now()
    const answer = await connection.request(frame)
    this.latencies.record((performance.now() - startMs) * 1000)
    this.requests++
    return answer
  }
}
