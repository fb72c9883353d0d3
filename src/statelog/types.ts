import type { LogRead, ReadOptions } from '../storage/types.ts'
import type { Turn } from './turn.ts'

/** What a state machine needs of the internal partition under it; a Partition is one. */
export interface ReplicatedLog {
  readonly startOffset: number
  readonly sizeBytes: number
  readonly endOffset: number
  readonly highWatermark: number
  /** Appends one batch at once; base offset and epoch are written in place. Throws NaruError. */
  append(batch: Buffer): { readonly lastOffset: number }
  /** Resolves when the high watermark has passed `offset`; rejects with NaruError when it never will here. */
  whenCommitted(offset: number): Promise<void>
  /** Resolves when nobody else had led the log at a moment after the call; rejects when that is not so, or can't be told. */
  confirmLeading(): Promise<void>
  read(offset: number, options: ReadOptions): LogRead | Promise<LogRead>
  /** Leaves only the newest record of each key of all that the log has now; resolves when that is done, or can't be. */
  compactSoon(): Promise<void>
}

/** One record of the log: the newest value of its key counts, null deletes it. */
export interface StateRecord {
  readonly key: Buffer
  readonly value: Buffer | null
}

/**
 * State that is rebuilt by replaying one log (DESIGN rule 5). Handlers read it and write records into a Turn; what
 * must survive a restart changes in `replay` only. A state may also hold things that live and die with this leader
 * (timers, parked requests): they are gone when the shard is dropped.
 */
export interface ReplayedState {
  /** Applies a record: while loading in the order of the log, afterwards at the end of the turn that wrote it. */
  replay(record: StateRecord): void
  /** All that the log holds has been replayed; the shard answers from now on. */
  loaded(turn: Turn): void
}
