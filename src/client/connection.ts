import type { Duplex } from 'node:stream'
import { DecodeError } from '../schema/errors.ts'
import type { Api, DecodedResponseOf, RequestInputOf, Versions } from '../schema/message.ts'
import { Reader } from '../schema/reader.ts'
import { Writer } from '../schema/writer.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { messageOf, NaruError } from '../std/errors.ts'
import { FrameSplitter } from '../wire/kafka/frames.ts'
import {
  apiVersionsKey,
  readResponseHeader,
  responseHeaderIsFlexible,
  writeRequestHeader
} from '../wire/kafka/headers.ts'
import { ApiVersions } from '../wire/kafka/messages/api-versions.ts'
import { spoken } from './versions.ts'

export interface ConnectionOptions {
  readonly clock: Clock
  readonly clientId: string
  /** A request unanswered for so long closes the connection: what comes after it cannot be trusted to come either. */
  readonly requestTimeoutMs: number
  /** The same for the first one, which asks for versions. Default `requestTimeoutMs`. */
  readonly setupTimeoutMs?: number
  /** Longer responses are refused. */
  readonly frameBytesMax: number
}

interface Pending {
  readonly correlationId: number
  readonly api: Api
  readonly version: number
  readonly timer: Timer
  resolve(response: unknown): void
  reject(error: Error): void
}

/**
 * One connection to a broker. Requests may be sent at any time; they are pipelined, and answered in order. Every failure
 * is a NaruError; NETWORK_EXCEPTION and REQUEST_TIMED_OUT mean that the request may or may not have been served.
 */
export class Connection {
  /** The other end, for messages. */
  readonly address: string
  private readonly stream: Duplex
  private readonly options: ConnectionOptions
  private readonly frames: FrameSplitter
  private readonly writer = new Writer(4096)
  private readonly pending: Pending[] = []
  private readonly versions = new Map<number, readonly [number, number]>()
  private nextCorrelationId = 0
  private corked = false
  private failure: NaruError | undefined

  /** Speaks over `stream` and learns the broker's versions. Rejects with NETWORK_EXCEPTION or REQUEST_TIMED_OUT. */
  static async open(stream: Duplex, address: string, options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(stream, address, options)
    try {
      await connection.negotiate()
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  private constructor(stream: Duplex, address: string, options: ConnectionOptions) {
    this.stream = stream
    this.address = address
    this.options = options
    this.frames = new FrameSplitter(options.frameBytesMax)
    stream.on('data', (chunk: Buffer) => this.receive(chunk))
    stream.on('error', error => this.fail(`lost the connection: ${messageOf(error)}`))
    stream.on('end', () => this.fail('closed the connection'))
    stream.on('close', () => this.fail('closed the connection'))
  }

  get closed(): boolean {
    return this.failure !== undefined
  }

  /** The newest version of `api` that both sides speak. Throws UNSUPPORTED_VERSION. */
  versionOf(api: Api, [oldest, newest] = spoken(api)): number {
    const theirs = this.versions.get(api.key)
    const version = theirs ? Math.min(newest, theirs[1]) : -1
    if (!theirs || version < Math.max(oldest, theirs[0]))
      throw new NaruError(
        'UNSUPPORTED_VERSION',
        `The broker at ${this.address} ${theirs ? `speaks versions ${theirs.join(' to ')} of` : 'does not serve'} ${api.name}; this client speaks ${oldest} to ${newest}.`
      )
    return version
  }

  /**
   * Sends a request and resolves with its response. `waitMs` is time that the broker is asked to take, on top of the
   * time-out. Throws or rejects with NaruError.
   */
  request<A extends Api>(api: A, body: RequestInputOf<A>, waitMs = 0): Promise<DecodedResponseOf<A>> {
    return this.exchange(api, this.versionOf(api), body, waitMs) as Promise<DecodedResponseOf<A>>
  }

  /** `request` in the newest of the versions from `versions[0]` to `versions[1]` that the broker has. */
  requestWithin<A extends Api>(
    api: A,
    versions: Versions,
    body: RequestInputOf<A>,
    waitMs = 0
  ): Promise<DecodedResponseOf<A>> {
    return this.exchange(api, this.versionOf(api, versions), body, waitMs) as Promise<DecodedResponseOf<A>>
  }

  /** Sends a request that has no response (Produce with acks=0). */
  send<A extends Api>(api: A, body: RequestInputOf<A>): void {
    if (this.failure) throw this.failure
    this.write(api, this.versionOf(api), body)
  }

  /** Closes at once; open requests are rejected. */
  close(): void {
    this.fail('was closed by this client')
  }

  private async negotiate(): Promise<void> {
    const body = { clientSoftwareName: 'naru', clientSoftwareVersion: '1' }
    const { requestTimeoutMs, setupTimeoutMs = requestTimeoutMs } = this.options
    const waitMs = Math.min(0, setupTimeoutMs - requestTimeoutMs)
    let response = (await this.exchange(ApiVersions, 3, body, waitMs)) as DecodedResponseOf<typeof ApiVersions>
    if (response.errorCode === unsupportedVersion)
      response = (await this.exchange(ApiVersions, 0, {}, waitMs)) as DecodedResponseOf<typeof ApiVersions>
    for (const { apiKey, minVersion, maxVersion } of response.apiKeys)
      this.versions.set(apiKey, [minVersion, maxVersion])
  }

  private exchange(api: Api, version: number, body: unknown, waitMs: number): Promise<unknown> {
    if (this.failure) return Promise.reject(this.failure)
    const correlationId = this.write(api, version, body)
    return new Promise((resolve, reject) => {
      const timer = this.options.clock.after(this.options.requestTimeoutMs + waitMs, () =>
        this.fail(`did not answer ${api.name} within ${this.options.requestTimeoutMs + waitMs} ms`, 'REQUEST_TIMED_OUT')
      )
      this.pending.push({ correlationId, api, version, timer, resolve, reject })
    })
  }

  private write(api: Api, version: number, body: unknown): number {
    const correlationId = this.nextCorrelationId
    this.nextCorrelationId = (correlationId + 1) & 0x7fffffff
    const writer = this.writer
    const mark = writer.mark()
    try {
      const slot = writer.slot()
      const start = writer.bytesWritten
      const flexible = api.request.isFlexible(version)
      writeRequestHeader(writer, { key: api.key, version, correlationId, clientId: this.options.clientId }, flexible)
      api.request.codec(version).encode(writer, body)
      writer.fill(slot, writer.bytesWritten - start)
    } catch (error) {
      writer.reset(mark)
      throw error
    }
    this.cork()
    for (const chunk of writer.take()) this.stream.write(chunk)
    return correlationId
  }

  /** Requests of one tick leave in one write. */
  private cork(): void {
    if (this.corked) return
    this.corked = true
    this.stream.cork()
    queueMicrotask(() => {
      this.corked = false
      this.stream.uncork()
    })
  }

  private receive(chunk: Buffer): void {
    if (this.failure) return
    try {
      this.frames.push(chunk)
      for (let frame = this.frames.next(); frame; frame = this.frames.next()) this.accept(frame)
    } catch (error) {
      this.fail(`sent what is no Kafka response: ${messageOf(error)}`)
    }
  }

  private accept(frame: Buffer): void {
    const pending = this.pending[0]
    if (!pending) throw new DecodeError('a response that nobody asked for')
    const { api } = pending
    let { version } = pending
    const reader = new Reader(frame)
    // An unknown version of ApiVersions is answered in version 0, whatever was asked (KIP-511).
    if (api.key === apiVersionsKey && frame.length >= 6 && frame.readInt16BE(4) === unsupportedVersion) version = 0
    const correlationId = readResponseHeader(
      reader,
      responseHeaderIsFlexible(api.key, api.response.isFlexible(version))
    )
    if (correlationId !== pending.correlationId)
      throw new DecodeError(`a response to request ${correlationId} in place of ${pending.correlationId}`)
    const response = api.response.codec(version).decode(reader)
    this.pending.shift()
    pending.timer.cancel()
    pending.resolve(response)
  }

  private fail(why: string, code: 'NETWORK_EXCEPTION' | 'REQUEST_TIMED_OUT' = 'NETWORK_EXCEPTION'): void {
    if (this.failure) return
    this.failure = new NaruError(code, `The broker at ${this.address} ${why}.`)
    this.stream.destroy()
    this.frames.close()
    for (const { timer, reject } of this.pending.splice(0)) {
      timer.cancel()
      reject(this.failure)
    }
  }
}

const unsupportedVersion = 35
