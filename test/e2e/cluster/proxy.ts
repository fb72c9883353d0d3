import { connect, createServer, type Server, type Socket } from 'node:net'

/** What a link does with the bytes of its connections. */
export type LinkMode =
  | { readonly type: 'open' }
  /** Every chunk arrives so much later. */
  | { readonly type: 'delay'; readonly ms: number }
  /** Connections stay open, and nothing passes. */
  | { readonly type: 'silent' }
  /** Nobody listens; connections were reset. */
  | { readonly type: 'cut' }

/** A port that leads to another one, and does so well or badly. */
export class Link {
  readonly name: string
  readonly port: number
  private readonly target: number
  private mode: LinkMode = { type: 'open' }
  private server: Server | undefined
  private readonly sockets = new Set<Socket>()
  /** Called when bytes may pass again. */
  private held: (() => void)[] = []

  constructor(name: string, port: number, target: number) {
    this.name = name
    this.port = port
    this.target = target
  }

  async open(): Promise<void> {
    this.mode = { type: 'open' }
    for (const pass of this.held.splice(0)) pass()
    if (this.server) return
    const server = createServer(socket => this.serve(socket))
    this.server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, 'localhost', () => resolve())
    })
  }

  async set(mode: LinkMode): Promise<void> {
    if (mode.type === 'open') return this.open()
    if (mode.type === 'cut') return this.cut()
    this.mode = mode
  }

  /** For good. */
  close(): Promise<void> {
    return this.cut()
  }

  private async cut(): Promise<void> {
    this.mode = { type: 'cut' }
    this.held = []
    const { server } = this
    this.server = undefined
    const closed = server && new Promise<void>(resolve => server.close(() => resolve()))
    for (const socket of this.sockets) socket.resetAndDestroy()
    await closed
  }

  private serve(near: Socket): void {
    const far = connect({ host: 'localhost', port: this.target, noDelay: true })
    near.setNoDelay(true)
    this.join(near, far)
    this.join(far, near)
  }

  private join(from: Socket, to: Socket): void {
    this.sockets.add(from)
    from.on('error', () => {})
    from.on('close', () => {
      this.sockets.delete(from)
      to.destroy()
    })
    from.on('data', chunk => {
      from.pause()
      this.pass(() => {
        if (to.destroyed) return
        to.write(chunk)
        from.resume()
      })
    })
  }

  private pass(forward: () => void): void {
    const { mode } = this
    if (mode.type === 'silent') this.held.push(forward)
    else if (mode.type === 'delay') setTimeout(forward, mode.ms)
    else forward()
  }
}
