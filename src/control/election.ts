import type { TopicPolicy } from './topic-policy.ts'
import { type BrokerImage, type ElectionType, leaderOf, type MetadataImage, type PartitionImage } from './types.ts'

/**
 * What a partition becomes when its leader can't lead (is gone, has a new registration) or is draining and another can.
 * Who leads next is in sync; else eligible, as it has all that is committed (KIP-966); else anyone who is there, where
 * the topic wants that. Undefined when it may stay as it is, or when nobody may lead: then the last word counts until
 * one is back.
 */
export function repaired(
  image: MetadataImage,
  partition: PartitionImage,
  policy: TopicPolicy
): PartitionImage | undefined {
  const leader = leaderOf(image, partition)
  if (leader && !leader.draining) return undefined
  if (leader) {
    // Others than those in sync may lack what was acknowledged with acks=1: they wait until it has stopped.
    const next = inSync(image, partition).find(({ draining }) => !draining)
    return next && led(image, partition, next, policy)
  }
  const next = successor(image, partition)
  if (next) return led(image, partition, next, policy)
  return policy.unclean ? uncleanly(image, partition) : undefined
}

/** What a partition becomes by an election that somebody asks for; why there is none, else. */
export function electedBy(
  type: ElectionType,
  image: MetadataImage,
  partition: PartitionImage,
  policy: TopicPolicy
): PartitionImage | 'not needed' | 'no candidate' {
  const leader = leaderOf(image, partition)
  if (type === 'preferred') {
    const preferred = partition.replicas[0]
    if (leader?.nodeId === preferred) return 'not needed'
    const broker = inSync(image, partition).find(({ nodeId, draining }) => nodeId === preferred && !draining)
    return broker ? led(image, partition, broker, policy) : 'no candidate'
  }
  if (leader) return 'not needed'
  return repaired(image, partition, policy) ?? uncleanly(image, partition) ?? 'no candidate'
}

/**
 * What a partition becomes without a replica whose log can't be served, or may lack what was committed: it is neither
 * in sync nor eligible any more. The last member of an ISR hands over to the eligible ones, dead or alive; where there
 * are none its word is the last. Undefined when nothing changes.
 */
export function without(
  image: MetadataImage,
  partition: PartitionImage,
  nodeId: number,
  policy: TopicPolicy
): PartitionImage | undefined {
  const left = forgotten(partition, nodeId)
  if (!left) return undefined
  // Whoever leads, or led, is for the controller to judge.
  if (partition.leader !== nodeId) return left
  const next = successor(image, left)
  if (next) return led(image, left, next, policy)
  // It leads until there is somebody to take over.
  return leaderOf(image, partition) ? undefined : left
}

/**
 * A partition in which a node is neither in sync nor eligible any more: see `without`, but for who leads then. Undefined when
 * it was neither, or when its word is the last.
 */
export function forgotten(partition: PartitionImage, nodeId: number): PartitionImage | undefined {
  const { isr, elr = [] } = partition
  if (!isr.includes(nodeId) && !elr.includes(nodeId)) return undefined
  const others = isr.filter(other => other !== nodeId)
  const eligible = elr.filter(other => other !== nodeId)
  const left = others.length > 0 ? withElr(partition, others, eligible) : withElr(partition, eligible, [])
  return left.isr.length > 0 ? left : undefined
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

/**
 * A partition with another ISR. Those that leave it while it is under `minIsr` stay eligible: the high watermark moves
 * neither under min ISR nor while anyone is eligible, so they have all of what is below it, whatever happens to the others
 * and to the config. When enough are in sync again nobody is eligible any more: from then on it moves without them.
 */
export function withIsr(partition: PartitionImage, isr: readonly number[], minIsr: number): PartitionImage {
  const { replicas, elr = [], adding = [] } = partition
  if (isr.length >= Math.min(minIsr, replicas.length - adding.length)) return withElr(partition, isr, [])
  const had = new Set([...elr, ...partition.isr])
  return withElr(
    partition,
    isr,
    replicas.filter(nodeId => had.has(nodeId) && !isr.includes(nodeId))
  )
}

function withElr(partition: PartitionImage, isr: readonly number[], elr: readonly number[]): PartitionImage {
  const { elr: _, ...rest } = partition
  return elr.length > 0 ? { ...rest, isr, elr } : { ...rest, isr }
}

/** A partition that a broker leads from now on. Those that are about to stop are no longer in sync. */
export function led(
  image: MetadataImage,
  partition: PartitionImage,
  leader: BrokerImage,
  { minIsr }: TopicPolicy
): PartitionImage {
  const stays = (nodeId: number) => nodeId === leader.nodeId || image.broker(nodeId)?.draining === false
  const isInSync = partition.isr.includes(leader.nodeId)
  const isr = isInSync ? partition.isr.filter(stays) : [leader.nodeId]
  return withIsr(ledBy(partition, leader), isr, minIsr)
}

/** Anyone who is there leads: what only the others have is given up, and the in-sync set begins anew. */
function uncleanly(image: MetadataImage, partition: PartitionImage): PartitionImage | undefined {
  const there = registered(image, partition.replicas)
  const broker = there.find(({ draining }) => !draining) ?? there[0]
  return broker && withElr(ledBy(partition, broker), [broker.nodeId], [])
}

function ledBy(partition: PartitionImage, { nodeId, epoch }: BrokerImage): PartitionImage {
  return { ...partition, leader: nodeId, leaderEpoch: partition.leaderEpoch + 1, leaderBrokerEpoch: epoch }
}

/** Who leads next without a loss: the first in sync, else the first that is eligible; who drains comes last. */
function successor(image: MetadataImage, partition: PartitionImage): BrokerImage | undefined {
  const inSyncThere = inSync(image, partition)
  const eligible = registered(
    image,
    partition.replicas.filter(nodeId => partition.elr?.includes(nodeId))
  )
  const there = inSyncThere.length > 0 ? inSyncThere : eligible
  return there.find(({ draining }) => !draining) ?? there[0]
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
