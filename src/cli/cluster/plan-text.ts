import type { MovePlan, PlacedPartition, PlannedMove } from '../../control/move-plan.ts'
import { bytesText, count, printTable } from '../output.ts'
import { type ClusterState, keyOf } from './state.ts'

/** What a plan means for one broker. */
export interface BrokerShare {
  readonly broker: number
  readonly replicas: { readonly from: number; readonly to: number }
  readonly leaders: { readonly from: number; readonly to: number }
  readonly bytesIn: number
  readonly bytesOut: number
}

export const addedBy = ({ partition, replicas }: PlannedMove): number[] =>
  replicas.filter(nodeId => !partition.replicas.includes(nodeId))

/** The bytes that a move copies. */
export const bytesOf = (move: PlannedMove): number => addedBy(move).length * move.partition.bytes

/** What a plan means for each broker that has, or will have, anything. */
export function sharesOf({ brokers, partitions }: ClusterState, { moves }: Pick<MovePlan, 'moves'>): BrokerShare[] {
  const planned = new Map(moves.map(({ partition, replicas }) => [keyOf(partition), replicas]))
  const ids = new Set([...brokers.map(({ id }) => id), ...partitions.flatMap(({ replicas }) => replicas)])
  const shares = new Map(
    [...ids].map(broker => [
      broker,
      { broker, replicas: { from: 0, to: 0 }, leaders: { from: 0, to: 0 }, bytesIn: 0, bytesOut: 0 }
    ])
  )
  const of = (broker: number) => shares.get(broker)!
  for (const partition of partitions) {
    const { replicas, leader, bytes } = partition
    const after = planned.get(keyOf(partition)) ?? replicas
    of(replicas[0]).leaders.from++
    of(after[0]).leaders.to++
    for (const broker of replicas) of(broker).replicas.from++
    for (const broker of after) {
      of(broker).replicas.to++
      if (replicas.includes(broker)) continue
      of(broker).bytesIn += bytes
      // Whoever leads sends it, also what another broker is rid of.
      const sender = shares.get(leader)
      if (sender) sender.bytesOut += bytes
    }
  }
  return [...shares.values()].sort((a, b) => a.broker - b.broker)
}

/** What a plan does, in one line. */
export function summaryOf(moves: readonly PlannedMove[]): string {
  const copied = moves.filter(move => addedBy(move).length > 0)
  const replicas = copied.reduce((sum, move) => sum + addedBy(move).length, 0)
  const others = moves.length - copied.length
  const bytes = moves.reduce((sum, move) => sum + bytesOf(move), 0)
  const parts: string[] = []
  if (replicas > 0)
    parts.push(`copies ${count(replicas, 'replica')} of ${count(copied.length, 'partition')}, ${bytesText(bytes)}`)
  if (others > 0) parts.push(`changes ${count(others, 'partition')} without copying`)
  return `The plan ${parts.join(', and ')}.`
}

export function printPlan(state: ClusterState, moves: readonly PlannedMove[]): void {
  const change = ({ from, to }: { from: number; to: number }) => (from === to ? String(from) : `${from} -> ${to}`)
  printTable(
    ['broker', 'replicas', 'leads', 'bytes in', 'bytes out'],
    sharesOf(state, { moves }).map(({ broker, replicas, leaders, bytesIn, bytesOut }) => [
      broker,
      change(replicas),
      change(leaders),
      bytesText(bytesIn),
      bytesText(bytesOut)
    ])
  )
  process.stdout.write(`${summaryOf(moves)}\n`)
}

/** The names of some partitions: the first few, and how many more. */
export function someOf(partitions: readonly PlacedPartition[], shown = 5): string {
  const names = partitions.slice(0, shown).map(keyOf)
  return partitions.length > shown ? `${names.join(', ')} and ${partitions.length - shown} more` : names.join(', ')
}

/** Moves as programs read them. */
export const movesJson = (moves: readonly PlannedMove[]) =>
  moves.map(({ partition: { topic, index, replicas, bytes }, replicas: to }) => ({
    topic,
    partition: index,
    from: replicas,
    to,
    bytes
  }))
