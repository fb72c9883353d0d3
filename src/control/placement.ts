import { NaruError } from '../std/errors.ts'

/** The most partitions that one request may make, as in Kafka. */
export const partitionsPerRequestMax = 10_000

/** Where a broker stands, as far as is known: what fails together. */
export interface Site {
  readonly nodeId: number
  readonly rack?: string
  readonly endpoint?: { readonly host: string }
}

/**
 * Replicas for `count` partitions, the leader first: leaders go round the brokers from the `first` one on, racks and
 * hosts alternating; followers go to other racks and other hosts as far as there are any, and to other brokers each
 * time round, so that what a broker leads is not all left to one other. Those that are away take what the others can't, and
 * lead nothing. Throws INVALID_REPLICATION_FACTOR when there are fewer brokers than replicas.
 */
export function placeReplicas(
  sites: readonly Site[],
  first: number,
  count: number,
  replicationFactor: number,
  away: readonly { readonly nodeId: number }[] = []
): number[][] {
  if (replicationFactor > sites.length + away.length)
    throw new NaruError(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${replicationFactor} time(s): The target replication factor of ` +
        `${replicationFactor} cannot be reached because only ${sites.length + away.length} broker(s) are registered.`
    )
  if (sites.length === 0) throw new NaruError('INVALID_REPLICATION_FACTOR', 'All brokers are currently fenced.')
  const ring = alternating(sites)
  const missing = Math.max(0, replicationFactor - ring.length)
  return Array.from({ length: count }, (_, partition) => {
    const turn = first + partition
    const [leader, ...others] = rotated(ring, turn)
    const round = Math.floor(turn / ring.length)
    const placed = spread(leader, rotated(others, round), replicationFactor - missing)
    const lent = rotated(away, turn).slice(0, missing)
    return [...placed, ...lent.map(({ nodeId }) => nodeId)]
  })
}

/** A leader and the followers that share the least with it and with one another, the nearest in line first. */
function spread(leader: Site, line: readonly Site[], replicationFactor: number): number[] {
  const chosen = [leader]
  const left = [...line]
  while (chosen.length < replicationFactor) {
    const shared = left.map(site => Math.max(...chosen.map(other => nearness(site, other))))
    chosen.push(...left.splice(shared.indexOf(Math.min(...shared)), 1))
  }
  return chosen.map(({ nodeId }) => nodeId)
}

/** How much of what fails together two brokers share: nothing, a host, a rack, or both. */
export function nearness(a: Site, b: Site): number {
  if (a.rack !== undefined && a.rack === b.rack) return a.endpoint?.host === b.endpoint?.host ? 3 : 2
  return a.endpoint !== undefined && a.endpoint.host === b.endpoint?.host ? 1 : 0
}

/** The brokers so that neighbours stand in different racks, and in a rack on different hosts, as far as may be. */
function alternating(sites: readonly Site[]): Site[] {
  const racks = grouped(sites, ({ rack }) => rack ?? '')
  return interleaved(racks.map(rack => interleaved(grouped(rack, ({ endpoint }) => endpoint?.host ?? ''))))
}

function grouped(sites: readonly Site[], key: (site: Site) => string): Site[][] {
  const groups = new Map<string, Site[]>()
  for (const site of sites) {
    const group = groups.get(key(site))
    if (group) group.push(site)
    else groups.set(key(site), [site])
  }
  return [...groups.values()]
}

function interleaved(groups: readonly (readonly Site[])[]): Site[] {
  const longest = Math.max(0, ...groups.map(({ length }) => length))
  return Array.from({ length: longest }, (_, at) => groups.flatMap(group => group[at] ?? [])).flat()
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = items.length === 0 ? 0 : by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}

/** Checks replicas that a client chose for one partition. Throws INVALID_REPLICA_ASSIGNMENT in Kafka's words. */
export function checkAssignment(
  replicas: readonly number[],
  brokers: readonly number[],
  replicationFactor: number | undefined
): void {
  const refuse = (why: string): never => {
    throw new NaruError('INVALID_REPLICA_ASSIGNMENT', `The manual partition assignment includes ${why}`)
  }
  if (replicas.length === 0) refuse('an empty replica list.')
  const sorted = replicas.toSorted((a, b) => a - b)
  for (const [at, replica] of sorted.entries()) {
    if (!brokers.includes(replica)) refuse(`broker ${replica}, but no such broker is registered.`)
    if (replica === sorted[at - 1]) refuse(`the broker ${replica} more than once.`)
  }
  if (replicationFactor !== undefined && replicas.length !== replicationFactor)
    refuse(
      `a partition with ${replicas.length} replica(s), but this is not consistent with previous partitions, ` +
        `which have ${replicationFactor} replica(s).`
    )
}

/** Somebody has to be there to lead: INVALID_REPLICA_ASSIGNMENT where no one of the replicas chosen for a partition is. */
export function checkLeads(index: number, replicas: readonly number[], there: readonly Site[]): void {
  if (!there.some(({ nodeId }) => replicas.includes(nodeId)))
    throw new NaruError(
      'INVALID_REPLICA_ASSIGNMENT',
      `All brokers specified in the manual partition assignment for partition ${index} are fenced or in controlled shutdown.`
    )
}
