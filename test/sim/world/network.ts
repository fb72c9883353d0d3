import { Duplex } from 'node:stream'
import type { Listener, ListenOptions, Serve } from '../../../src/doors/listener/tcp.ts'
import type { Clock } from '../../../src/std/clock.ts'
import { below, chance, type Random } from '../../../src/std/random.ts'
import type { Life } from './life.ts'

/** How a simulated machine is named on the network: its node, or a client's name. */
export type Host = string

const connectTimeoutMs = 1000

/** One direction of a connection: bytes arrive in order, after a latency, and not while that way is cut off. */
class Pipe {
  private readonly network: SimNetwork
  private readonly from: Host
  private readonly to: Host
  private readonly held: (() => void)[] = []
  private lastMs = 0
  /** The end that hears, and the one that speaks. */
  receiver: End | undefined
  sender: End | undefined

  constructor(network: SimNetwork, from: Host, to: Host) {
    this.network = network
    this.from = from
    this.to = to
  }

  send(chunk: Buffer | null): void {
    this.later(() => this.receiver?.hear(chunk))
  }

  reset(): void {
    this.later(() => this.receiver?.fall())
  }

  private later(arrive: () => void): void {
    const { clock } = this.network
    this.lastMs = Math.max(this.lastMs, clock.monotonic() + this.network.latencyMs())
    clock.after(this.lastMs - clock.monotonic(), () => {
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
  readonly host: Host
  readonly peer: Host
  private readonly life: Life | undefined
  private readonly out: Pipe
  private readonly network: SimNetwork
  /** Its machine knows nothing of it any more: what arrives is answered with a reset, and it says nothing itself. */
  private forgotten = false

  constructor(network: SimNetwork, host: Host, peer: Host, life: Life | undefined, out: Pipe, into: Pipe) {
    super({ allowHalfOpen: false })
    this.network = network
    this.host = host
    this.peer = peer
    this.life = life
    this.out = out
    out.sender = this
    into.receiver = this
    network.ends.add(this)
    this.on('error', () => {})
  }

  hear(chunk: Buffer | null): void {
    if (this.destroyed || this.forgotten) {
      if (chunk && !this.network.isDark(this.host)) this.out.reset()
      return
    }
    const take = () => !this.destroyed && this.push(chunk)
    if (this.life) this.life.enter(take)
    else take()
  }

  /** The other side has reset the connection. */
  fall(): void {
    const take = () => this.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
    if (this.destroyed) return
    if (this.life) this.life.enter(take)
    else take()
  }

  /** The connection is gone on this machine, and the other one is not told. */
  forget(): void {
    this.forgotten = true
    this.network.ends.delete(this)
    this.fall()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // A copy: the writer's buffer is its own again when the write is done.
    if (!this.forgotten) this.out.send(Buffer.from(chunk))
    done()
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.forgotten) this.out.send(null)
    done()
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.network.ends.delete(this)
    if (!this.forgotten) this.out.send(null)
    done(error)
  }
}

/** Connections between simulated machines, on a simulated clock, from a seed. */
export class SimNetwork {
  readonly clock: Clock
  readonly ends = new Set<End>()
  private readonly random: Random
  private readonly listeners = new Map<Host, { serve: Serve; life: Life }>()
  /** Machines without power: nobody answers there. */
  private readonly dark = new Set<Host>()
  /** Ways from one machine to another on which nothing arrives. */
  private readonly cuts = new Set<string>()
  private healing: (() => void)[] = []
  latencyMaxMs = 2
  /** That a message takes ten times as long. */
  spikes = 0

  constructor(clock: Clock, random: Random) {
    this.clock = clock
    this.random = random
  }

  latencyMs(): number {
    const ms = 0.05 + (below(this.random, 1000) / 1000) * this.latencyMaxMs
    return this.spikes > 0 && chance(this.random, this.spikes) ? ms * 10 + 50 : ms
  }

  isCut(from: Host, to: Host): boolean {
    return this.cuts.has(way(from, to))
  }

  /** Cuts one way only. */
  cutWay(from: Host, to: Host): void {
    this.cuts.add(way(from, to))
  }

  cut(a: Host, b: Host): void {
    this.cutWay(a, b)
    this.cutWay(b, a)
  }

  healAll(): void {
    this.cuts.clear()
    for (const heal of this.healing.splice(0)) heal()
  }

  onHeal(heal: () => void): void {
    this.healing.push(heal)
  }

  isDark(host: Host): boolean {
    return this.dark.has(host)
  }

  /** Listens as a node; its port is of no interest. */
  listen(host: Host, life: Life, { port }: ListenOptions, serve: Serve): Listener {
    const listener = { serve, life }
    this.listeners.set(host, listener)
    return {
      host,
      port,
      close: async () => {
        if (this.listeners.get(host) !== listener) return
        this.listeners.delete(host)
        this.closeAll(host)
      }
    }
  }

  /** The process on a machine is gone: nobody listens, its connections are closed. */
  unplug(host: Host): void {
    this.listeners.delete(host)
    this.closeAll(host)
  }

  /** The machine has no power: its connections are gone, and nobody is told. */
  darken(host: Host): void {
    this.listeners.delete(host)
    this.dark.add(host)
    for (const end of this.endsOf(host)) end.forget()
  }

  lighten(host: Host): void {
    this.dark.delete(host)
  }

  /** The connections of a machine, one of which may be forgotten. */
  endsOf(host: Host): End[] {
    return [...this.ends].filter(end => end.host === host)
  }

  /** For a process of `life`; a client that is never paused has none. */
  async connect(from: Host, to: Host, life?: Life): Promise<Duplex> {
    const opened = this.dial(from, to, life)
    return life ? life.pass(opened) : opened
  }

  private async dial(from: Host, to: Host, life: Life | undefined): Promise<Duplex> {
    await this.passing(this.latencyMs())
    const unheard = () => this.isCut(from, to) || this.isCut(to, from) || this.isDark(to)
    if (unheard()) {
      await this.passing(connectTimeoutMs)
      throw Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' })
    }
    const listener = this.listeners.get(to)
    if (!listener) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    if (life?.dead) return new Promise(() => {})
    const there = new Pipe(this, from, to)
    const back = new Pipe(this, to, from)
    const client = new End(this, from, to, life, there, back)
    const server = new End(this, to, from, listener.life, back, there)
    // The kernel accepts also while the process stands still.
    listener.life.enter(() => listener.serve(server, { host: from, port: 1, localPort: 9092 }))
    return client
  }

  private closeAll(host: Host): void {
    for (const end of this.endsOf(host)) end.destroy()
  }

  private passing(ms: number): Promise<void> {
    return new Promise(resolve => this.clock.after(ms, resolve))
  }
}

function way(from: Host, to: Host): string {
  return `${from}>${to}`
}
