import { connect, createServer, type Socket } from 'node:net'

/** Stands between a client and a port of this machine, and can cut them off from each other. */
export interface TcpProxy {
  readonly port: number
  /** Closes every connection and every new one at once. */
  cut(): void
  /** Lets nothing through any more, without a word: as a cable that was pulled. */
  silence(): void
  /** Ends `cut` or `silence`; connections that were silenced are closed. */
  restore(): void
  close(): Promise<void>
}

export async function startTcpProxy(targetPort: number, targetHost = '127.0.0.1'): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let state: 'open' | 'cut' | 'silent' = 'open'
  const endAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  const track = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  const server = createServer(client => {
    track(client)
    if (state === 'cut') client.destroy()
    if (state !== 'open') return
    const target = connect(targetPort, targetHost)
    track(target)
    const pass = (from: Socket, to: Socket) =>
      from
        .on('data', chunk => {
          if (state === 'open') to.write(chunk)
        })
        .on('close', () => {
          if (state !== 'silent') to.destroy()
        })
    pass(client, target)
    pass(target, client)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    cut() {
      state = 'cut'
      endAll()
    },
    silence() {
      state = 'silent'
    },
    restore() {
      if (state === 'silent') endAll()
      state = 'open'
    },
    async close() {
      endAll()
      await new Promise(resolve => server.close(resolve))
    }
  }
}
