import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import {
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientUnaryCall,
  credentials,
  type Client as GrpcClient,
  Metadata,
  status
} from '@grpc/grpc-js'
import { Etcd3, type IOptions, type Services } from 'etcd3'
import type { Clock } from '../../std/clock.ts'

type Service = keyof typeof Services
type Method = (request: object, metadata: Metadata, done: (error: unknown, answer: unknown) => void) => ClientUnaryCall
type ServiceClient = new (address: string, credentials: ChannelCredentials, options: object) => GrpcClient
type StreamMethod = (metadata: Metadata) => ClientDuplexStream<object, unknown>

/** Files of a TLS connection, read. */
export interface TlsFiles {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
}

const receiveBytesMax = 64 * 1024 * 1024

/** Calls go through as they are: whoever calls decides what is asked again, and where. */
const once = { execute: (call: (context: object) => unknown) => call({ signal: new AbortController().signal }) }

const channelOptions = {
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // etcd takes a client that pings more often than every 5 s for a nuisance.
  'grpc.keepalive_time_ms': 6000,
  'grpc.keepalive_timeout_ms': 3000,
  'grpc.max_receive_message_length': receiveBytesMax
}

let connections = 0

/**
 * One connection to one etcd node, by the generated services of `etcd3` without its pool: that asks again on its own, a
 * transaction too whose answer was lost, and closes services under the calls of others.
 */
export class Endpoint extends Etcd3 {
  readonly address: string
  /** Whether it has answered, and belongs to the same etcd cluster as others that have. */
  verified = false
  private readonly streams = new Set<ClientDuplexStream<object, unknown>>()
  private readonly clients = new Map<Service, Promise<GrpcClient>>()
  private readonly grpcOptions: object
  private readonly clock: Clock
  /** Where the pool's don't do. */
  private readonly ownCredentials: ChannelCredentials | undefined

  constructor(address: string, tls: TlsFiles | undefined, clock: Clock) {
    // The number keeps gRPC from sharing a connection that has proved dead.
    const grpcOptions = { ...channelOptions, 'naru.connection': connections++ }
    const options = { hosts: address, grpcOptions, faultHandling: { host: () => once, global: once } }
    super({ ...options, ...poolCredentials(tls) } as unknown as IOptions)
    this.address = address
    this.clock = clock
    const ip = tls && ipOf(address)
    this.grpcOptions = ip ? { ...grpcOptions, 'grpc.ssl_target_name_override': anyServerName } : grpcOptions
    this.ownCredentials = ip ? credentialsFor(ip, tls) : undefined
  }

  /**
   * One request, one answer. Rejects with gRPC's error, or when there is none in time. gRPC's own deadlines are times of day: where the
   * clock is set, etcd would be told that there is no time left.
   */
  async call<T>(service: Service, method: string, request: object, timeoutMs: number, token?: string): Promise<T> {
    const client = await this.client(service)
    return new Promise((resolve, reject) => {
      const call = (client as unknown as Record<string, Method>)[method]
      const underWay = call.call(client, request, metadataOf(token), (error, answer) => {
        timer.cancel()
        if (error) reject(error)
        else resolve(answer as T)
      })
      const timer = this.clock.after(timeoutMs, () => {
        reject(new Error(`no answer within ${Math.round(timeoutMs)} ms`))
        underWay.cancel()
      })
    })
  }

  /** A stream both ways; it ends with an error when this node has lost its etcd cluster's leader. */
  async stream<Request extends object, Answer>(
    service: Service,
    method: string,
    token?: string
  ): Promise<ClientDuplexStream<Request, Answer>> {
    const client = await this.client(service)
    const metadata = metadataOf(token)
    metadata.set('hasleader', 'true')
    const open = (client as unknown as Record<string, StreamMethod>)[method]
    const stream = open.call(client, metadata)
    this.streams.add(stream)
    stream.once('close', () => this.streams.delete(stream))
    return stream as ClientDuplexStream<Request, Answer>
  }

  endStreams(): void {
    for (const stream of this.streams) stream.cancel()
  }

  /** Ends its streams; requests under way are still waited for. */
  end(): void {
    this.verified = false
    this.endStreams()
    this.close()
    if (!this.ownCredentials) return
    for (const client of this.clients.values())
      client.then(
        own => own.close(),
        () => {}
      )
  }

  private client(service: Service): Promise<GrpcClient> {
    let client = this.clients.get(service)
    if (!client) {
      client = this.pool.withConnection(service, ({ client }) => this.withOwnCredentials(client as GrpcClient))
      this.clients.set(service, client)
    }
    return client
  }

  /** The pool's client has not connected yet, and never does where another one stands for it. */
  private withOwnCredentials(client: GrpcClient): GrpcClient {
    if (!this.ownCredentials) return client
    return new (client.constructor as ServiceClient)(hostOf(this.address), this.ownCredentials, this.grpcOptions)
  }
}

/** Whether a stream's error only says that this side ended it. */
export function isCancelled(error: unknown): boolean {
  return (error as { code?: unknown }).code === status.CANCELLED
}

function metadataOf(token: string | undefined): Metadata {
  const metadata = new Metadata()
  if (token !== undefined) metadata.set('token', token)
  return metadata
}

function poolCredentials(tls: TlsFiles | undefined): Partial<IOptions> {
  if (!tls) return {}
  const { ca = null, cert = null, key = null } = tls
  return { credentials: { rootCertificate: ca, privateKey: key, certChain: cert } } as unknown as Partial<IOptions>
}

/**
 * TLS has no server names that are IP addresses (RFC 6066), and Node warns who sends one; gRPC sends one always. So an
 * address is sent this name, by which etcd chooses nothing, and its certificate is held against the address.
 */
const anyServerName = 'etcd'

function credentialsFor(ip: string, { ca, cert, key }: TlsFiles): ChannelCredentials {
  return credentials.createSsl(ca ?? null, key ?? null, cert ?? null, {
    checkServerIdentity: (_name, shown) => checkServerIdentity(ip, shown)
  })
}

const hostOf = (address: string): string => address.replace(/^https?:\/\//, '')

/** The IP address that an endpoint is named by; undefined where it has a name. */
function ipOf(address: string): string | undefined {
  const host = hostOf(address).replace(/:\d+$/, '')
  const bare = host.startsWith('[') ? host.slice(1, -1) : host
  return isIP(bare) > 0 ? bare : undefined
}
