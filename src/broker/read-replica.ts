import type { Control } from '../control/types.ts'
import type { Partition } from '../partition/partition.ts'
import { rackAwareSelector, replicationOptions } from '../replication/options.ts'
import type { OptionValues } from '../std/option.ts'

/** Whether consumers are sent to replicas in their rack. */
export function isRackAware(values: OptionValues): boolean {
  return values.get(replicationOptions.selector) === rackAwareSelector
}

/** Chooses a replica for a consumer; undefined where that is the leader. */
export type ReadReplica = (partition: Partition, rack: string, offset: number) => number | undefined

/**
 * Kafka's RackAwareReplicaSelector (KIP-392): the leader where it stands in the consumer's rack, or where no in-sync replica
 * there has the offset; else of those in the rack the one that has most.
 */
export function rackAwareReadReplica({ image, nodeId }: Pick<Control, 'image' | 'nodeId'>): ReadReplica {
  return (partition, rack, offset) => {
    if (rack === '' || image.broker(nodeId)?.rack === rack) return undefined
    let best: { nodeId: number; end: number } | undefined
    for (const follower of partition.leader?.inSyncWith(offset) ?? []) {
      const broker = image.broker(follower.nodeId)
      if (broker?.rack !== rack || !broker.endpoint) continue
      if (!best || follower.end > best.end || (follower.end === best.end && follower.nodeId > best.nodeId))
        best = follower
    }
    return best?.nodeId
  }
}
