import type { IAuthenticateResponse, IStatusResponse, Services } from 'etcd3'
import { type Clock, sleep } from '../../std/clock.ts'
import type { Logger } from '../../std/log.ts'
import { ThrottledLog } from '../../std/throttled-log.ts'
import { MetastoreError } from '../metastore.ts'
import { Endpoint, type TlsFiles } from './endpoint.ts'
import { detailsOf, meaningOf, unavailable } from './failure.ts'

export interface ConnectionOptions {
  /** `host:port`, at least one; the first is tried first. */
  readonly addresses: readonly string[]
  readonly tls?: TlsFiles
  readonly user?: { readonly name: string; readonly password: string }
  /** How long a request may take in all; a transaction that isn't answered by then is `unavailable`. */
  readonly requestTimeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/** A node that doesn't answer is asked again, or another is, after so long. Constant: nobody waits longer than etcd is away. */
export const retryMs = 200
const probeTimeoutMs = 2000

type Service = keyof typeof Services

/** A stream that was opened, and where. */
export interface OpenStream<Request extends object, Answer> {
  readonly endpoint: Endpoint
  readonly token: string | undefined
  readonly stream: Awaited<ReturnType<typeof Endpoint.prototype.stream<Request, Answer>>>
}

/**
 * All endpoints of one etcd. One of them is asked, and all streams are open there; when it gives no answer in time, or has
 * no leader, all move on to the next that has proved to answer. A request that changes something is sent once.
 */
export class Connection {
  readonly clock: Clock
  readonly logger: Logger
  /** For what is tried again and again. */
  readonly repeated: ThrottledLog
  readonly requestTimeoutMs: number
  private readonly options: ConnectionOptions
  private readonly endpoints: Endpoint[]
  private readonly underWay = new Set<Promise<unknown>>()
  /** Which endpoint is asked. */
  private at = 0
  private probing: Promise<void> | undefined
  private login: Promise<string | undefined> | undefined
  /** The etcd cluster that this is a connection to. Endpoints of another one are not used: revisions would mean nothing. */
  private clusterId: string | undefined
  private failure = 'not connected yet'
  private reported = false
  private closing = false

  constructor(options: ConnectionOptions) {
    this.options = options
    this.clock = options.clock
    this.logger = options.logger
    this.repeated = new ThrottledLog(options.logger, options.clock, 1)
    this.requestTimeoutMs = options.requestTimeoutMs
    this.endpoints = options.addresses.map(address => new Endpoint(address, options.tls, options.clock))
  }

  get closed(): boolean {
    return this.closing
  }

  /** Asks what may be asked again: other endpoints get to answer, until the time for a request is over. */
  read<Answer>(service: Service, method: string, request: object): Promise<Answer> {
    return this.tracked(this.perform(service, method, request, true))
  }

  /** Asks for a change. `unavailable`: nobody knows whether it was made. */
  write<Answer>(service: Service, method: string, request: object): Promise<Answer> {
    return this.tracked(this.perform(service, method, request, false))
  }

  /** Opens a stream, as soon as an endpoint answers. It is cancelled when its endpoint fails. */
  async open<Request extends object, Answer>(service: Service, method: string): Promise<OpenStream<Request, Answer>> {
    const endpoint = await this.connected(Number.POSITIVE_INFINITY)
    const token = await this.token(endpoint, probeTimeoutMs)
    const stream = await endpoint.stream<Request, Answer>(service, method, token)
    return { endpoint, token, stream }
  }

  /** A stream or request at this endpoint came to nothing. */
  failed(endpoint: Endpoint, token: string | undefined, error: unknown): void {
    if (meaningOf(error) === 'token') this.logOut(token)
    else this.fail(endpoint, error)
  }

  /** The session with this token is over. */
  logOut(token: string | undefined): void {
    const { login } = this
    void login?.then(current => {
      if (current === token && this.login === login) this.login = undefined
    })
  }

  /** Resolves when what is under way is answered. */
  async close(): Promise<void> {
    this.closing = true
    for (const endpoint of this.endpoints) endpoint.endStreams()
    await Promise.allSettled([...this.underWay])
    for (const endpoint of this.endpoints) endpoint.end()
  }

  private async perform<Answer>(service: Service, method: string, request: object, isRead: boolean): Promise<Answer> {
    const until = this.clock.monotonic() + this.requestTimeoutMs
    for (let logins = 0; ; ) {
      const endpoint = await this.connected(until)
      let token: string | undefined
      let isSent = false
      try {
        token = await this.token(endpoint, this.left(until, true))
        isSent = true
        return await endpoint.call<Answer>(service, method, request, this.left(until, isRead), token)
      } catch (error) {
        const meaning = meaningOf(error)
        if (meaning instanceof MetastoreError) throw meaning
        if (meaning === 'token') {
          if (!this.options.user || ++logins > 2) throw noAccess(error)
          this.logOut(token)
          await this.login?.catch(() => {})
          continue
        }
        if (meaning === 'silent') this.fail(endpoint, error)
        if ((meaning === 'silent' && isSent && !isRead) || this.clock.monotonic() + retryMs > until)
          throw unavailable(`etcd at ${endpoint.address} gave no answer: ${detailsOf(error)}`, error)
        await sleep(this.clock, retryMs)
      }
    }
  }

  private left(until: number, isRead: boolean): number {
    const leftMs = Math.max(1, until - this.clock.monotonic())
    // Where another endpoint may be asked the first must leave it time.
    return isRead ? Math.min(leftMs, Math.max(leftMs / 2, probeTimeoutMs)) : leftMs
  }

  /** An endpoint that has answered and not failed since. */
  private async connected(until: number): Promise<Endpoint> {
    for (;;) {
      // Calls that are under way are answered first; streams are not.
      if (this.closing && until === Number.POSITIVE_INFINITY)
        throw new MetastoreError('closed', 'the metastore is closed')
      const endpoint = this.endpoints[this.at]
      if (endpoint.verified) return endpoint
      this.probing ??= this.probe().finally(() => {
        this.probing = undefined
      })
      const leftMs = until - this.clock.monotonic()
      await (leftMs === Number.POSITIVE_INFINITY
        ? this.probing
        : Promise.race([this.probing, sleep(this.clock, Math.max(0, leftMs))]))
      if (this.endpoints[this.at].verified) continue
      if (this.clock.monotonic() + retryMs > until) throw unavailable(`etcd does not answer: ${this.failure}`)
      await sleep(this.clock, retryMs)
    }
  }

  /** Asks one endpoint after the other until one answers that is in touch with its cluster. */
  private async probe(): Promise<void> {
    for (let count = 0; count < this.endpoints.length; count++) {
      const endpoint = this.endpoints[this.at]
      try {
        const { header, leader } = await endpoint.call<IStatusResponse>('Maintenance', 'status', {}, probeTimeoutMs)
        this.clusterId ??= header.cluster_id
        if (header.cluster_id !== this.clusterId) throw new Error('it belongs to another etcd cluster')
        if (Number(leader) === 0) throw new Error('it knows no leader')
      } catch (error) {
        if (!isRefusal(error)) {
          this.fail(endpoint, error)
          continue
        }
      }
      endpoint.verified = true
      if (this.reported) this.logger.info({ endpoint: endpoint.address }, 'etcd answers again')
      this.reported = false
      return
    }
  }

  private fail(endpoint: Endpoint, error: unknown): void {
    const index = this.endpoints.indexOf(endpoint)
    if (index < 0) return
    this.failure = `${endpoint.address}: ${detailsOf(error)}`
    if (!this.closing && endpoint.verified) {
      this.reported = true
      this.logger.warn({ endpoint: endpoint.address, error: detailsOf(error) }, 'an etcd endpoint does not answer')
    }
    // A new connection: the old one may be dead without anybody having said so.
    this.endpoints[index] = new Endpoint(endpoint.address, this.options.tls, this.clock)
    if (this.at === index) this.at = (index + 1) % this.endpoints.length
    endpoint.end()
  }

  private token(endpoint: Endpoint, timeoutMs: number): Promise<string | undefined> {
    const { user } = this.options
    if (!user) return Promise.resolve(undefined)
    this.login ??= endpoint
      .call<IAuthenticateResponse>('Auth', 'authenticate', user, timeoutMs)
      .then(({ token }) => token)
      .catch(error => {
        if (detailsOf(error).includes('authentication is not enabled')) return undefined
        this.login = undefined
        throw error
      })
    return this.login
  }

  private async tracked<T>(call: Promise<T>): Promise<T> {
    this.underWay.add(call)
    try {
      return await call
    } finally {
      this.underWay.delete(call)
    }
  }
}

/** Whether an endpoint answered, if only that it answers others. */
function isRefusal(error: unknown): boolean {
  const meaning = meaningOf(error)
  return meaning === 'token' || (meaning instanceof MetastoreError && meaning.kind === 'denied')
}

function noAccess(error: unknown): MetastoreError {
  return new MetastoreError('denied', `etcd wants a user and a password that it knows: ${detailsOf(error)}`, {
    cause: error
  })
}
