import type { FrameSplitter } from '../../wire/kafka/frames.ts'
import type { Exchange } from './exchange.ts'
import type { Held, MemoryBounds, MemoryHolder } from './memory-bounds.ts'
import { bytesOf, type Output } from './output.ts'

/** What a request is estimated to take beside its frame: by itself, and for each element of an array. */
const requestBytes = 2560
const elementBytes = 256
/** A request that arrives slower than this makes room for others when memory is short. */
const arrivalBytesPerSweepMin = 64 * 1024
/** A client that reads nothing for so many sweeps makes room for others when memory is short. */
const unreadSweepsMax = 5

/** What a request in flight is estimated to take until it is answered, in bytes. */
export function estimateRequest(frameBytes: number, elements: number): number {
  return requestBytes + frameBytes + elements * elementBytes
}

/** What one connection holds of the memory that all share, and its part in keeping the bounds. */
export class ConnectionMemory implements MemoryHolder {
  readonly held: Held = { arriving: 0, waiting: 0, responses: 0 }
  /** Requests that wait to be worked on, whole. */
  heldFrameBytes = 0
  /** What the requests in flight are estimated to take. */
  waitingBytes = 0
  /** Bytes of responses that are made, but wait for an earlier one, and those of them that are the responses' own memory. */
  private lineBytes = 0
  private lineOwnBytes = 0
  /** What is being read from files for responses. */
  reservedBytes = 0
  /** Waits for memory for the rest of a request: nothing is read meanwhile. */
  parked = false
  private admitted = false
  private readSinceSweep = 0
  private sweptInFrame = false
  private piecesAtSweep = 0
  private unreadSweeps = 0
  private readonly bounds: MemoryBounds
  private readonly splitter: FrameSplitter
  private readonly output: Output
  private readonly connection: { goOn(): void; drop(reason: string): void }

  constructor(
    bounds: MemoryBounds,
    splitter: FrameSplitter,
    output: Output,
    connection: { goOn(): void; drop(reason: string): void }
  ) {
    this.bounds = bounds
    this.splitter = splitter
    this.output = output
    this.connection = connection
    bounds.add(this)
  }

  read(bytes: number): void {
    this.readSinceSweep += bytes
  }

  /** A whole request was taken out of what arrived. */
  frameTaken(): void {
    this.admitted = false
    this.sweptInFrame = false
  }

  /** Everything that arrived was looked at. A request that did not come in one piece takes memory: not while others have taken it all. */
  admit(): void {
    if (!this.splitter.inFrame || this.admitted) return
    if (this.bounds.arrivingShort) {
      this.parked = true
      this.bounds.park(this)
    } else this.admitted = true
  }

  resume(): void {
    this.parked = false
    this.admitted = true
    this.connection.goOn()
  }

  drop(reason: string): void {
    this.connection.drop(reason)
  }

  /** A response that waits for an earlier one (1), or does so no more (-1). */
  line(response: Pick<Exchange, 'chunks' | 'ownBytes'>, sign: 1 | -1): void {
    this.lineBytes += sign * bytesOf(response.chunks)
    this.lineOwnBytes += sign * response.ownBytes
  }

  /** Whether further requests wait until the client has read its responses. */
  get mustReadFirst(): boolean {
    return this.output.queuedBytes > 0 && this.bounds.responsesShort
  }

  get unreadBytes(): number {
    return this.output.queuedBytes + this.lineBytes + this.reservedBytes
  }

  /** See RequestContext. */
  reserve(bytes: number, released: () => void): () => void {
    let reserved = bytes
    this.reservedBytes += bytes
    this.bounds.reservedBytes += bytes
    return () => {
      this.reservedBytes -= reserved
      this.bounds.reservedBytes -= reserved
      reserved = 0
      released()
    }
  }

  sweep(short: { readonly arriving: boolean; readonly responses: boolean }): string | undefined {
    const tooSlow = this.sweptInFrame && this.admitted && this.readSinceSweep < arrivalBytesPerSweepMin
    this.sweptInFrame = this.splitter.inFrame
    this.readSinceSweep = 0
    const { queuedBytes, piecesWritten } = this.output
    this.unreadSweeps = queuedBytes === 0 || piecesWritten !== this.piecesAtSweep ? 0 : this.unreadSweeps + 1
    this.piecesAtSweep = piecesWritten
    if (short.arriving && tooSlow) return 'memory for requests is short, and the rest of this one does not come'
    if (short.responses && this.unreadSweeps >= unreadSweepsMax)
      return 'memory for responses is short, and the client does not read its own'
    return undefined
  }

  /** Tells the bounds what is held now. */
  account(): void {
    const responses = this.output.ownBytes + this.lineOwnBytes
    this.bounds.count(this.held, this.splitter.heldBytes + this.heldFrameBytes, this.waitingBytes, responses)
  }

  close(): void {
    this.bounds.count(this.held, 0, 0, 0)
    this.bounds.forget(this)
  }
}
