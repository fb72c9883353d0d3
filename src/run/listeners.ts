import { type Listener, type ListenOptions, listen, type Serve } from '../doors/listener/tcp.ts'

/** Both faces of this machine: some clients resolve localhost to one of them only, and don't try the other. */
const loopbacks = ['127.0.0.1', '::1'] as const
const attempts = 5

/** Listens as `listen` does; `localhost` means both loopback addresses, on the same port, where the machine has both. */
export async function listenAll(options: ListenOptions, serve: Serve): Promise<Listener> {
  if (options.host !== 'localhost') return listen(options, serve)
  for (let attempt = 1; ; attempt++) {
    const first = await listen({ ...options, host: loopbacks[0] }, serve)
    try {
      const second = await listen({ ...options, host: loopbacks[1], port: first.port }, serve)
      return {
        host: options.host,
        port: first.port,
        close: async graceMs => void (await Promise.all([first.close(graceMs), second.close(graceMs)]))
      }
    } catch (error) {
      if (!isTaken(error)) return { ...first, host: options.host }
      await first.close(0)
      // A port that was free on one address may be taken on the other: look for another one, if any will do.
      if (options.port !== 0 || attempt === attempts) throw error
    }
  }
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}
