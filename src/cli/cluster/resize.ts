import type { Cluster } from '../../client/cluster.ts'
import { type MovePlan, MovePlanner } from '../../control/move-plan.ts'
import { NaruError } from '../../std/errors.ts'
import { Progress } from '../progress.ts'
import { Stopping } from '../stopping.ts'
import { goOnHint, judge } from './moving.ts'
import { runMoves } from './run-moves.ts'
import { stateOf } from './state.ts'

const inFlight = 32

/** What it takes for each partition of a topic to have so many replicas. Rejects with INVALID_REPLICATION_FACTOR where brokers are lacking. */
export async function resizing(cluster: Cluster, topic: string, replicas: number): Promise<MovePlan> {
  const { sites, partitions } = await cluster.retrying(() => stateOf(cluster))
  const concerned = new Set(
    partitions.filter(partition => partition.topic === topic && partition.replicas.length !== replicas)
  )
  const plan = new MovePlanner(sites, partitions).resize(concerned, replicas).plan()
  if (plan.stuck.length > 0)
    throw new NaruError(
      'INVALID_REPLICATION_FACTOR',
      `Topic ${topic} can't have ${replicas} replicas: there are ${sites.length} brokers.`
    )
  return plan
}

/** Does it, and waits for the end. */
export async function resize(cluster: Cluster, topic: string, replicas: number): Promise<void> {
  const { moves } = await resizing(cluster, topic, replicas)
  const stopping = new Stopping(cluster.clock, { hint: goOnHint }).onSignal()
  const progress = new Progress()
  try {
    judge(await runMoves(cluster, moves, { inFlight, progress, stopping }))
  } finally {
    progress.end()
    stopping.end()
  }
}
