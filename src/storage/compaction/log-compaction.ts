import type { StoredLog } from '../log.ts'
import type { Compacted } from '../recovery/checkpoint.ts'
import type { StoreContext } from '../store-context.ts'
import { type Cleanable, cleanable } from './cleanable.ts'
import type { Compactor } from './compactor.ts'
import { type CompactionOutcome, type CompactionRequest, compactLog } from './pass.ts'

/** Compaction of one log, for those who decide when. */
export interface Compaction {
  /** Called, synchronously, when the first batch of a segment is appended: the one before it is sealed. */
  onSegment: (() => void) | undefined
  /** What there is to do below `below` (last stable offset), by the segments in memory. */
  cleanable(nowMs: number, below: number): Cleanable
  /** One pass; see `compactLog`. One at a time over all logs that share the compactor. */
  run(compactor: Compactor, request: CompactionRequest): Promise<CompactionOutcome>
  /** Begins a new segment, so that all there is can be compacted. */
  seal(): Promise<void>
}

export class LogCompaction implements Compaction {
  onSegment: (() => void) | undefined
  /** How far it came, as the manifest in the folder says. */
  compacted: Compacted | undefined
  private readonly context: StoreContext
  private readonly log: StoredLog
  /** The highest generation of a manifest that was begun. */
  private generation: number
  private running: Promise<unknown> = Promise.resolve()
  private stopping = false

  constructor(context: StoreContext, log: StoredLog, compacted: Compacted | undefined) {
    this.context = context
    this.log = log
    this.compacted = compacted
    this.generation = compacted?.generation ?? 0
  }

  cleanable(nowMs: number, below: number): Cleanable {
    return cleanable(this.log, nowMs, below)
  }

  run(compactor: Compactor, request: CompactionRequest): Promise<CompactionOutcome> {
    const stopped = () => this.stopping || request.stopped()
    const running = compactLog(this.context, this.log, compactor, { ...request, stopped })
    this.running = running.catch(() => {})
    return running
  }

  seal(): Promise<void> {
    const { log } = this
    return log.alone(async () => {
      if (log.active.bytes > 0 && !log.failure) log.roll()
    })
  }

  /** Of the next manifest, and of the segments that come with it. */
  nextGeneration(): number {
    return ++this.generation
  }

  /** Ends what runs, and lets nothing begin any more. */
  async stop(): Promise<void> {
    this.stopping = true
    await this.running
  }
}
