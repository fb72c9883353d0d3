import { inSync, led } from './election.ts'
import type { TopicPolicy } from './topic-policy.ts'
import { leaderOf, type MetadataImage, type PartitionImage } from './types.ts'

/** Where it isn't known how many must be in sync: to take nobody for eligible (KIP-966) is always right. */
const nobodyEligible: TopicPolicy = { minIsr: 1, unclean: false }

/**
 * How replicas of a partition move (KIP-455): while they do, `replicas` are those of the target followed by those that leave, `adding`
 * and `removing` say which came and which leave. When those that came are in sync, the others go.
 */
export function isReassigning({ adding, removing }: PartitionImage): boolean {
  return adding !== undefined || removing !== undefined
}

/** The replicas that there were before, and will be again if the reassignment is cancelled. */
export function originalOf({ replicas, adding = [] }: PartitionImage): number[] {
  return minus(replicas, adding)
}

/** The replicas that there will be. */
export function targetOf({ replicas, removing = [] }: PartitionImage): number[] {
  return minus(replicas, removing)
}

/**
 * What a partition becomes when it is to have other replicas. A reassignment under way is replaced: what it added and the new
 * target lacks goes at once, unless nobody else is in sync. Undefined when nothing changes.
 */
export function reassigned(
  image: MetadataImage,
  partition: PartitionImage,
  target: readonly number[]
): PartitionImage | undefined {
  const original = originalOf(partition)
  const dropped = minus(partition.adding ?? [], target)
  const slim = withoutReplicas(image, partition, dropped)
  // Who alone has everything stays until the others have it.
  const removing = ascending([...minus(original, target), ...(slim ? [] : dropped)])
  const adding = ascending(minus(target, slim ? original : [...original, ...dropped]))
  const changed = marked({ ...(slim ?? partition), replicas: [...target, ...removing] }, adding, removing)
  const next = completed(image, changed) ?? changed
  return isSame(next, partition) ? undefined : next
}

/**
 * What a partition becomes when its reassignment is cancelled. Undefined when only replicas that it added are in sync: to
 * go back would lose what they have.
 */
export function reverted(image: MetadataImage, partition: PartitionImage): PartitionImage | undefined {
  const slim = withoutReplicas(image, partition, partition.adding ?? [])
  return slim && marked(slim, [], [])
}

/**
 * What a partition becomes when its reassignment is done: those that leave are no replicas any more, and one of the target leads.
 * Undefined while there is something to wait for (`waitsFor`).
 */
export function completed(
  image: MetadataImage,
  partition: PartitionImage,
  policy?: TopicPolicy
): PartitionImage | undefined {
  if (!isReassigning(partition)) return undefined
  const target = targetOf(partition)
  if (target.length === 0 || waitsFor(partition, policy).length > 0) return undefined
  const slim = withoutReplicas(image, partition, partition.removing ?? [], policy)
  return slim && leaderOf(image, slim) && marked(slim, [], [])
}

/**
 * The replicas that must come to be in sync before those that leave may go: each that was added. Those that there were before may be dead, and
 * nobody waits for them as long as enough are in sync without those that leave: min.insync.replicas, or as many as now where that is
 * less. Where the topic's policy isn't known all are waited for.
 */
export function waitsFor(partition: PartitionImage, policy?: Pick<TopicPolicy, 'minIsr'>): number[] {
  const { isr, adding = [] } = partition
  const target = targetOf(partition)
  const lacking = minus(target, isr)
  const added = lacking.filter(nodeId => adding.includes(nodeId))
  if (added.length > 0) return added
  const needed = policy ? Math.min(policy.minIsr, target.length, isr.length) : target.length
  return target.length - lacking.length < needed ? lacking : []
}

/**
 * A partition without some of its replicas; with a new leader epoch when any go, so that what a leader knows of them is
 * forgotten before they could come back without what they had. Undefined when none of the rest is in sync, or could lead.
 */
function withoutReplicas(
  image: MetadataImage,
  partition: PartitionImage,
  leaving: readonly number[],
  policy: TopicPolicy = nobodyEligible
): PartitionImage | undefined {
  if (leaving.length === 0) return partition
  const isr = minus(partition.isr, leaving)
  if (isr.length === 0) return undefined
  const { elr, ...rest } = partition
  const eligible = minus(elr ?? [], leaving)
  const replicas = minus(partition.replicas, leaving)
  const slim = { ...rest, replicas, isr, ...(eligible.length > 0 && { elr: eligible }) }
  const stays = !leaving.includes(partition.leader)
  if (stays && leaderOf(image, partition)) return { ...slim, leaderEpoch: partition.leaderEpoch + 1 }
  const candidates = inSync(image, slim)
  const leader = candidates.find(({ draining }) => !draining) ?? candidates[0]
  if (leader) return led(image, slim, leader, policy)
  // Nobody is there to lead: the last leader is waited for, as before.
  return stays ? { ...slim, leaderEpoch: partition.leaderEpoch + 1 } : undefined
}

function marked(partition: PartitionImage, adding: readonly number[], removing: readonly number[]): PartitionImage {
  const { adding: _adding, removing: _removing, ...rest } = partition
  return { ...rest, ...(adding.length > 0 && { adding }), ...(removing.length > 0 && { removing }) }
}

function isSame(a: PartitionImage, b: PartitionImage): boolean {
  const lists = ['replicas', 'isr', 'adding', 'removing'] as const
  return a.leaderEpoch === b.leaderEpoch && lists.every(name => a[name]?.join() === b[name]?.join())
}

function minus(all: readonly number[], some: readonly number[]): number[] {
  return all.filter(nodeId => !some.includes(nodeId))
}

function ascending(nodeIds: readonly number[]): number[] {
  return nodeIds.toSorted((a, b) => a - b)
}
