import { connect, type Socket } from 'node:net'
import type { Api, Message } from '../../src/schema/message.ts'
import { Reader } from '../../src/schema/reader.ts'
import { Writer } from '../../src/schema/writer.ts'
import { readResponseHeader, responseHeaderIsFlexible, writeRequestHeader } from '../../src/wire/kafka/headers.ts'

/** A message without its type, for tables of requests to any API. */
export type Tree = Record<string, unknown>

/** The codecs of a message as tables of requests use them. */
export const untyped = (message: unknown): Message<Tree, Tree> => message as Message<Tree, Tree>

/** One request at a time over TCP, to any API in any version. */
export class AskingClient {
  private readonly socket: Socket
  private readonly name: string
  private received: Buffer = Buffer.alloc(0)
  private closed = false
  private waiting: ((frame: Buffer | undefined) => void) | undefined

  constructor(port: number, name: string) {
    this.name = name
    this.socket = connect({ host: 'localhost', port, noDelay: true })
    this.socket.on('data', chunk => {
      this.received = Buffer.concat([this.received, chunk])
      if (this.received.length < 4 || this.received.length < 4 + this.received.readInt32BE(0)) return
      const frame = this.received.subarray(4)
      this.received = Buffer.alloc(0)
      this.waiting?.(frame)
    })
    const ended = () => {
      this.closed = true
      this.waiting?.(undefined)
    }
    this.socket.on('error', ended)
    this.socket.on('close', ended)
  }

  /** The answer; rejects when the broker closes the connection instead. */
  async ask(api: Api, version: number, request: Tree): Promise<Tree> {
    const writer = new Writer()
    const flexible = untyped(api.request).isFlexible(version)
    writeRequestHeader(writer, { key: api.key, version, correlationId: 1, clientId: this.name }, flexible)
    untyped(api.request).codec(version).encode(writer, request)
    const body = writer.takeWhole()
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length)
    const frame = await new Promise<Buffer | undefined>(resolve => {
      this.waiting = resolve
      if (this.closed) resolve(undefined)
      else this.socket.write(Buffer.concat([length, body]))
    })
    if (!frame) throw new Error(`the broker closed the connection on ${api.name} ${version}`)
    const reader = new Reader(frame)
    readResponseHeader(reader, responseHeaderIsFlexible(api.key, untyped(api.response).isFlexible(version)))
    return untyped(api.response).codec(version).decode(reader)
  }

  close(): void {
    this.socket.destroy()
  }
}
