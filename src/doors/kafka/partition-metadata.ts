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
