import { type Control, leaderOf, type PartitionImage } from '../control/types.ts'
import type { Partition } from '../partition/partition.ts'
import type { Metrics } from '../std/metrics.ts'
import type { Partitions } from './partitions.ts'

/**
 * What operators watch of a cluster, under Kafka's names: of this broker's replicas (kafka.server ReplicaManager), and of all
 * partitions while it is the controller (kafka.controller KafkaController), 0 elsewhere. Counted when somebody asks.
 */
export function clusterMetrics(parts: {
  readonly metrics: Metrics
  readonly control: Control
  readonly partitions: Partitions
}): void {
  const { metrics, control, partitions } = parts
  const { image, nodeId } = control
  const replicas = (name: string, help: string, counts: (partition: Partition) => boolean) =>
    metrics.gauge(`naru_replica_${name}`, help, () => {
      let found = 0
      for (const partition of partitions.all()) if (counts(partition)) found++
      return found
    })
  const led = (name: string, help: string, counts: (leader: NonNullable<Partition['leader']>) => boolean) =>
    replicas(name, help, ({ leader }) => leader !== undefined && counts(leader))
  replicas('partitions', 'Replicas on this broker.', () => true)
  replicas(
    'offline_partitions',
    'Replicas on this broker whose log has failed.',
    ({ failure }) => failure !== undefined
  )
  led('leaders', 'Partitions that this broker leads.', () => true)
  led(
    'under_replicated_partitions',
    'Partitions led here that lack replicas in sync.',
    leader => leader.isr.length < leader.settledReplicas
  )
  led(
    'under_min_isr_partitions',
    'Partitions led here with fewer replicas in sync than min.insync.replicas.',
    leader => leader.isUnderMinIsr
  )
  led(
    'at_min_isr_partitions',
    'Partitions led here with just as many replicas in sync as min.insync.replicas.',
    leader => leader.isr.length === leader.minIsr
  )
  const isActive = () => image.controllerId === nodeId
  const whole = (name: string, help: string, counts: (partition: PartitionImage) => boolean) =>
    metrics.gauge(`naru_controller_${name}`, help, () => {
      if (!isActive()) return 0
      let found = 0
      for (const topic of image.topics()) for (const partition of topic.partitions) if (counts(partition)) found++
      return found
    })
  metrics.gauge('naru_controller_active', '1 while this broker is the controller.', () => Number(isActive()))
  metrics.gauge('naru_controller_active_brokers', 'Brokers that are registered, on the controller.', () =>
    isActive() ? image.brokers().length : 0
  )
  whole('partitions', 'Partitions of the cluster, on the controller.', () => true)
  whole(
    'offline_partitions',
    'Partitions without a leader, on the controller.',
    partition => !leaderOf(image, partition)
  )
  whole(
    'preferred_replica_imbalance',
    'Partitions that their first replica does not lead, on the controller.',
    ({ leader, replicas: [preferred] }) => leader !== preferred
  )
  whole(
    'eligible_leader_partitions',
    'Partitions with eligible leader replicas, on the controller.',
    ({ elr }) => elr !== undefined
  )
}
