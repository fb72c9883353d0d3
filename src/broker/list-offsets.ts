import type { Partition } from '../partition/partition.ts'
import { codeOf, type ErrorCode, NaruError } from '../std/errors.ts'
import type { Partitions } from './partitions.ts'

/** Timestamps that stand for places (ListOffsets; KIP-734, KIP-405, KIP-1005, KIP-1023). */
export const specialTimestamp = {
  latest: -1,
  earliest: -2,
  max: -3,
  earliestLocal: -4,
  latestTiered: -5,
  earliestPendingUpload: -6
} as const

export interface ListedOffset {
  readonly error?: ErrorCode
  readonly timestamp: number
  readonly offset: number
  readonly leaderEpoch: number
}

const nowhere = { timestamp: -1, offset: -1, leaderEpoch: -1 }

/** Where there is no record the epoch is that of the next one: as in Kafka, whose leaders enter their epoch at once. */
function earliest({ startOffset: offset, log, leaderEpoch }: Partition): ListedOffset {
  return { timestamp: -1, offset, leaderEpoch: offset < log.endOffset ? log.epochAt(offset) : leaderEpoch }
}

/** The offset that a timestamp, or a special one, stands for on one partition. */
export async function listOffset(
  partitions: Partitions,
  ref: { topic: string; index: number; currentLeaderEpoch: number; timestamp: number },
  readCommitted: boolean
): Promise<ListedOffset> {
  try {
    const partition = partitions.find(ref)
    if (partition.failure) throw partition.failure
    const isAtStart = ref.timestamp === specialTimestamp.earliest || ref.timestamp === specialTimestamp.earliestLocal
    if (!isAtStart && !partition.isSettled)
      throw new NaruError('OFFSET_NOT_AVAILABLE', 'The new leader does not know yet how far its log is committed.')
    switch (ref.timestamp) {
      case specialTimestamp.latest: {
        const offset = readCommitted ? partition.lastStableOffset : partition.highWatermark
        return { timestamp: -1, offset, leaderEpoch: partition.leaderEpoch }
      }
      case specialTimestamp.earliest:
      case specialTimestamp.earliestLocal:
        return earliest(partition)
      case specialTimestamp.max:
        return (await partition.maxTimestamp()) ?? nowhere
      case specialTimestamp.latestTiered:
      case specialTimestamp.earliestPendingUpload:
        // There is no tiered storage: nothing was uploaded, and nothing waits to be.
        return nowhere
      default:
        if (ref.timestamp < 0) throw new NaruError('UNSUPPORTED_VERSION', `No such timestamp: ${ref.timestamp}`)
        return (await partition.offsetForTimestamp(ref.timestamp)) ?? nowhere
    }
  } catch (error) {
    if (!(error instanceof NaruError)) partitions.reportBug(error, 'list offsets')
    return { ...nowhere, error: codeOf(error) }
  }
}
