import { connect, type Socket } from 'node:net'
import { crc32c } from '@node-rs/crc32'

/** Bytes of requests, written field by field: an encoder that shares nothing with the broker's. */
export class Writer {
  readonly #parts: Buffer[] = []

  #number(bytes: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.alloc(bytes)
    write(buffer)
    this.#parts.push(buffer)
    return this
  }
  int8(value: number): this {
    return this.#number(1, buffer => buffer.writeInt8(value))
  }
  int16(value: number): this {
    return this.#number(2, buffer => buffer.writeInt16BE(value))
  }
  int32(value: number): this {
    return this.#number(4, buffer => buffer.writeInt32BE(value))
  }
  int64(value: number): this {
    return this.#number(8, buffer => buffer.writeBigInt64BE(BigInt(value)))
  }
  uvarint(value: number): this {
    const bytes: number[] = []
    for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
    return this.raw(Buffer.from([...bytes, value]))
  }
  varint(value: number): this {
    return this.uvarint(((value << 1) ^ (value >> 31)) >>> 0)
  }
  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    return this.int16(Buffer.byteLength(value)).raw(Buffer.from(value))
  }
  compactString(value: string): this {
    return this.uvarint(Buffer.byteLength(value) + 1).raw(Buffer.from(value))
  }
  bytes(value: Buffer): this {
    return this.int32(value.length).raw(value)
  }
  raw(value: Buffer): this {
    this.#parts.push(value)
    return this
  }
  build(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/** Reads answers field by field. */
export class Reader {
  readonly #buffer: Buffer
  #at = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }
  #take(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    return at
  }
  get left(): number {
    return this.#buffer.length - this.#at
  }
  int8(): number {
    return this.#buffer.readInt8(this.#take(1))
  }
  int16(): number {
    return this.#buffer.readInt16BE(this.#take(2))
  }
  int32(): number {
    return this.#buffer.readInt32BE(this.#take(4))
  }
  int64(): number {
    return Number(this.#buffer.readBigInt64BE(this.#take(8)))
  }
  uvarint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#buffer[this.#take(1)]
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
  string(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.#buffer.toString('utf8', this.#take(length), this.#at)
  }
  compactString(): string | null {
    const length = this.uvarint() - 1
    return length < 0 ? null : this.#buffer.toString('utf8', this.#take(length), this.#at)
  }
  bytes(): Buffer | null {
    const length = this.int32()
    return length < 0 ? null : this.#buffer.subarray(this.#take(length), this.#at)
  }
  array<T>(read: () => T): T[] | null {
    const count = this.int32()
    return count < 0 ? null : Array.from({ length: count }, read)
  }
}

export interface RequestHead {
  key: number
  version: number
  /** The request header has a tag section. */
  flexible?: boolean
}

/** A request with its length in front. */
export function frame({ key, version, flexible }: RequestHead, correlationId: number, body: Buffer): Buffer {
  const head = new Writer().int16(key).int16(version).int32(correlationId).string('raw')
  if (flexible) head.uvarint(0)
  return new Writer().bytes(Buffer.concat([head.build(), body])).build()
}

/** One connection that sends whatever bytes it is given and hands out the frames that come back. */
export class RawConnection {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #closed = false
  #wake: () => void = () => {}
  #correlationId = 0
  #reading: Promise<unknown> = Promise.resolve()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', chunk => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    const ended = () => {
      this.#closed = true
      this.#wake()
    }
    socket.on('error', ended)
    socket.on('end', ended)
    socket.on('close', ended)
  }

  static open(host: string, port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true }, () => resolve(new RawConnection(socket)))
      socket.once('error', reject)
    })
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** The next frame's content, or 'closed', or 'silent' when nothing has come within `timeoutMs`. */
  async next(timeoutMs = 5000): Promise<Buffer | 'closed' | 'silent'> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      if (this.#received.length >= 4) {
        const end = 4 + this.#received.readInt32BE(0)
        if (this.#received.length >= end) {
          const content = this.#received.subarray(4, end)
          this.#received = this.#received.subarray(end)
          return content
        }
      }
      if (this.#closed) return 'closed'
      const leftMs = deadline - Date.now()
      if (leftMs <= 0) return 'silent'
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, leftMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  /** Sends one request; its answer after the correlation id, which must be the request's. Need not be awaited before the next. */
  async ask(head: RequestHead, body: Buffer, timeoutMs?: number): Promise<Reader | 'closed' | 'silent'> {
    const correlationId = ++this.#correlationId
    this.write(frame(head, correlationId, body))
    const reading = this.#reading.then(() => this.next(timeoutMs))
    this.#reading = reading
    const content = await reading
    if (typeof content === 'string') return content
    const reader = new Reader(content)
    const answered = reader.int32()
    if (answered !== correlationId) throw new Error(`answer to ${answered}, not to ${correlationId}`)
    return reader
  }

  close(): void {
    this.#socket.destroy()
  }
}

export interface BatchOptions {
  records?: { key?: string | null; value?: string | Buffer | null }[]
  /** What the header says, where that is not the truth. */
  count?: number
  lastOffsetDelta?: number
  attributes?: number
  magic?: number
  /** Added to the declared batch length. */
  lengthError?: number
  /** Flips a bit of the CRC. */
  crcError?: boolean
  timestamp?: number
  /** Of an idempotent producer, in its epoch 0 where none is given. */
  producer?: { id: number; sequence: number; epoch?: number }
}

/** A record batch (magic 2 unless told otherwise), right or wrong as asked. */
export function recordBatch(options: BatchOptions = {}): Buffer {
  const records = options.records ?? [{ key: 'k', value: 'v' }]
  const timestamp = options.timestamp ?? Date.now()
  const body = new Writer()
  records.forEach(({ key = null, value = null }, i) => {
    const field = (text: string | Buffer | null) => {
      const bytes = text === null ? undefined : Buffer.from(text)
      return new Writer()
        .varint(bytes?.length ?? -1)
        .raw(bytes ?? Buffer.alloc(0))
        .build()
    }
    const record = new Writer().int8(0).varint(0).varint(i).raw(field(key)).raw(field(value)).varint(0).build()
    body.varint(record.length).raw(record)
  })
  const covered = new Writer()
    .int16(options.attributes ?? 0)
    .int32(options.lastOffsetDelta ?? records.length - 1)
    .int64(timestamp)
    .int64(timestamp)
    .int64(options.producer?.id ?? -1)
    .int16(options.producer ? (options.producer.epoch ?? 0) : -1)
    .int32(options.producer?.sequence ?? -1)
    .int32(options.count ?? records.length)
    .raw(body.build())
    .build()
  const crc = (crc32c(covered) ^ (options.crcError ? 1 : 0)) | 0
  const rest = new Writer()
    .int32(-1)
    .int8(options.magic ?? 2)
    .int32(crc)
    .raw(covered)
    .build()
  return new Writer()
    .int64(0)
    .int32(rest.length + (options.lengthError ?? 0))
    .raw(rest)
    .build()
}
