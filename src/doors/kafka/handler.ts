import type { Broker } from '../../broker/broker.ts'
import type { Api, RequestOf, ResponseOf, Versions } from '../../schema/message.ts'
import type { ErrorCode } from '../../std/errors.ts'

/** Returned in place of a response when the client expects none (acks=0). */
export const noResponse = Symbol('noResponse')

/**
 * What a handler answers. `release` is called exactly once, when the response's bytes were written or can't be any
 * more: the bytes of `records` fields must stay as they are until then. `borrowedBytes`: how many of them are in memory that
 * somebody else counts.
 */
export type Answer<S> = (S & { readonly release?: () => void; readonly borrowedBytes?: number }) | typeof noResponse

/** Who asks, and what for: made per request, valid as long as anyone keeps it. */
export interface RequestContext {
  readonly broker: Broker
  readonly apiVersion: number
  /** From the request's header. */
  readonly clientId: string | null
  /** As the client introduced itself in ApiVersions (KIP-511); empty before. */
  readonly clientSoftwareName: string
  readonly clientSoftwareVersion: string
  /** The peer's address, without the port. */
  readonly clientHost: string
  /** Unique among the connections of this process. */
  readonly connectionId: number
  /** The listener's port that the client came in on. */
  readonly localPort: number
  /** Bytes that the answer may hold while memory for responses is short; ask when the answer is made. */
  readonly responseRoom: number
  /**
   * So many bytes are being read for the answer, from files: the connection begins no further request, and others see less
   * room, until the returned function is called.
   */
  reserve(bytes: number): () => void
  /** Calls back once, when the connection has ended (at once if it has); returns how to unsubscribe. */
  onClose(callback: () => void): () => void
  /** Remembers how the client introduced itself; ApiVersions' handler calls it. */
  introduce(softwareName: string, softwareVersion: string): void
  /** Ends the connection once earlier requests are answered, for breaches that have no answer (an error with acks=0); logged with the reason. */
  fail(reason: string): void
}

/** One API as this door serves it. */
export interface Handler<A extends AnyApi = AnyApi> {
  readonly api: A
  /** The versions served; ApiVersions and docs/protocol.md are read off them. */
  readonly versions: Versions
  /** Whether further requests of a connection are begun before this one is answered. */
  readonly pipelined: boolean
  /** The lowest version that ApiVersions names where that differs from what is served (KAFKA-18659). */
  readonly advertisedMin: number
  /** Whether it begins when everything before it on its connection is answered, and nothing begins before it is. */
  readonly alone: boolean
  /**
   * Called in the order of the requests and in the turn that read them; what must keep that order (a place in the
   * log) is done before the first await. Slices of `records` fields are valid until the first await: the bytes they
   * lie in are used for the next request.
   */
  answer(request: unknown, context: RequestContext): Answer<object> | Promise<Answer<object>>
  /** The response that says that the whole request failed; `noResponse` closes the connection. */
  refuse(request: unknown, code: ErrorCode, message: string, version: number): object | typeof noResponse
}

/** Handlers of all APIs live in one table, so their types are erased there; `handler` checks them before. */
export type AnyApi = Api

interface Serving<A> {
  versions: Versions
  advertisedMin?: number
  /**
   * For requests that change what others see: Kafka serves a connection one request at a time, and clients count on
   * it when they send an admin request and ask about its effect before it is answered.
   */
  alone?: boolean
  /**
   * For requests that come many at a time, or that wait long: the next ones of the connection are begun before it is
   * answered. All others are worked on one at a time, so that a connection can't have a hundred large answers made at
   * once.
   */
  pipelined?: boolean
  /** How long the client gives the request, which is refused with REQUEST_TIMED_OUT then (see `withinTimeout`). */
  timeoutMs?(request: RequestOf<A>): number
  /**
   * How a failure of the whole request is answered: the error code wherever the response has a place for one. Used
   * when `answer` throws or rejects.
   */
  refuse(request: RequestOf<A>, code: ErrorCode, message: string, version: number): ResponseOf<A> | typeof noResponse
}

/** Declares how an API is served. `answer` may throw NaruError; anything else is logged and UNKNOWN_SERVER_ERROR. */
export function handler<A extends AnyApi>(
  api: A,
  serving: Serving<A>,
  answer: (request: RequestOf<A>, context: RequestContext) => Answer<ResponseOf<A>> | Promise<Answer<ResponseOf<A>>>
): Handler<A> {
  const { versions, advertisedMin = versions[0], alone = false, pipelined = false, timeoutMs, refuse } = serving
  const timed =
    timeoutMs &&
    ((request: RequestOf<A>, context: RequestContext) =>
      context.broker.withinTimeout(timeoutMs(request), async () => answer(request, context)))
  return {
    api,
    versions,
    pipelined,
    advertisedMin,
    alone,
    answer: (timed ?? answer) as Handler['answer'],
    refuse: refuse as Handler['refuse']
  }
}

/** Whether an answer is still to come. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T>).then === 'function'
}
