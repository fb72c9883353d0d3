import { MovePlanner } from '../../control/move-plan.ts'
import { type Load, loadIn, nearness, type Site, weigh } from '../../control/placement.ts'
import type { ClusterState, StatedPartition } from './state.ts'

/** What a broker has. */
export interface BrokerHolding {
  readonly broker: number
  /** Null for one that has replicas and is not there. */
  readonly host: string | null
  readonly rack: string | null
  readonly there: boolean
  readonly replicas: number
  readonly leads: number
  /** Partitions that it should lead: it has their first replica. */
  readonly preferred: number
  /** Of its replicas, each counted as its partition's largest. */
  readonly bytes: number
}

/** The fewest and the most that a broker that is there has. */
export interface Evenness {
  readonly least: number
  readonly most: number
}

/** Where replicas lie, and how evenly. */
export interface Distribution {
  readonly brokers: readonly BrokerHolding[]
  readonly even: Readonly<Record<'replicas' | 'leads' | 'preferred' | 'bytes', Evenness>>
  /** Partitions whose replicas share a rack or a host while they need not. */
  readonly together: readonly SharedPlace[]
}

export interface SharedPlace {
  readonly topic: string
  readonly partition: number
  readonly replicas: readonly number[]
  readonly shares: 'rack' | 'host'
}

/** What `naru cluster rebalance` does. */
export const rebalanced = ({ sites, partitions }: Pick<ClusterState, 'sites' | 'partitions'>) =>
  new MovePlanner(sites, partitions).separate().even().spreadLeaders().plan()

export function distributionOf(state: ClusterState): Distribution {
  const { brokers, partitions } = state
  const known = new Map(brokers.map(broker => [broker.id, broker]))
  const held = loadsOf(partitions)
  const leads = new Map<number, number>()
  const bytes = new Map<number, number>()
  const add = (to: Map<number, number>, id: number, more: number) => to.set(id, (to.get(id) ?? 0) + more)
  for (const { leader, replicas, bytes: size } of partitions) {
    if (leader >= 0) add(leads, leader, 1)
    for (const id of replicas) add(bytes, id, size)
  }
  const ids = [...new Set([...known.keys(), ...held.keys(), ...leads.keys()])].sort((a, b) => a - b)
  const holdings = ids.map((id): BrokerHolding => {
    const broker = known.get(id)
    const { leads: preferred, replicas } = loadIn(held, id)
    return {
      broker: id,
      host: broker?.host ?? null,
      rack: broker?.rack ?? null,
      there: broker !== undefined,
      replicas,
      leads: leads.get(id) ?? 0,
      preferred,
      bytes: bytes.get(id) ?? 0
    }
  })
  const here = holdings.filter(({ there }) => there)
  const even = (of: 'replicas' | 'leads' | 'preferred' | 'bytes'): Evenness => {
    const counts = here.map(holding => holding[of])
    return { least: Math.min(...counts), most: Math.max(...counts) }
  }
  return {
    brokers: holdings,
    even: { replicas: even('replicas'), leads: even('leads'), preferred: even('preferred'), bytes: even('bytes') },
    together: together(state)
  }
}

export function loadsOf(partitions: readonly Pick<StatedPartition, 'replicas'>[]): ReadonlyMap<number, Load> {
  const loads = new Map<number, Load>()
  for (const { replicas } of partitions) weigh(loads, replicas, 1)
  return loads
}

/** Partitions that a plan which only puts replicas apart would change. */
function together({ sites, partitions }: ClusterState): SharedPlace[] {
  const byId = new Map(sites.map(site => [site.nodeId, site]))
  const { moves } = new MovePlanner(sites, partitions).separate().plan()
  return moves.map(({ partition: { topic, index, replicas }, replicas: apart }) => {
    const racks = (ids: readonly number[]) =>
      pairs(ids, byId).filter(([a, b]) => nearness(a, { ...b, host: undefined })).length
    return { topic, partition: index, replicas, shares: racks(apart) < racks(replicas) ? 'rack' : 'host' }
  })
}

function pairs(ids: readonly number[], sites: ReadonlyMap<number, Site>): [Site, Site][] {
  const there = ids.flatMap(id => sites.get(id) ?? [])
  return there.flatMap((a, at) => there.slice(at + 1).map((b): [Site, Site] => [a, b]))
}
