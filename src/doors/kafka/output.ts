import type { Duplex } from 'node:stream'

/** Bytes handed to the stream at a time: small enough that a slow reader's progress shows. */
export const pieceBytesMax = 1024 * 1024

interface Queued {
  readonly chunks: readonly Buffer[]
  readonly release: (() => void) | undefined
  readonly ownBytes: number
}

/**
 * The outgoing half of a connection: responses in order, written in pieces of a megabyte with one gathered write each.
 * A response's `release` is called once, when the piece that ends it was written, or on `close`.
 */
export class Output {
  /** Bytes pushed and not written yet. */
  queuedBytes = 0
  /** Those of them that are memory of the responses' own: of whole responses, until their last byte is written. */
  ownBytes = 0
  /** How many pieces were written: stands still while the reader takes nothing. */
  piecesWritten = 0
  private readonly stream: Duplex
  private readonly onWritten: () => void
  private queue: Queued[] = []
  /** Chunks of `queue[0]` that were written already, and bytes of the next one. */
  private chunksDone = 0
  private bytesDone = 0
  private releasing: (() => void)[] = []
  private releasingBytes = 0
  private writing = false
  private closed = false

  /** `onWritten` is called after each piece. */
  constructor(stream: Duplex, onWritten: () => void) {
    this.stream = stream
    this.onWritten = onWritten
  }

  get empty(): boolean {
    return this.queue.length === 0 && !this.writing
  }

  /** `ownBytes`: how many of the bytes are not borrowed from somebody who counts them. */
  push(chunks: readonly Buffer[], release: (() => void) | undefined, ownBytes = 0): void {
    if (this.closed) {
      release?.()
      return
    }
    for (const chunk of chunks) this.queuedBytes += chunk.length
    this.ownBytes += ownBytes
    this.queue.push({ chunks, release, ownBytes })
  }

  /** Writes what is queued, unless a write is under way: then that one's end does. */
  flush(): void {
    if (this.writing || this.closed || this.queue.length === 0) return
    const piece = new Piece()
    let responses = 0
    for (; responses < this.queue.length; responses++) {
      const { chunks, release, ownBytes } = this.queue[responses]
      while (this.chunksDone < chunks.length && piece.bytes < pieceBytesMax) this.addTo(piece, chunks[this.chunksDone])
      if (this.chunksDone < chunks.length) break
      this.chunksDone = 0
      if (release) this.releasing.push(release)
      this.releasingBytes += ownBytes
    }
    if (responses === this.queue.length) this.queue = []
    else this.queue.splice(0, responses)
    this.write(piece)
  }

  private addTo(piece: Piece, chunk: Buffer): void {
    const rest = this.bytesDone === 0 ? chunk : chunk.subarray(this.bytesDone)
    const room = pieceBytesMax - piece.bytes
    if (rest.length > room) {
      piece.add(rest.subarray(0, room))
      this.bytesDone += room
      return
    }
    piece.add(rest)
    this.bytesDone = 0
    this.chunksDone++
  }

  private write(piece: Piece): void {
    this.writing = true
    const chunks = piece.take()
    const last = chunks.length - 1
    if (last > 0) this.stream.cork()
    for (let i = 0; i < last; i++) this.stream.write(chunks[i])
    this.stream.write(chunks[last], () => this.written(piece.bytes))
    if (last > 0) this.stream.uncork()
  }

  private written(bytes: number): void {
    this.writing = false
    if (this.closed) return
    this.queuedBytes -= bytes
    this.piecesWritten++
    this.releaseAll()
    this.flush()
    this.onWritten()
  }

  /** Releases what is held; nothing is written any more. The stream must be closed: no write may still read the bytes. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.queuedBytes = 0
    this.releasingBytes = this.ownBytes
    for (const { release } of this.queue) if (release) this.releasing.push(release)
    this.queue = []
    this.releaseAll()
  }

  private releaseAll(): void {
    this.ownBytes -= this.releasingBytes
    this.releasingBytes = 0
    if (this.releasing.length === 0) return
    const releasing = this.releasing
    this.releasing = []
    for (const release of releasing) release()
  }
}

/** Chunks to write together; those that follow each other in memory become one. */
class Piece {
  bytes = 0
  private readonly chunks: Buffer[] = []
  /** The last chunk and how many bytes follow it in its memory that belong to it too. */
  private last: Buffer | undefined
  private lastBytes = 0

  add(chunk: Buffer): void {
    this.bytes += chunk.length
    const { last } = this
    if (last && last.buffer === chunk.buffer && last.byteOffset + this.lastBytes === chunk.byteOffset) {
      this.lastBytes += chunk.length
      return
    }
    this.cut()
    this.last = chunk
    this.lastBytes = chunk.length
  }

  take(): readonly Buffer[] {
    this.cut()
    return this.chunks
  }

  private cut(): void {
    const { last } = this
    if (!last) return
    this.chunks.push(
      last.length === this.lastBytes ? last : Buffer.from(last.buffer as ArrayBuffer, last.byteOffset, this.lastBytes)
    )
    this.last = undefined
  }
}

/** How many bytes chunks have together. */
export function bytesOf(chunks: readonly Buffer[] | undefined): number {
  let bytes = 0
  if (chunks) for (const chunk of chunks) bytes += chunk.length
  return bytes
}
