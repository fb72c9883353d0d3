import { createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../std/clock.ts'
import { messageOf } from '../../std/errors.ts'
import type { Logger } from '../../std/log.ts'
import type { Metrics } from '../../std/metrics.ts'
import { ThrottledLog } from '../../std/throttled-log.ts'
import { type ListenerLimits, overridesOf } from './options.ts'
import { Rate } from './rate.ts'
import { readInPlace } from './read-in-place.ts'

/** Where a connection comes from and came in. */
export interface Remote {
  readonly host: string
  readonly port: number
  readonly localPort: number
}

/**
 * Serves a connection; gives how to ask it to finish what it does and close. The bytes of a 'data' event are valid
 * during the event only.
 */
export type Serve = (stream: Duplex, remote: Remote) => { finish(reason: string): void }

export interface ListenOptions {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
  /** Read for every connection: they may change meanwhile. */
  readonly limits: ListenerLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** A port that is listened on. */
export interface Listener {
  readonly host: string
  readonly port: number
  /** Accepts no more, lets connections finish for `graceMs` at most, then drops them; resolves when all are closed. */
  close(graceMs: number): Promise<void>
}

/** A hundred clients that start together must all get in: the system's default cuts some off. */
const backlog = 4096

/** The limits of single addresses, taken apart when they change. */
class Overrides {
  private text = ''
  private byHost: ReadonlyMap<string, number> = new Map()

  of(host: string, { connectionsPerHostOverrides: text }: ListenerLimits): number | undefined {
    if (text !== this.text) {
      this.byHost = overridesOf(text).limits
      this.text = text
    }
    return this.byHost.get(host)
  }
}

/** Listens for TCP connections. Rejects when the port can't be had. */
export async function listen(options: ListenOptions, serve: Serve): Promise<Listener> {
  const { clock, logger, metrics, limits } = options
  const overrides = new Overrides()
  const rate = new Rate(clock, () => limits.creationRateMax)
  const refusals = new ThrottledLog(logger, clock)
  const refused = metrics.counter('naru_connections_refused_total', 'Connections closed because there were too many.')
  const accepted = metrics.counter('naru_connections_accepted_total', 'Connections accepted.')
  const sockets = new Map<Socket, { finish(reason: string): void }>()
  const perHost = new Map<string, number>()

  const accept = (socket: Socket) => {
    const host = plainHost(socket.remoteAddress)
    const count = (perHost.get(host) ?? 0) + 1
    if (sockets.size >= limits.connectionsMax || count > (overrides.of(host, limits) ?? limits.connectionsPerHostMax)) {
      refused.add()
      refusals.warn({ peer: host, connections: sockets.size, fromHost: count }, 'too many connections')
      socket.destroy()
      return
    }
    accepted.add()
    perHost.set(host, count)
    socket.once('close', () => {
      sockets.delete(socket)
      const left = (perHost.get(host) as number) - 1
      if (left > 0) perHost.set(host, left)
      else perHost.delete(host)
    })
    const remote = { host, port: socket.remotePort ?? 0, localPort: socket.localPort ?? 0 }
    const serveNow = () => {
      if (socket.destroyed) return
      readInPlace(socket)
      sockets.set(socket, serve(socket, remote))
    }
    sockets.set(socket, { finish: () => socket.destroy() })
    // Nothing is read of it, and a client that gives up is not noticed, before its turn.
    socket.on('error', ignore)
    rate.take(serveNow)
  }

  const server = createServer({ noDelay: true, keepAlive: true }, accept)
  await started(server, options)
  server.on('error', error => refusals.error({ error: messageOf(error) }, 'listener failed'))
  const { port } = server.address() as { port: number }

  return {
    host: options.host,
    port,
    close(graceMs) {
      return new Promise(resolve => {
        const timer = clock.after(graceMs, () => {
          for (const socket of sockets.keys()) socket.destroy()
        })
        server.close(() => {
          timer.cancel()
          rate.close()
          resolve()
        })
        for (const connection of sockets.values()) connection.finish('the broker is stopping')
      })
    }
  }
}

function started(server: Server, { host, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

const ignore = () => {}

/** An IPv4 address as such where the system wraps it in an IPv6 one. */
function plainHost(address: string | undefined): string {
  return address?.startsWith('::ffff:') ? address.slice(7) : (address ?? 'unknown')
}
