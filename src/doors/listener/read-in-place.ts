import type { Socket } from 'node:net'

const bufferBytes = 256 * 1024

/** All sockets read into this: each read is consumed before the next one begins. */
let shared: Buffer | undefined

/**
 * Makes an accepted socket read into one buffer of the process instead of new memory for each read: Node takes 64 KB
 * per read, and at a few hundred megabytes a second V8 then spends a quarter of the broker's time on collecting them.
 * A chunk of 'data' is valid during the event only.
 *
 * Node offers this (`onread`) only to sockets that connect. This sets what that option sets, and leaves the socket as it
 * is where Node has no such fields, or where the kernel fills buffers behind our back (Windows).
 */
export function readInPlace(socket: Socket): void {
  if (process.platform === 'win32') return
  const fields = socket as unknown as Record<symbol, unknown> & { _handle?: { useUserBuffer?(buffer: Buffer): void } }
  const symbols = Object.getOwnPropertySymbols(socket)
  const buffer = symbols.find(({ description }) => description === 'kBuffer')
  const callback = symbols.find(({ description }) => description === 'kBufferCb')
  const handle = fields._handle
  if (!buffer || !callback || !handle?.useUserBuffer) return
  shared ??= Buffer.allocUnsafeSlow(bufferBytes)
  fields[buffer] = shared
  fields[callback] = (bytes: number, memory: Buffer) => {
    const chunk = memory.subarray(0, bytes)
    // A paused socket may still be read (what an earlier resume scheduled does): such bytes wait in the stream's own
    // buffer, and later ones must not pass them.
    if (!socket.readableFlowing || socket.readableLength > 0) return socket.push(Buffer.from(chunk))
    socket.emit('data', chunk)
    return true
  }
  handle.useUserBuffer(shared)
}
