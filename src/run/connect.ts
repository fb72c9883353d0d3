import { connect, type Socket } from 'node:net'

/** How long a broker may take to answer a connection attempt. */
const connectTimeoutMs = 10_000

/**
 * Connects over TCP; rejects with the system's error, after ten seconds, or when `signal` is aborted, which ends the connection later too.
 * Small writes are not held back.
 */
export function connectTcp(host: string, port: number, signal?: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, signal })
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('no answer in time')))
    const fail = (error: Error) => reject(describe(error))
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.off('error', fail)
      socket.setTimeout(0)
      resolve(socket)
    })
  })
}

/** A name with several addresses fails with an AggregateError whose own message is empty. */
function describe(error: Error): Error {
  return error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error
}
