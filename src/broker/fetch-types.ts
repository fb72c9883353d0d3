import type { EpochEnd } from '../partition/epochs.ts'
import type { ErrorCode } from '../std/errors.ts'
import type { TopicId } from '../storage/types.ts'
import type { FetchItem } from './fetch-session.ts'

export interface FetchRequest {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  /** Bytes that may be read now: asked before each read, as memory may be short by then. At least one batch is read. */
  room?(): number
  /** So many bytes are about to be read from a file; the returned function says that they were. */
  reserve?(bytes: number): () => void
  readonly readCommitted: boolean
  /** The follower that fetches, and the epoch of its registration; undefined for consumers. */
  readonly replica?: { readonly nodeId: number; readonly brokerEpoch: number }
  /** Where the consumer stands, '' for one that doesn't say; undefined for followers and for clients older than KIP-392. */
  readonly rack?: string
  /** 0: none yet. */
  readonly sessionId: number
  /** 0: open a session; -1: without one (and close the named one); else the next epoch of the session. */
  readonly sessionEpoch: number
  readonly usesTopicIds: boolean
  readonly items: readonly FetchItem[]
  readonly forgotten: readonly { topic: string; topicId: TopicId; indexes: readonly number[] }[]
}

export interface FetchedPartition {
  readonly topic: string
  readonly topicId: TopicId
  readonly index: number
  readonly error?: ErrorCode
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly records: readonly Buffer[]
  /** The replica that the consumer shall read from; it was sent nothing here. */
  readonly readReplica?: number
  /** A follower's log differs from where this epoch ends (KIP-595). */
  readonly divergingEpoch?: EpochEnd
}

export interface FetchResult {
  readonly error?: ErrorCode
  readonly sessionId: number
  readonly partitions: readonly FetchedPartition[]
  /** Of all records. */
  readonly bytes: number
  /** Gives the bytes back; call it once, when they are on their way or will never be. */
  release(): void
}
