import * as header from '../record/header.ts'
import { iterateRecords } from '../record/iterate.ts'

/**
 * Decides which batches of a read_committed fetch are shown. A fetch lists the aborted transactions that it touches; a
 * producer's batches are hidden from the first offset of such a transaction to the marker that ends it (KIP-98).
 */
export class AbortedTransactions {
  private readonly starts: { readonly producerId: number; readonly firstOffset: number }[]
  private readonly hidden = new Set<number>()

  constructor(aborted: readonly { readonly producerId: number; readonly firstOffset: number }[]) {
    this.starts = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** To be asked of every batch, in order. Control batches are never shown. */
  shows(batches: Buffer, at: number): boolean {
    if (header.isControl(batches, at)) {
      if (isAbortMarker(batches, at)) this.hidden.delete(header.producerId(batches, at))
      return false
    }
    if (!header.isTransactional(batches, at)) return true
    while (this.starts.length > 0 && this.starts[0].firstOffset <= header.lastOffset(batches, at))
      this.hidden.add(this.starts.shift()!.producerId)
    return !this.hidden.has(header.producerId(batches, at))
  }
}

/** The key of a control record is a version and a type, two int16; type 0 is an abort. */
function isAbortMarker(batches: Buffer, at: number): boolean {
  for (const { key } of iterateRecords(batches, at)) return key !== null && key.length >= 4 && key.readInt16BE(2) === 0
  return false
}
