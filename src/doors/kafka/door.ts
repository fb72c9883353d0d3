import type { Duplex } from 'node:stream'
import type { Broker } from '../../broker/broker.ts'
import { Writer } from '../../schema/writer.ts'
import type { Clock } from '../../std/clock.ts'
import type { Logger } from '../../std/log.ts'
import type { Counter, Metrics } from '../../std/metrics.ts'
import { ThrottledLog } from '../../std/throttled-log.ts'
import { TimerWheel } from '../../std/timer-wheel.ts'
import { FramePool } from '../../wire/kafka/frames.ts'
import { responseHeaderIsFlexible, writeResponseHeader } from '../../wire/kafka/headers.ts'
import { Connection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import { Fairness } from './fairness.ts'
import type { Handler } from './handler.ts'
import { MemoryBounds } from './memory-bounds.ts'
import type { KafkaDoorLimits } from './options.ts'
import type { Router } from './router.ts'

/** The other end of a stream. */
export interface Peer {
  readonly host: string
  readonly port: number
  /** The port that the client came in on. */
  readonly localPort: number
}

/** A stream that is being served. */
export interface Served {
  /** Reads no more, answers what is in flight and closes. */
  finish(reason: string): void
}

export interface KafkaDoorParts {
  readonly broker: Broker
  readonly router: Router
  readonly limits: KafkaDoorLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Frame buffers kept for reuse, of all connections together. */
const framePoolBytes = 16 * 1024 * 1024
const slabBytes = 32 * 1024
const checkMsMax = 10_000

/** Serves Kafka's protocol on any stream of bytes. What connections share lives here. */
export class KafkaDoor {
  readonly broker: Broker
  readonly router: Router
  readonly limits: KafkaDoorLimits
  readonly clock: Clock
  readonly logger: Logger
  /** For what clients can cause as often as they like. */
  readonly clientLog: ThrottledLog
  readonly wheel: TimerWheel
  readonly bounds: MemoryBounds
  readonly fairness: Fairness
  readonly framePool = new FramePool(framePoolBytes)
  /** How often a connection looks whether it is idle or stalled. */
  readonly checkMs: number
  readonly bytesRead: Counter
  private readonly bytesWritten: Counter
  private readonly metrics: Metrics
  private readonly requests = new Map<Handler, Counter>()
  private readonly writer = new Writer(slabBytes)
  private readonly connections = new Set<Connection>()
  private nextId = 1

  constructor(parts: KafkaDoorParts) {
    this.broker = parts.broker
    this.router = parts.router
    this.limits = parts.limits
    this.clock = parts.clock
    this.logger = parts.logger
    this.metrics = parts.metrics
    this.clientLog = new ThrottledLog(parts.logger, parts.clock)
    this.wheel = new TimerWheel(parts.clock, 100)
    this.fairness = new Fairness(parts.clock, parts.limits.turnMsMax)
    this.bounds = new MemoryBounds({
      limits: this.limits,
      wheel: this.wheel,
      metrics: this.metrics,
      lentBytes: () => this.broker.lentBytes
    })
    this.checkMs = Math.min(checkMsMax, Number(this.limits.idleMaxMs), Number(this.limits.writeStallMs))
    this.bytesRead = this.metrics.counter('naru_kafka_read_bytes_total', 'Bytes read from Kafka clients.')
    this.bytesWritten = this.metrics.counter('naru_kafka_response_bytes_total', 'Bytes of responses to Kafka clients.')
    this.metrics.gauge('naru_kafka_connections', 'Open connections of Kafka clients.', () => this.connections.size)
  }

  /** Serves the stream until either side closes it. */
  serve(stream: Duplex, peer: Peer): Served {
    const connection = new Connection(this.nextId++, this, stream, peer)
    this.connections.add(connection)
    return connection
  }

  /** Lets go of the clock. Streams still open are the listener's to close. */
  close(): void {
    this.wheel.close()
  }

  /** @internal The bytes of a response, frame and header included. Throws EncodeError. */
  encode(exchange: Exchange, body: object): readonly Buffer[] {
    const { writer } = this
    const { api } = exchange.handler
    const flexible = api.response.isFlexible(exchange.apiVersion)
    const mark = writer.mark()
    try {
      const length = writer.slot()
      writeResponseHeader(writer, exchange.correlationId, responseHeaderIsFlexible(api.key, flexible))
      api.response.codec(exchange.apiVersion).encode(writer, body)
      const bytes = writer.bytesWritten
      writer.fill(length, bytes - 4)
      this.bytesWritten.add(bytes)
      return writer.take()
    } catch (error) {
      writer.reset(mark)
      throw error
    }
  }

  /** @internal */
  countRequest(handler: Handler): void {
    let counter = this.requests.get(handler)
    if (!counter) {
      counter = this.metrics.counter(
        `naru_kafka_requests_total{api="${handler.api.name}"}`,
        'Requests of Kafka clients.'
      )
      this.requests.set(handler, counter)
    }
    counter.add()
  }

  /** @internal The broker ends a connection. `why`: a word for the metric. */
  countDropped(why: 'malformed' | 'idle' | 'stalled' | 'memory'): void {
    this.metrics
      .counter(`naru_kafka_connections_dropped_total{why="${why}"}`, 'Connections that the broker ended.')
      .add()
  }

  /** @internal */
  forget(connection: Connection): void {
    this.connections.delete(connection)
  }
}
