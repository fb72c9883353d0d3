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
        const next = findBatch(buffer, at + 1, Math.max(this.host.end, expected))
        if (next < 0) {
          this.damagedInJournal(piece, buffer, at, expected)
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
   * Where an entry of a damaged round goes on: its offset may be what is damaged. Where the log ends there, or the first batch
   * says the same, it is right; else that batch is, where the log ends there. Undefined where it would lead beyond the end.
   */
  private believable({ offset }: Piece, buffer: Buffer): number | undefined {
    const { end } = this.host
    if (offset === end) return offset
    const base = validBatchAt(buffer, 0) > 0 ? header.baseOffset(buffer, 0) : -1
    if (base === offset || base === end) return base
    return offset < end ? offset : undefined
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

  /** The end of a `data` entry is damaged: as much is given up as its header says at most, one record at least. */
  private damagedInJournal(piece: Piece, buffer: Buffer, at: number, expected: number): void {
    if (buffer.length - at < header.headerBytes || expected < this.host.end) return
    // The length of a damaged round's entry may reach into the zeros behind the round.
    if (piece.suspect && buffer.subarray(at).every(byte => byte === 0)) return
    const base = header.baseOffset(buffer, at)
    const counts = [header.lastOffset(buffer, at) + 1 - base, header.recordCount(buffer, at)]
    // Rather too many: what was acknowledged must not have its offset given to another.
    const count = Math.max(1, ...counts.filter(candidate => candidate < 1_000_000))
    this.damagedBefore(expected + (base === expected ? count : 1), piece, at)
  }

  private damagedBefore(offset: number, piece: Piece, at: number): void {
    if (offset <= this.host.end) return
    this.host.addDamage(this.host.end, offset, `${piece.path}, byte ${piece.position + at}`)
    this.host.close(offset)
  }
}

/** The next intact batch from `at` on that begins above `offset`; -1 when there is none. */
function findBatch(buffer: Buffer, from: number, offset: number): number {
  for (let at = from; at + header.headerBytes <= buffer.length; at++)
    if (header.magic(buffer, at) === 2 && header.baseOffset(buffer, at) > offset && validBatchAt(buffer, at) > 0)
      return at
  return -1
}
