import * as header from '../record/header.ts'
import type { Log } from '../storage/types.ts'
import { ProducerState } from './producer-state.ts'

/** A new snapshot of the producer state is worth its write after this many bytes: what a restart has to scan at most. */
const snapshotEveryBytes = 64 * 1024 * 1024
/** At a clean close a shorter tail is left to the scan: thousands of quiet partitions then close without a write. */
const snapshotAtCloseBytes = 256 * 1024

/** The producer state of a log, rebuilt from it and saved beside it. */
export class ProducerLog {
  readonly state: ProducerState
  private readonly log: Log
  private readonly whenDurable: (offset: number) => Promise<void>
  private snapshotOffset = 0
  private bytesSinceSnapshot = 0

  /** `whenDurable`: resolves when the log has everything below an offset durably. */
  constructor(log: Log, whenDurable: (offset: number) => Promise<void>, producersMax?: number) {
    this.state = new ProducerState(producersMax)
    this.log = log
    this.whenDurable = whenDurable
  }

  /** Makes the state what the log says, from the newest snapshot on. */
  async rebuild(): Promise<void> {
    this.state.clear()
    const snapshot = await this.log.latestSnapshot()
    let from = this.log.startOffset
    // Below a snapshot all is known; the log's start may lie within a batch, which may be repeated still.
    let knownBelow = 0
    if (snapshot && snapshot.offset >= from && this.state.load(snapshot.bytes)) from = knownBelow = snapshot.offset
    this.snapshotOffset = from
    this.bytesSinceSnapshot = this.log.bytesBetween(from, this.log.endOffset, Number.MAX_SAFE_INTEGER)
    if (from >= this.log.endOffset) return
    let nowMs: number | undefined
    await this.log.scan(
      from,
      (batches, at) => {
        nowMs = header.maxTimestamp(batches, at)
        if (header.baseOffset(batches, at) >= knownBelow) this.state.record(batches, at, nowMs)
      },
      headers => {
        const unknown = headers?.filter(batch => header.baseOffset(batch) >= knownBelow)
        this.state.recordDamaged(unknown, nowMs)
      }
    )
  }

  /** Takes up batches that were appended. */
  record(batches: Buffer, nowMs: number): void {
    for (let at = 0; at < batches.length; at += header.batchBytes(batches, at)) this.state.record(batches, at, nowMs)
    this.bytesSinceSnapshot += batches.length
    // One that fails is made up for by the next; storage reports its own troubles.
    if (this.bytesSinceSnapshot >= snapshotEveryBytes) this.save().catch(() => {})
  }

  /** Before records are taken out of the log: keeps what can't be rebuilt from the rest. */
  async keep(): Promise<void> {
    if (this.state.size > 0 && this.snapshotOffset < this.log.endOffset) await this.save()
  }

  /** Before the log is closed cleanly: keeps what would be dear to rebuild. */
  async prepareClose(): Promise<void> {
    if (this.log.endOffset === this.snapshotOffset) return
    // What was deleted since the last snapshot can't be scanned any more.
    const onlyInMemory = this.state.size > 0 && this.log.startOffset > this.snapshotOffset
    if (onlyInMemory || this.bytesSinceSnapshot >= snapshotAtCloseBytes) await this.save()
  }

  private async save(): Promise<void> {
    // State and offset are taken in one turn, and the state may only cover what is durable: appends that are not yet
    // would be replayed on top of a snapshot that already has them, or be lost with it having them.
    const offset = this.log.endOffset
    const bytes = this.state.save()
    this.bytesSinceSnapshot = 0
    await this.whenDurable(offset)
    await this.log.saveSnapshot({ offset, bytes })
    this.snapshotOffset = offset
  }
}
