import type { Cleanable } from '../storage/compaction/cleanable.ts'
import type { Compactor } from '../storage/compaction/compactor.ts'
import type { CompactionOutcome } from '../storage/compaction/pass.ts'
import type { Partition } from './partition.ts'

/** What compaction finds to do in a replica: each compacts for itself, and only what is committed. */
export function cleanable({ log, lastStableOffset }: Partition, nowMs: number): Cleanable {
  return log.compaction.cleanable(nowMs, lastStableOffset)
}

/** One pass of compaction; see storage/compaction/pass.ts. */
export async function compact(
  partition: Partition,
  compactor: Compactor,
  nowMs: number,
  stopped: () => boolean
): Promise<CompactionOutcome> {
  await partition.producerLog.keep()
  const below = partition.lastStableOffset
  // Of what is committed: what comes behind that may be cut off again, and then the last one before it must be there.
  const last = partition.producers.lastBelow(below)
  return partition.log.compaction.run(compactor, {
    below,
    nowMs,
    decompressedBytesMax: partition.config.decompressedBytesMax,
    isLastOfProducer: (id, lastOffset) => last.has(id) && (last.get(id) ?? lastOffset) === lastOffset,
    stopped: () => stopped() || partition.failure !== undefined
  })
}
