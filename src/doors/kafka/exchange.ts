import type { Broker } from '../../broker/broker.ts'
import type { RequestHeader } from '../../wire/kafka/headers.ts'
import type { Connection } from './connection.ts'
import type { Handler, RequestContext } from './handler.ts'

/** One request and its answer to be: what a handler sees as its context, and what waits for its turn in the output. */
export class Exchange implements RequestContext {
  readonly handler: Handler
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly request: unknown
  /** Set when it is answered: the response's bytes, none for `noResponse`. */
  chunks: readonly Buffer[] | undefined
  release: (() => void) | undefined
  /** Of the response's bytes, those that are its own memory. */
  ownBytes = 0
  /** What it is estimated to take until it is answered. */
  readonly heldBytes: number
  private readonly connection: Connection

  constructor(connection: Connection, handler: Handler, header: RequestHeader, request: unknown, heldBytes: number) {
    this.connection = connection
    this.handler = handler
    this.apiVersion = header.version
    this.correlationId = header.correlationId
    this.clientId = header.clientId
    this.request = request
    this.heldBytes = heldBytes
  }

  get broker(): Broker {
    return this.connection.door.broker
  }

  get clientSoftwareName(): string {
    return this.connection.softwareName
  }

  get clientSoftwareVersion(): string {
    return this.connection.softwareVersion
  }

  get clientHost(): string {
    return this.connection.peer.host
  }

  get connectionId(): number {
    return this.connection.id
  }

  get localPort(): number {
    return this.connection.peer.localPort
  }

  get responseRoom(): number {
    return Math.max(1, this.connection.door.bounds.responseRoom)
  }

  reserve(bytes: number): () => void {
    return this.connection.reserve(bytes)
  }

  onClose(callback: () => void): () => void {
    return this.connection.onClose(callback)
  }

  introduce(softwareName: string, softwareVersion: string): void {
    this.connection.softwareName = softwareName
    this.connection.softwareVersion = softwareVersion
  }

  fail(reason: string): void {
    this.connection.refuse(`${this.handler.api.name}: ${reason}`)
  }
}
