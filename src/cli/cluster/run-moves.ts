import { describeLogDirs } from '../../client/admin.ts'
import { electLeaders, listReassignments, reassignPartitions } from '../../client/admin-replicas.ts'
import type { Cluster } from '../../client/cluster.ts'
import type { PlannedMove } from '../../control/move-plan.ts'
import { sleep } from '../../std/clock.ts'
import type { NaruError } from '../../std/errors.ts'
import type { Progress } from '../progress.ts'
import { Stopped, type Stopping } from '../stopping.ts'
import { addedBy, bytesOf } from './plan-text.ts'
import { type StalledMove, StallWatch } from './stalled.ts'
import { keyOf } from './state.ts'

/** How often is looked how far it is. */
const pollMs = 250

export interface MoveOptions {
  /** How many partitions are under way at a time. */
  readonly inFlight: number
  readonly progress: Progress
  /** Once it is asked nothing more is begun, and what is under way is left alone. */
  readonly stopping: Stopping
  /** How long a move may wait for brokers that are away; 10 seconds when absent. */
  readonly patienceMs?: number
}

export interface MoveOutcome {
  readonly moved: number
  /** Under way when it was stopped. */
  readonly moving: number
  /** Not begun when it was stopped. */
  readonly left: number
  /** Under way, and not waited for any more. */
  readonly stalled: readonly StalledMove[]
  readonly failed: readonly { readonly partition: string; readonly error: NaruError }[]
}

/**
 * Moves partitions, some at a time, the cheapest first. What is under way is the cluster's: it comes to its end whether this goes on or
 * not.
 */
export async function runMoves(
  cluster: Cluster,
  moves: readonly PlannedMove[],
  { inFlight, progress, stopping, patienceMs = 10_000 }: MoveOptions
): Promise<MoveOutcome> {
  const totalBytes = moves.reduce((sum, move) => sum + bytesOf(move), 0)
  const waiting = [...moves]
  const active = new Map<string, PlannedMove>()
  const done: PlannedMove[] = []
  const failed: { partition: string; error: NaruError }[] = []
  const stalled: StalledMove[] = []
  const stalls = new StallWatch(cluster, patienceMs)
  let doneBytes = 0
  try {
    for (;;) {
      const next = stopping.asked ? [] : waiting.splice(0, inFlight - active.size)
      if (next.length > 0) {
        for (const move of next) active.set(keyOf(move.partition), move)
        const targets = next.map(({ partition: { topic, index }, replicas }) => ({ topic, index, replicas }))
        const reassigned = cluster.retrying(() => reassignPartitions(cluster, targets))
        for (const { target, error } of await stopping.within(reassigned)) {
          active.delete(keyOf(target))
          // Deleted since the plan was made: nothing is left to move.
          if (error.code !== 'UNKNOWN_TOPIC_OR_PARTITION') failed.push({ partition: keyOf(target), error })
        }
      }
      const reassigning = await stopping.within(cluster.retrying(() => listReassignments(cluster)))
      const under = new Set(reassigning.map(keyOf))
      for (const [key, move] of active)
        if (!under.has(key)) {
          active.delete(key)
          done.push(move)
          doneBytes += bytesOf(move)
          stalls.progressed()
        }
      // They keep nobody waiting: neither those that come behind them nor who has asked.
      const waits = stalls.find(reassigning.filter(moving => active.has(keyOf(moving))))
      for (const stall of await stopping.within(waits)) {
        active.delete(stall.partition)
        stalled.push(stall)
      }
      const bytes = doneBytes + (await stopping.within(copied(cluster, [...active.values()])))
      const fraction = totalBytes > 0 ? bytes / totalBytes : done.length / moves.length
      progress.update({ fraction, bytes, at: `${done.length} of ${moves.length} partitions` })
      if (stopping.asked || (active.size === 0 && waiting.length === 0)) break
      await sleep(cluster.clock, pollMs)
    }
    if (!stopping.asked) await stopping.within(lead(cluster, done))
  } catch (error) {
    // What has come of it so far is told all the same.
    if (!(error instanceof Stopped)) throw error
  }
  return { moved: done.length, moving: active.size, left: waiting.length, stalled, failed }
}

/** How much of moves under way is there already. */
async function copied(cluster: Cluster, moves: readonly PlannedMove[]): Promise<number> {
  if (moves.length === 0) return 0
  const added = new Map(
    moves.map(move => [keyOf(move.partition), { nodes: addedBy(move), most: move.partition.bytes }])
  )
  const topics = moves.map(({ partition: { topic, index } }) => ({ name: topic, partitions: [{ index }] }))
  const folders = await cluster.retrying(() => describeLogDirs(cluster, topics))
  let sum = 0
  for (const { broker, replicas } of folders)
    for (const { topic, partition, bytes } of replicas) {
      const move = added.get(keyOf({ topic, index: partition }))
      if (move?.nodes.includes(broker)) sum += Math.min(bytes, move.most)
    }
  return sum
}

/** The plan says by the order of replicas who leads; a leader that stayed is asked to give way. */
async function lead(cluster: Cluster, moves: readonly PlannedMove[]): Promise<void> {
  const names = [...new Set(moves.map(({ partition }) => partition.topic))]
  if (names.length === 0) return
  const moved = new Set(moves.map(({ partition }) => keyOf(partition)))
  const topics = (await cluster.retrying(() => cluster.fetchTopics(null))).filter(({ name }) => names.includes(name))
  const others = topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ index, leader, replicas }) => leader !== replicas[0] && moved.has(keyOf({ topic: name, index })))
      .map(({ index }) => ({ topic: name, index }))
  )
  await electLeaders(cluster, 'preferred', others)
}
