import { Duplex } from 'node:stream'
import type { Listener, ListenOptions, Serve } from '../../src/doors/listener/tcp.ts'
import type { Clock } from '../../src/std/clock.ts'
import { below, type Random } from '../../src/std/random.ts'

/** How a simulated machine is named on the network: its node, or `client-…`. */
export type Host = string

/** One direction of a connection: bytes arrive in order, after a latency, and not while the two are cut off. */
class Pipe {
  private readonly network: SimNetwork
  private readonly from: Host
  private readonly to: Host
  private readonly held: (() => void)[] = []
  private lastMs = 0
  deliver: (chunk: Buffer | null) => void = () => {}

  constructor(network: SimNetwork, from: Host, to: Host) {
    this.network = network
    this.from = from
    this.to = to
  }

  send(chunk: Buffer | null): void {
    const { clock } = this.network
    const arriveMs = Math.max(this.lastMs, clock.monotonic() + this.network.latencyMs())
    this.lastMs = arriveMs
    clock.after(arriveMs - clock.monotonic(), () => {
      const arrive = () => this.deliver(chunk)
      if (this.held.length > 0 || this.network.isCut(this.from, this.to)) {
        if (this.held.push(arrive) === 1) this.network.onHeal(() => this.release())
      } else arrive()
    })
  }

  private release(): void {
    if (this.network.isCut(this.from, this.to)) this.network.onHeal(() => this.release())
    else for (const arrive of this.held.splice(0)) arrive()
  }
}

/** One end of a connection. */
class End extends Duplex {
  private readonly out: Pipe
  private readonly network: SimNetwork

  constructor(network: SimNetwork, out: Pipe, into: Pipe) {
    super({ allowHalfOpen: false })
    this.network = network
    this.out = out
    into.deliver = chunk => {
      if (!this.destroyed) this.push(chunk)
    }
    network.open(this)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // A copy: the writer's buffer is its own again when the write is done.
    this.out.send(Buffer.from(chunk))
    done()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.out.send(null)
    done()
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.network.closed(this)
    this.out.send(null)
    done(error)
  }
}

/** Connections between simulated machines, on a simulated clock, from a seed. */
export class SimNetwork {
  readonly clock: Clock
  private readonly random: Random
  private readonly listeners = new Map<Host, Serve>()
  private readonly ends = new Map<End, Host>()
  private readonly cuts = new Set<string>()
  private healing: (() => void)[] = []
  private connecting: Host = ''
  latencyMaxMs = 2

  constructor(clock: Clock, random: Random) {
    this.clock = clock
    this.random = random
  }

  latencyMs(): number {
    return 0.05 + (below(this.random, 1000) / 1000) * this.latencyMaxMs
  }

  isCut(a: Host, b: Host): boolean {
    return this.cuts.has(pair(a, b))
  }

  cut(a: Host, b: Host): void {
    this.cuts.add(pair(a, b))
  }

  healAll(): void {
    this.cuts.clear()
    for (const heal of this.healing.splice(0)) heal()
  }

  onHeal(heal: () => void): void {
    this.healing.push(heal)
  }

  /** Listens as a node; its port is of no interest. */
  listen(host: Host, { port }: ListenOptions, serve: Serve): Listener {
    this.listeners.set(host, serve)
    return {
      host,
      port,
      close: async () => this.unplug(host, serve)
    }
  }

  /** The process on a machine is gone: nobody listens, its connections are reset. */
  unplug(host: Host, serve?: Serve): void {
    if (serve && this.listeners.get(host) !== serve) return
    this.listeners.delete(host)
    for (const [end, owner] of this.ends) if (owner === host) end.destroy()
  }

  async connect(from: Host, to: Host): Promise<Duplex> {
    await this.passing(this.latencyMs())
    if (this.isCut(from, to)) {
      await this.passing(1000)
      throw Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' })
    }
    const serve = this.listeners.get(to)
    if (!serve) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const there = new Pipe(this, from, to)
    const back = new Pipe(this, to, from)
    this.connecting = from
    const client = new End(this, there, back)
    this.connecting = to
    const server = new End(this, back, there)
    serve(server, { host: from, port: 1, localPort: 9092 })
    return client
  }

  open(end: End): void {
    this.ends.set(end, this.connecting)
  }

  closed(end: End): void {
    this.ends.delete(end)
  }

  private passing(ms: number): Promise<void> {
    return new Promise(resolve => this.clock.after(ms, resolve))
  }
}

function pair(a: Host, b: Host): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`
}
