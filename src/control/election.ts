import { type BrokerImage, type ElectionType, leaderOf, type MetadataImage, type PartitionImage } from './types.ts'

/**
 * What a partition becomes when its leader can't lead (is gone, has a new registration) or is draining and another can.
 * Undefined when it may stay as it is, or when no in-sync replica is there to lead: then the last word counts until one is.
 */
export function repaired(image: MetadataImage, partition: PartitionImage): PartitionImage | undefined {
  const leader = leaderOf(image, partition)
  if (leader && !leader.draining) return undefined
  const candidates = inSync(image, partition)
  const next = candidates.find(({ draining }) => !draining) ?? (leader ? undefined : candidates[0])
  return next && led(image, partition, next)
}

/** What a partition becomes by an election that somebody asks for; why there is none, else. */
export function electedBy(
  type: ElectionType,
  image: MetadataImage,
  partition: PartitionImage
): PartitionImage | 'not needed' | 'no candidate' {
  const leader = leaderOf(image, partition)
  if (type === 'preferred') {
    const preferred = partition.replicas[0]
    if (leader?.nodeId === preferred) return 'not needed'
    const broker = inSync(image, partition).find(({ nodeId }) => nodeId === preferred)
    return broker ? led(image, partition, broker) : 'no candidate'
  }
  if (leader) return 'not needed'
  const clean = repaired(image, partition)
  if (clean) return clean
  const broker = registered(image, partition.replicas)[0]
  // What only the others have is given up: the in-sync set begins anew with the one that leads.
  return broker ? { ...led(image, partition, broker), isr: [broker.nodeId] } : 'no candidate'
}

/** What a partition becomes when an in-sync replica stands back; undefined when it is none, or no one else can lead. */
export function without(image: MetadataImage, partition: PartitionImage, gone: number): PartitionImage | undefined {
  if (!partition.isr.includes(gone)) return undefined
  const next = inSync(image, partition).find(({ nodeId }) => nodeId !== gone)
  if (!next) return undefined
  const changed = partition.leader === gone ? led(image, partition, next) : partition
  return { ...changed, isr: changed.isr.filter(nodeId => nodeId !== gone) }
}

/** A new partition: every replica that is there begins in sync. */
export function newPartition(image: MetadataImage, replicas: readonly number[]): PartitionImage {
  const there = registered(image, replicas)
  const leader = there.find(({ draining }) => !draining) ?? there[0]
  return {
    leader: leader?.nodeId ?? replicas[0],
    leaderEpoch: 0,
    leaderBrokerEpoch: leader?.epoch ?? -1,
    replicas,
    isr: there.length > 0 ? there.map(({ nodeId }) => nodeId) : [replicas[0]]
  }
}

/** A partition that a broker leads from now on. Those that are about to stop are no longer in sync. */
export function led(image: MetadataImage, partition: PartitionImage, leader: BrokerImage): PartitionImage {
  const stays = (nodeId: number) => nodeId === leader.nodeId || image.broker(nodeId)?.draining === false
  return {
    ...partition,
    leader: leader.nodeId,
    leaderEpoch: partition.leaderEpoch + 1,
    leaderBrokerEpoch: leader.epoch,
    isr: partition.isr.filter(stays)
  }
}

/** In-sync replicas that are there, in order of preference. */
export function inSync(image: MetadataImage, { replicas, isr }: PartitionImage): BrokerImage[] {
  return registered(
    image,
    replicas.filter(nodeId => isr.includes(nodeId))
  )
}

function registered(image: MetadataImage, nodeIds: readonly number[]): BrokerImage[] {
  return nodeIds.flatMap(nodeId => image.broker(nodeId) ?? [])
}
