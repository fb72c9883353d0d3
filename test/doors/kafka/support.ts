import { type Duplex, duplexPair } from 'node:stream'
import type { Broker } from '../../../src/broker/broker.ts'
import { KafkaDoor } from '../../../src/doors/kafka/door.ts'
import type { Handler } from '../../../src/doors/kafka/handler.ts'
import { type KafkaDoorLimits, kafkaDoorOptions } from '../../../src/doors/kafka/options.ts'
import { Router } from '../../../src/doors/kafka/router.ts'
import type { Api, DecodedResponseOf, RequestInputOf } from '../../../src/schema/message.ts'
import { Reader } from '../../../src/schema/reader.ts'
import { Writer } from '../../../src/schema/writer.ts'
import { ManualClock } from '../../../src/std/clock.ts'
import type { LogFields, Logger } from '../../../src/std/log.ts'
import { Metrics } from '../../../src/std/metrics.ts'
import type { Pressure } from '../../../src/storage/types.ts'
import { FrameSplitter } from '../../../src/wire/kafka/frames.ts'
import { readResponseHeader, responseHeaderIsFlexible, writeRequestHeader } from '../../../src/wire/kafka/headers.ts'

const defaults = Object.fromEntries(
  Object.entries(kafkaDoorOptions).map(([name, declared]) => [name, declared.default])
) as KafkaDoorLimits

/** Keeps what was logged. */
export class LogKeeper implements Logger {
  readonly lines: { level: string; fields: LogFields; message: string }[] = []
  debug = (fields: LogFields, message: string) => void this.lines.push({ level: 'debug', fields, message })
  info = (fields: LogFields, message: string) => void this.lines.push({ level: 'info', fields, message })
  warn = (fields: LogFields, message: string) => void this.lines.push({ level: 'warn', fields, message })
  error = (fields: LogFields, message: string) => void this.lines.push({ level: 'error', fields, message })

  /** The `reason` fields of what was worth a line, in order. */
  get reasons(): unknown[] {
    const told = this.lines.filter(({ level, fields }) => level !== 'debug' && fields.reason !== undefined)
    return told.map(({ fields }) => fields.reason)
  }
}

export interface DoorUnderTest {
  readonly door: KafkaDoor
  readonly clock: ManualClock
  readonly log: LogKeeper
  readonly metrics: Metrics
  connect(): TestClient
}

/** A door that serves the handlers given, on a clock moved by hand. */
export function openDoor(
  handlers: readonly Handler[],
  options: { limits?: Partial<KafkaDoorLimits>; pressure?: Pressure; lentBytes?: () => number } = {}
): DoorUnderTest {
  const clock = new ManualClock()
  const log = new LogKeeper()
  const metrics = new Metrics()
  // The door asks nothing of a broker but its storage's pressure; the rest is for handlers.
  const broker = {
    pressure: options.pressure,
    get lentBytes() {
      return options.lentBytes?.() ?? 0
    }
  } as unknown as Broker
  const limits = { ...defaults, ...options.limits }
  const door = new KafkaDoor({ broker, router: new Router(handlers), limits, clock, logger: log, metrics })
  return {
    door,
    clock,
    log,
    metrics,
    connect() {
      const [near, far] = duplexPair()
      door.serve(far, { host: '10.0.0.1', port: 5000, localPort: 9092 })
      return new TestClient(near, far)
    }
  }
}

/** The client's end of a stream, a frame at a time. */
export class TestClient {
  readonly stream: Duplex
  /** The broker's end. */
  readonly served: Duplex
  readonly closed: Promise<void>
  private readonly splitter = new FrameSplitter(0x7fff_ffff)
  private readonly frames: Buffer[] = []
  private waiting: ((frame: Buffer | undefined) => void)[] = []
  private reading = false

  constructor(stream: Duplex, served: Duplex) {
    this.stream = stream
    this.served = served
    this.closed = new Promise(resolve => {
      served.on('close', () => {
        resolve()
        setImmediate(() => {
          for (const wake of this.waiting) wake(undefined)
          this.waiting = []
        })
      })
    })
    stream.on('error', () => {})
  }

  /** The bytes of a request. */
  static frame<A extends Api>(api: A, version: number, correlationId: number, request: RequestInputOf<A>): Buffer {
    const writer = new Writer()
    const length = writer.slot()
    const flexible = api.request.isFlexible(version)
    writeRequestHeader(writer, { key: api.key, version, correlationId, clientId: 'test' }, flexible)
    api.request.codec(version).encode(writer, request)
    writer.fill(length, writer.bytesWritten - 4)
    return writer.takeWhole()
  }

  send<A extends Api>(api: A, version: number, correlationId: number, request: RequestInputOf<A>): void {
    this.stream.write(TestClient.frame(api, version, correlationId, request))
  }

  /** The next frame; undefined when the broker has closed the connection. */
  frame(): Promise<Buffer | undefined> {
    this.startReading()
    const frame = this.frames.shift()
    if (frame || this.served.destroyed) return Promise.resolve(frame)
    return new Promise(resolve => this.waiting.push(resolve))
  }

  /** The next response, with its correlation id. */
  async response<A extends Api>(api: A, version: number): Promise<{ id: number; body: DecodedResponseOf<A> }> {
    const frame = await this.frame()
    if (!frame) throw new Error('the connection was closed')
    const reader = new Reader(frame)
    const id = readResponseHeader(reader, responseHeaderIsFlexible(api.key, api.response.isFlexible(version)))
    return { id, body: api.response.codec(version).decode(reader) as DecodedResponseOf<A> }
  }

  private startReading(): void {
    if (this.reading) return
    this.reading = true
    this.stream.on('data', (chunk: Buffer) => {
      this.splitter.push(chunk)
      for (let frame = this.splitter.next(); frame; frame = this.splitter.next()) {
        const wake = this.waiting.shift()
        if (wake) wake(frame)
        else this.frames.push(frame)
      }
    })
  }
}

/** Lets everything that is ready happen. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}
