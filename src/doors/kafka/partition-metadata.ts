import type { PartitionMetadata } from '../../broker/cluster.ts'
import { errorNumber } from '../../wire/kafka/errors.ts'

/** A partition as Metadata and DescribeTopicPartitions lay it out. */
export function layPartition({ error, index, leader, leaderEpoch, replicas, isr, offline }: PartitionMetadata) {
  return {
    errorCode: errorNumber(error),
    partitionIndex: index,
    leaderId: leader,
    leaderEpoch,
    replicaNodes: replicas,
    isrNodes: isr,
    offlineReplicas: offline
  }
}

/**
 * A partition as Metadata 0 lays it out: replicas that clients can't reach are left out, and missed in the error code
 * where nothing worse is to be said.
 */
export function layReachable(partition: PartitionMetadata) {
  const { error, replicas, isr, offline } = partition
  const reachable = (nodes: readonly number[]) => nodes.filter(node => !offline.includes(node))
  return layPartition({
    ...partition,
    error: error ?? (offline.length > 0 ? 'REPLICA_NOT_AVAILABLE' : undefined),
    replicas: reachable(replicas),
    isr: reachable(isr)
  })
}
