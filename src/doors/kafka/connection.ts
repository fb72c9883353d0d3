import type { Duplex } from 'node:stream'
import { DecodeError } from '../../schema/errors.ts'
import { Reader } from '../../schema/reader.ts'
import { codeOf, type ErrorCode, messageOf, NaruError } from '../../std/errors.ts'
import type { WheelTimer } from '../../std/timer-wheel.ts'
import type { Pressure } from '../../storage/types.ts'
import { FrameSplitter } from '../../wire/kafka/frames.ts'
import { apiVersionsKey, type RequestHeader, readRequestHeader } from '../../wire/kafka/headers.ts'
import { Produce } from '../../wire/kafka/messages/produce.ts'
import { ConnectionMemory, estimateRequest } from './connection-memory.ts'
import type { KafkaDoor, Peer } from './door.ts'
import { Exchange } from './exchange.ts'
import { Share } from './fairness.ts'
import { type Answer, isPromise, noResponse } from './handler.ts'
import { unsupportedApiVersions } from './handlers/api-versions.ts'
import { bytesOf, Output } from './output.ts'

/**
 * One client. Requests go to their handlers in the order and in the turn in which they were read; responses leave in
 * that order too, however they come about. Requests that must be served alone wait for those before them, and those
 * behind wait for them. Reading pauses while too much is in flight or unread by the client, and in front of a Produce
 * request while storage is over its bound.
 */
export class Connection {
  readonly id: number
  readonly door: KafkaDoor
  readonly peer: Peer
  readonly share = new Share()
  softwareName = ''
  softwareVersion = ''
  private readonly stream: Duplex
  private readonly splitter: FrameSplitter
  private readonly output: Output
  private readonly memory: ConnectionMemory
  private readonly timer: WheelTimer
  /** Requests whose response has not gone to the output, in order. */
  private inFlight: Exchange[] = []
  /** A request that waits: Produce for storage, one that is served alone for those before it. */
  private heldFrame: Buffer | undefined
  private awaitsStorage = false
  /** A request that is to be answered before the next one is begun. */
  private alone: Exchange | undefined
  private processing = false
  private paused = false
  /** Waits for the door to call `flush`. */
  private flushing = false
  private ended = false
  /** Why no more is read: the connection closes when what is in flight is answered. */
  private finishing: string | undefined
  private finishingAtMs = 0
  private closed = false
  private readonly closeCallbacks = new Set<() => void>()
  /** Others have their turn before the rest of what this client sent at once. */
  private yielding = false
  private activeAtMs: number
  private piecesAtCheck = 0
  private stalledAtMs = 0

  constructor(id: number, door: KafkaDoor, stream: Duplex, peer: Peer) {
    this.id = id
    this.door = door
    this.stream = stream
    this.peer = peer
    this.splitter = new FrameSplitter(door.limits.requestBytesMax, door.framePool)
    this.output = new Output(stream, () => this.written())
    this.memory = new ConnectionMemory(door.bounds, this.splitter, this.output, {
      goOn: () => this.process(),
      drop: reason => this.drop(reason, 'memory')
    })
    this.activeAtMs = door.clock.monotonic()
    this.timer = door.wheel.timer(() => this.check())
    this.timer.arm(door.checkMs)
    stream.on('data', (chunk: Buffer) => this.read(chunk))
    stream.on('end', () => {
      this.ended = true
      this.process()
    })
    stream.on('error', error => door.logger.debug({ ...this.name, error: messageOf(error) }, 'connection failed'))
    stream.on('close', () => this.close())
  }

  private get name() {
    return { connection: this.id, peer: `${this.peer.host}:${this.peer.port}` }
  }

  reserve(bytes: number): () => void {
    return this.memory.reserve(bytes, () => this.schedule())
  }

  /** See RequestContext. */
  onClose(callback: () => void): () => void {
    if (this.closed) {
      callback()
      return () => {}
    }
    this.closeCallbacks.add(callback)
    return () => void this.closeCallbacks.delete(callback)
  }

  private read(chunk: Buffer): void {
    this.activeAtMs = this.door.clock.monotonic()
    this.memory.read(chunk.length)
    this.door.bytesRead.add(chunk.length)
    this.splitter.push(chunk)
    if (this.door.fairness.mustWait(this.share)) this.yield()
    else this.process()
    if (this.closed || this.stream.destroyed) this.splitter.close()
    else this.splitter.keep()
    this.memory.account()
  }

  /** Serves what was read as far as the limits allow. */
  private process(): void {
    if (this.processing || this.closed) return
    this.processing = true
    const { clock, limits, fairness } = this.door
    const startMs = fairness.begin()
    let begun = 0
    try {
      for (;;) {
        if (this.finishing !== undefined || this.blocked()) break
        const frame = this.heldFrame ?? this.splitter.next()
        this.heldFrame = undefined
        this.memory.heldFrameBytes = 0
        if (!frame) {
          this.memory.admit()
          break
        }
        this.memory.frameTaken()
        begun++
        if (!this.dispatch(frame)) break
        if (clock.monotonic() >= startMs + limits.turnMsMax) {
          this.yield()
          break
        }
      }
    } catch (error) {
      if (!(error instanceof DecodeError))
        this.door.logger.error({ ...this.name, err: error }, 'connection broken by a bug')
      this.refuse(messageOf(error))
    }
    this.processing = false
    this.output.flush()
    this.share.took(clock.monotonic() - startMs, begun)
    this.settle()
    this.memory.account()
  }

  /** Reads no more before others had their turn. */
  private yield(): void {
    this.yielding = true
    this.schedule()
    this.settle()
  }

  /** Pauses, goes on or closes, whichever the state asks for. */
  private settle(): void {
    if (this.closed) return
    if (this.finishing !== undefined || this.heldFrame || this.memory.parked || this.yielding || this.blocked()) {
      if (!this.paused) this.stream.pause()
      this.paused = true
      if (this.finishing !== undefined && this.inFlight.length === 0 && this.output.empty) this.stream.destroy()
      return
    }
    if (this.ended) this.finish('the client closed the connection')
    else if (this.paused) {
      this.paused = false
      this.stream.resume()
    }
  }

  private blocked(): boolean {
    const { limits } = this.door
    return (
      this.alone !== undefined ||
      this.memory.reservedBytes > 0 ||
      this.awaitsStorage ||
      this.memory.mustReadFirst ||
      this.inFlight.length >= limits.inFlightMax ||
      this.memory.unreadBytes >= limits.responseBytesMax
    )
  }

  /** Calls the handler of one request; false when it must wait. */
  private dispatch(frame: Buffer): boolean {
    const reader = new Reader(frame, 0, frame.length, this.door.limits.requestElementsMax)
    const header = readRequestHeader(reader)
    const { key, version } = header
    if (key === Produce.key && this.waitsForStorage(frame)) return false
    const handler = this.door.router.find(key)
    if (!handler || version < handler.versions[0] || version > handler.versions[1]) {
      this.unsupported(header)
      return true
    }
    if (handler.alone && this.inFlight.length > 0) {
      this.hold(frame)
      return false
    }
    const { request: message } = handler.api
    if (message.isFlexible(version)) reader.skipTags()
    const request = message.codec(version).decode(reader)
    const bytes = estimateRequest(frame.length, reader.elements)
    const exchange = new Exchange(this, handler, header, request, bytes)
    this.memory.waitingBytes += bytes
    this.inFlight.push(exchange)
    if (handler.alone) this.alone = exchange
    this.door.countRequest(handler)
    try {
      const answer = handler.answer(exchange.request, exchange)
      if (isPromise(answer)) {
        if (!handler.pipelined) this.alone = exchange
        answer.then(
          value => this.answered(exchange, value),
          error => this.refused(exchange, error)
        )
      } else this.answered(exchange, answer)
    } catch (error) {
      this.refused(exchange, error)
    }
    return true
  }

  private hold(frame: Buffer): void {
    this.heldFrame = Buffer.from(frame)
    this.memory.heldFrameBytes = frame.length
  }

  private waitsForStorage(frame: Buffer): boolean {
    const { pressure } = this.door.broker
    if (!pressure?.over) return false
    this.hold(frame)
    this.awaitsStorage = true
    this.awaitStorage(pressure)
    return true
  }

  private awaitStorage(pressure: Pressure): void {
    pressure.relieved().then(() => {
      // Others that waited may have come first and filled it again.
      this.awaitsStorage = pressure.over && !this.closed
      if (this.awaitsStorage) this.awaitStorage(pressure)
      else this.process()
    })
  }

  private unsupported(header: RequestHeader): void {
    const { key, version } = header
    const handler = this.door.router.find(key)
    if (handler && key === apiVersionsKey && version > handler.versions[1]) {
      const exchange = new Exchange(this, handler, { ...header, version: 0 }, undefined, 0)
      this.inFlight.push(exchange)
      this.answered(exchange, unsupportedApiVersions)
    } else if (handler) this.refuse(`${handler.api.name} version ${version} is not served`)
    else this.refuse(`API key ${key} is not served`)
  }

  private refused(exchange: Exchange, error: unknown): void {
    const { handler, request, apiVersion } = exchange
    const code: ErrorCode = codeOf(error)
    if (!(error instanceof NaruError))
      this.door.logger.error({ ...this.name, api: handler.api.name, apiVersion, err: error }, 'request failed by a bug')
    const message = error instanceof NaruError ? error.message : 'The broker met an unexpected error.'
    let refusal: Answer<object>
    try {
      refusal = handler.refuse(request, code, message, apiVersion)
    } catch (cause) {
      this.door.logger.error({ ...this.name, api: handler.api.name, apiVersion, err: cause }, 'refusal failed')
      refusal = noResponse
    }
    if (refusal === noResponse) exchange.fail(message)
    this.answered(exchange, refusal, true)
  }

  private answered(exchange: Exchange, answer: Answer<object>, isRefusal = false): void {
    if (answer === noResponse) exchange.chunks = []
    else {
      exchange.release = answer.release
      if (this.closed) {
        answer.release?.()
        return
      }
      try {
        const startMs = this.door.clock.monotonic()
        exchange.chunks = this.door.encode(exchange, answer)
        if (!this.processing) this.share.tookBeside(this.door.clock.monotonic() - startMs)
        exchange.ownBytes = bytesOf(exchange.chunks) - (answer.borrowedBytes ?? 0)
      } catch (error) {
        exchange.release = undefined
        answer.release?.()
        if (isRefusal) {
          exchange.chunks = []
          this.door.logger.error({ ...this.name, api: exchange.handler.api.name, err: error }, 'refusal failed')
          exchange.fail(messageOf(error))
        } else {
          this.refused(exchange, error)
          return
        }
      }
    }
    if (this.inFlight[0] === exchange) this.moveOn()
    else this.memory.line(exchange, 1)
    if (this.alone === exchange) {
      this.alone = undefined
      this.schedule()
    }
  }

  /** Passes on the responses whose turn has come. */
  private moveOn(): void {
    let first = true
    for (let next = this.inFlight[0]; next?.chunks; next = this.inFlight[0]) {
      if (!first) this.memory.line(next, -1)
      first = false
      this.inFlight.shift()
      this.memory.waitingBytes -= next.heldBytes
      if (next.chunks.length > 0) this.output.push(next.chunks, next.release, next.ownBytes)
    }
    if (!this.processing) this.schedule()
  }

  /** Flushes and goes on at the end of the turn. */
  private schedule(): void {
    if (this.flushing) return
    this.flushing = true
    this.door.fairness.add(this)
  }

  /** Called by the door at the end of the turn in which responses were made. */
  flush(): void {
    this.flushing = false
    this.yielding = false
    this.output.flush()
    this.process()
  }

  private written(): void {
    // Not at once: a write may be done in its own turn, and others must have theirs.
    if (this.paused) this.schedule()
    else this.memory.account()
  }

  /** As `finish`, for what the client did wrong: a warning says why. */
  refuse(reason: string): void {
    if (this.finishing === undefined && !this.closed) {
      this.door.countDropped('malformed')
      this.door.clientLog.warn({ ...this.name, software: this.softwareName, reason }, 'closing connection')
    }
    this.finish(reason)
  }

  /** Reads no more, answers what is in flight and closes. */
  finish(reason: string): void {
    if (this.finishing !== undefined || this.closed) return
    this.finishing = reason
    this.finishingAtMs = this.door.clock.monotonic()
    this.door.logger.debug({ ...this.name, reason }, 'connection closes')
    if (!this.processing) this.settle()
  }

  /** Finds the idle and the stalled; costs O(1) per `checkMs` and connection, nothing per request. */
  private check(): void {
    const { clock, limits, checkMs } = this.door
    const nowMs = clock.monotonic()
    if (this.output.queuedBytes === 0 || this.output.piecesWritten !== this.piecesAtCheck) this.stalledAtMs = nowMs
    this.piecesAtCheck = this.output.piecesWritten
    const stalledMs = nowMs - this.stalledAtMs
    const idleMs = this.inFlight.length === 0 && !this.heldFrame ? nowMs - this.activeAtMs : 0
    if (stalledMs >= limits.writeStallMs) this.drop('the client does not read its responses', 'stalled')
    // What is still in flight may be a poll of weeks.
    else if (this.finishing !== undefined && nowMs - this.finishingAtMs >= limits.writeStallMs)
      this.drop(this.finishing, 'stalled')
    else if (idleMs >= limits.idleMaxMs) this.drop('idle', 'idle')
    else this.timer.arm(Math.min(checkMs, Math.max(1, Number(limits.idleMaxMs) - idleMs)))
  }

  /** Closes at once. */
  drop(reason: string, why: 'idle' | 'stalled' | 'memory'): void {
    if (this.closed || this.stream.destroyed) return
    this.door.countDropped(why)
    this.door.clientLog.info({ ...this.name, reason }, 'dropping connection')
    this.finishing ??= reason
    this.stream.destroy()
  }

  private close(): void {
    if (this.closed) return
    this.closed = true
    this.timer.cancel()
    for (const { release } of this.inFlight) release?.()
    this.inFlight = []
    this.heldFrame = undefined
    this.output.close()
    this.splitter.close()
    this.memory.close()
    const callbacks = [...this.closeCallbacks]
    this.closeCallbacks.clear()
    for (const callback of callbacks) callback()
    this.door.forget(this)
  }
}
