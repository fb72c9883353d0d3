import { validBatchAt } from '../../record/check.ts'
import * as header from '../../record/header.ts'
import type { Epochs } from '../epochs.ts'
import type { Piece } from '../journal/journal-reader.ts'
import type { RecoveryContext } from './recovery.ts'

/** The log that is brought to its end. */
export interface ReplayHost {
  /** Where the log begins: what lies below is missed by nobody. */
  readonly start: number
  readonly end: number
  readonly epochs: Epochs
  append(buffer: Buffer, at: number, bytes: number, end: number): Promise<void>
  addDamage(from: number, to: number, where: string): void
  /** Nothing is appended to the last segment any more; the log goes on at `end`. */
  close(end: number): void
}

/** Appends to a log what the journals have of it above its end. */
export class JournalReplay {
  private readonly context: RecoveryContext
  private readonly name: string
  private readonly host: ReplayHost
  private cachedLost = false

  constructor(context: RecoveryContext, name: string, host: ReplayHost) {
    this.context = context
    this.name = name
    this.host = host
  }

  /** Appends what a `data` entry has above the log's end. */
  async apply(piece: Piece): Promise<void> {
    if (piece.journal === 'cached' && this.cachedLost) return
    const buffer = await this.readPiece(piece)
    const offset = piece.suspect ? this.believable(piece, buffer) : piece.offset
    if (offset === undefined) return
    let expected = offset
    for (let at = 0; at < piece.length; ) {
      const bytes = validBatchAt(buffer, at)
      if (bytes === 0 || (piece.suspect && !this.continues(buffer, at, expected))) {
        const end = piece.suspect ? expected + damagedCount(buffer, at, expected) : headsEnd(buffer, at, expected)
        const next = findBatch(buffer, at + 1, Math.max(this.host.end, expected))
        // In a damaged round it may be another log's, where an entry's length is what is damaged.
        if (next < 0 || (piece.suspect && header.baseOffset(buffer, next) !== end)) {
          if (expected >= this.host.end) this.damagedBefore(end, piece, at)
          return
        }
        this.damagedBefore(header.baseOffset(buffer, next), piece, at)
        expected = header.baseOffset(buffer, next)
        at = next
        continue
      }
      const base = header.baseOffset(buffer, at)
      const last = header.lastOffset(buffer, at)
      if (base >= this.host.end) {
        if (expected > this.host.end) {
          if (expected <= this.host.start) this.host.close(expected)
          else if (piece.journal === 'cached') {
            // Not synced, and lost with the power: what follows has nothing to stand on.
            this.cachedLost = true
            this.context.logger.warn({ log: this.name, end: this.host.end }, 'unsynced records were lost')
            return
          } else {
            this.host.addDamage(this.host.end, expected, 'the journal')
            this.host.close(expected)
          }
        }
        await this.host.append(buffer, at, bytes, last + 1)
      }
      expected = last + 1
      at += bytes
    }
  }

  /**
   * Where an entry of a damaged round goes on: its offset may be what is damaged, or its log. Where the log ends there it is
   * right; else the first batch is, where the log ends there. Undefined where it would lead beyond the end.
   */
  private believable({ offset }: Piece, buffer: Buffer): number | undefined {
    const { end } = this.host
    if (offset !== end && validBatchAt(buffer, 0) > 0 && header.baseOffset(buffer, 0) === end) return end
    return offset <= end ? offset : undefined
  }

  /** Whether a batch out of a damaged round is at least where it should be: offset and epoch are outside its CRC. */
  private continues(buffer: Buffer, at: number, expected: number): boolean {
    const epoch = this.host.epochs.latest?.epoch
    return (
      header.baseOffset(buffer, at) === expected && (epoch === undefined || header.leaderEpoch(buffer, at) === epoch)
    )
  }

  private async readPiece(piece: Piece): Promise<Buffer> {
    const file = await this.context.disk.open(piece.path, { mode: 'read' })
    try {
      const buffer = Buffer.allocUnsafe(piece.length)
      const count = await file.read(buffer, 0, piece.length, piece.position)
      return buffer.subarray(0, count)
    } finally {
      await file.close()
    }
  }

  private damagedBefore(offset: number, piece: Piece, at: number): void {
    if (offset <= this.host.end) return
    this.host.addDamage(this.host.end, offset, `${piece.path}, byte ${piece.position + at}`)
    this.host.close(offset)
  }
}

/** Where a damaged batch ends in a round of which the CRC of the heads is right: that covers its offsets. */
function headsEnd(buffer: Buffer, at: number, expected: number): number {
  return buffer.length - at < header.headerBytes ? expected : header.lastOffset(buffer, at) + 1
}

/** How many offsets a damaged batch has in a damaged round; 0 where it may be none. */
function damagedCount(buffer: Buffer, at: number, expected: number): number {
  if (buffer.length - at < header.headerBytes) return 0
  const count = header.lastOffsetDelta(buffer, at) + 1
  // Its base offset or its epoch is what is damaged.
  if (validBatchAt(buffer, at) > 0) return count
  const records = header.recordCount(buffer, at)
  // An entry's length that is damaged leads into what is no batch.
  if (header.baseOffset(buffer, at) !== expected || (header.magic(buffer, at) !== 2 && count !== records)) return 0
  if (count === records) return count
  const batch = Buffer.from(buffer.subarray(at))
  header.setLastOffsetDelta(batch, records - 1)
  return validBatchAt(batch, 0) > 0 ? records : Math.max(0, Math.min(count, records))
}

/** The next intact batch from `at` on that begins above `offset`; -1 when there is none. */
function findBatch(buffer: Buffer, from: number, offset: number): number {
  for (let at = from; at + header.headerBytes <= buffer.length; at++)
    if (header.magic(buffer, at) === 2 && header.baseOffset(buffer, at) > offset && validBatchAt(buffer, at) > 0)
      return at
  return -1
}
