import type { Reassignment } from '../../client/admin-replicas.ts'
import type { Cluster } from '../../client/cluster.ts'
import { Failed } from '../failure.ts'
import { count } from '../output.ts'
import { keyOf } from './state.ts'

/** A partition that is being moved and waits for brokers that are away. */
export interface StalledMove {
  readonly partition: string
  readonly brokers: readonly number[]
}

/** How often is looked, while nothing gets on. */
const lookMs = 1000

/** Finds moves that wait for nobody but brokers that are away, for longer than anyone is patient. */
export class StallWatch {
  private readonly cluster: Cluster
  private readonly patienceMs: number
  /** Since when each has waited, by partition. */
  private since = new Map<string, number>()
  private lookedMs: number

  constructor(cluster: Cluster, patienceMs: number) {
    this.cluster = cluster
    this.patienceMs = patienceMs
    this.lookedMs = cluster.clock.monotonic()
  }

  /** Some got to their end. */
  progressed(): void {
    this.lookedMs = this.cluster.clock.monotonic()
  }

  /** Those of the moves under way that have waited too long. */
  async find(moving: readonly Reassignment[]): Promise<StalledMove[]> {
    const { cluster } = this
    const nowMs = cluster.clock.monotonic()
    if (moving.length === 0 || nowMs < this.lookedMs + Math.min(lookMs, this.patienceMs)) return []
    this.lookedMs = nowMs
    const waiting = await waitingForAbsent(cluster, moving)
    this.since = new Map(waiting.map(({ partition }) => [partition, this.since.get(partition) ?? nowMs]))
    return waiting.filter(({ partition }) => nowMs - (this.since.get(partition) ?? nowMs) >= this.patienceMs)
  }
}

async function waitingForAbsent(cluster: Cluster, moving: readonly Reassignment[]): Promise<StalledMove[]> {
  const topics = new Map((await cluster.retrying(() => cluster.fetchTopics(null))).map(topic => [topic.name, topic]))
  const there = new Set(cluster.brokerList().map(({ id }) => id))
  return moving.flatMap(reassignment => {
    const { topic, index, replicas, adding, removing } = reassignment
    const isr = topics.get(topic)?.partitions.find(partition => partition.index === index)?.isr
    if (!isr) return []
    const target = replicas.filter(id => !removing.includes(id) && !isr.includes(id))
    const added = target.filter(id => adding.includes(id))
    // Those that were there before are waited for only where too few would be in sync without those that leave.
    const brokers = added.length > 0 ? added : target
    return brokers.length > 0 && brokers.every(id => !there.has(id))
      ? [{ partition: keyOf(reassignment), brokers }]
      : []
  })
}

/** Throws Failed where moves wait for brokers that are away. */
export function refuseStalled(stalled: readonly StalledMove[]): void {
  if (stalled.length === 0) return
  const brokers = [...new Set(stalled.flatMap(({ brokers }) => brokers))].sort((a, b) => a - b)
  const shown = stalled.slice(0, 5).map(({ partition }) => partition)
  const more = stalled.length > shown.length ? ` and ${stalled.length - shown.length} more` : ''
  const they = brokers.length === 1 ? 'it is' : 'they are'
  throw new Failed(
    `${count(stalled.length, 'partition')} ${stalled.length === 1 ? 'waits' : 'wait'} for ${brokers.length === 1 ? 'broker' : 'brokers'} ${brokers.join(', ')}, not there: ${shown.join(', ')}${more}.`,
    `What is being moved goes on when ${they} back; 'naru cluster cancel' takes it back; with 'naru cluster remove --dead' their replicas are made elsewhere.`
  )
}
