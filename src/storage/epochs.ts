import type { EpochStart } from './types.ts'

/** The leader epochs of a log and where each began: ascending in both. */
export class Epochs {
  private starts: EpochStart[]

  constructor(starts: readonly EpochStart[] = []) {
    this.starts = [...starts]
  }

  get latest(): EpochStart | undefined {
    return this.starts[this.starts.length - 1]
  }

  /** Copies of all, oldest first. */
  list(): EpochStart[] {
    return [...this.starts]
  }

  /** Takes note of a batch's epoch. Older ones than the latest are ignored: the log checks them. */
  note(epoch: number, offset: number): boolean {
    const latest = this.latest
    if (epoch < 0 || (latest && epoch <= latest.epoch)) return false
    this.starts.push({ epoch, startOffset: offset })
    return true
  }

  /** The epoch of the batch at `offset`; -1 when unknown. */
  at(offset: number): number {
    const entry = this.floor(start => start.startOffset <= offset)
    return entry < 0 ? -1 : this.starts[entry].epoch
  }

  /** The largest epoch <= `epoch` with its end, as OffsetForLeaderEpoch wants it (KIP-101, KIP-279). */
  endOf(epoch: number, logEnd: number): { epoch: number; endOffset: number } | undefined {
    const entry = this.floor(start => start.epoch <= epoch)
    // An epoch that is forgotten with its records ended, at the latest, where the first that is known begins: an
    // undefined end would tell a consumer of its last record that the log was cut.
    if (entry < 0) return this.starts.length > 0 ? { epoch, endOffset: this.starts[0].startOffset } : undefined
    const next = this.starts[entry + 1]
    return { epoch: this.starts[entry].epoch, endOffset: next ? next.startOffset : logEnd }
  }

  /** Forgets the epochs that began at or after `offset`. */
  cutEnd(offset: number): void {
    this.starts = this.starts.filter(start => start.startOffset < offset)
  }

  /** Forgets what ended at or before `offset`; the epoch that `offset` is in now begins there. */
  cutStart(offset: number): void {
    const entry = this.floor(start => start.startOffset <= offset)
    if (entry < 0) return
    const first = this.starts[entry]
    this.starts = [{ epoch: first.epoch, startOffset: offset }, ...this.starts.slice(entry + 1)]
  }

  private floor(holds: (start: EpochStart) => boolean): number {
    let entry = this.starts.length - 1
    while (entry >= 0 && !holds(this.starts[entry])) entry--
    return entry
  }
}
