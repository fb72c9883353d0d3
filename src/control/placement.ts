import { NaruError } from '../std/errors.ts'

/** The most partitions that one request may make, as in Kafka. */
export const partitionsPerRequestMax = 10_000

/** Where a broker stands, as far as is known: what fails together. One that doesn't say shares nothing. */
export interface Site {
  readonly nodeId: number
  readonly rack?: string
  /** The machine. */
  readonly host?: string
}

/** What a broker has: of how many partitions it is the preferred leader, and of how many it has a replica. */
export interface Load {
  readonly leads: number
  readonly replicas: number
}

const noLoad: Load = { leads: 0, replicas: 0 }

/** Adds a partition's replicas to what brokers have, or takes them away. */
export function weigh(loads: Map<number, Load>, replicas: readonly number[], by: 1 | -1): void {
  for (const [at, nodeId] of replicas.entries()) {
    const { leads, replicas } = loadIn(loads, nodeId)
    if (replicas + by === 0) loads.delete(nodeId)
    else loads.set(nodeId, { leads: leads + (at === 0 ? by : 0), replicas: replicas + by })
  }
}

export const loadIn = (loads: ReadonlyMap<number, Load>, nodeId: number): Load => loads.get(nodeId) ?? noLoad

/** What there is to place replicas on. */
export interface Ground {
  /** Those that take replicas, and lead. */
  readonly sites: readonly Site[]
  /** Those that are away: they take what the others can't, and lead nothing. */
  readonly away?: readonly Site[]
  /** What a broker has of all topics together. */
  load(nodeId: number): Load
  /** The replicas of the partitions that the topic has already. */
  readonly topic?: readonly (readonly number[])[]
}

interface Seat {
  readonly site: Site
  /** Of this topic. */
  leads: number
  replicas: number
  /** Of all of them. */
  leadsInAll: number
  replicasInAll: number
}

/** So many brokers at most are tried as the leader of a partition. */
const leadersTried = 8

/**
 * Replicas for `count` partitions more of a topic, the leader first. Each leader is a broker that leads least of the topic, and of those one
 * that leads least of all topics. Followers go to other racks as far as there are any, then to other hosts, then to where the fewest
 * replicas are, of the topic and of all; what a broker leads is not all left to one other. Where several may lead, that one does which
 * leaves followers to the brokers that follow least. Throws INVALID_REPLICATION_FACTOR when there are fewer brokers than replicas.
 */
export function placeReplicas(ground: Ground, count: number, replicationFactor: number): number[][] {
  const { sites, away = [] } = ground
  if (replicationFactor > sites.length + away.length)
    throw new NaruError(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${replicationFactor} time(s): The target replication factor of ` +
        `${replicationFactor} cannot be reached because only ${sites.length + away.length} broker(s) are registered or ` +
        'some brokers have all their log directories cordoned.'
    )
  if (sites.length === 0)
    throw new NaruError(
      'INVALID_REPLICATION_FACTOR',
      'All brokers are currently fenced, or have all their log directories cordoned.'
    )
  const ring = seats(alternating(sites), ground)
  const lenders = seats(alternating(away), ground)
  const present = Math.min(replicationFactor, ring.length)
  return Array.from({ length: count }, () => {
    const [leader, ...followers] = evenest(
      leadersToTry(ring).map(leader => [leader, ...followersOf(leader, ring, present - 1)])
    )
    const chosen = [leader, ...followers]
    while (chosen.length < replicationFactor) chosen.push(leastShared(lenders, chosen))
    leader.leads++
    leader.leadsInAll++
    for (const seat of chosen) {
      seat.replicas++
      seat.replicasInAll++
    }
    return chosen.map(({ site }) => site.nodeId)
  })
}

function seats(sites: readonly Site[], { load, topic = [] }: Ground): Seat[] {
  const all = sites.map((site): Seat => {
    const { leads, replicas } = load(site.nodeId)
    return { site, leads: 0, replicas: 0, leadsInAll: leads, replicasInAll: replicas }
  })
  const byId = new Map(all.map(seat => [seat.site.nodeId, seat]))
  for (const replicas of topic)
    for (const [at, nodeId] of replicas.entries()) {
      const seat = byId.get(nodeId)
      if (seat) seat.replicas++
      if (seat && at === 0) seat.leads++
    }
  return all
}

/**
 * How many partitions a broker follows, of all topics. Everybody leads as many as the others in the long run: who has more replicas because
 * it has led already, and others have not yet, has no more than they will have.
 */
const follows = ({ leadsInAll, replicasInAll }: Seat) => replicasInAll - leadsInAll

/** Those that lead least, who follow least first; of many the first and the last. */
function leadersToTry(ring: readonly Seat[]): Seat[] {
  const least = (of: readonly Seat[], leads: (seat: Seat) => number) => {
    const min = of.reduce((min, seat) => Math.min(min, leads(seat)), Infinity)
    return of.filter(seat => leads(seat) === min)
  }
  const all = least(
    least(ring, ({ leads }) => leads),
    ({ leadsInAll }) => leadsInAll
  ).sort((a, b) => follows(a) - follows(b))
  return all.length <= leadersTried ? all : [...all.slice(0, leadersTried / 2), ...all.slice(-leadersTried / 2)]
}

function followersOf(leader: Seat, ring: readonly Seat[], count: number): Seat[] {
  const chosen = [leader]
  if (count > 0) {
    const at = ring.indexOf(leader)
    const line = rotated([...ring.slice(at + 1), ...ring.slice(0, at)], leader.leadsInAll)
    while (chosen.length <= count) chosen.push(leastShared(line, chosen))
  }
  return chosen.slice(1)
}

/** The first whose followers make what brokers follow least uneven: the sum of the squares grows by 2n + 1 where n becomes n + 1. */
function evenest(choices: readonly Seat[][]): Seat[] {
  const cost = ([, ...followers]: Seat[]) => followers.reduce((sum, seat) => sum + follows(seat), 0)
  return choices
    .map(choice => ({ choice, cost: cost(choice) }))
    .reduce((best, next) => (next.cost < best.cost ? next : best)).choice
}

/** Of those that are free the one that shares the least with the chosen, and of those one with the fewest replicas; the nearest in line. */
function leastShared(line: readonly Seat[], chosen: readonly Seat[]): Seat {
  let best: Seat | undefined
  let leastShared = 0
  for (const seat of line) {
    if (chosen.includes(seat)) continue
    let shared = 0
    for (const { site } of chosen) shared += nearness(seat.site, site)
    const more =
      best &&
      (shared - leastShared ||
        seat.replicas - best.replicas ||
        follows(seat) - follows(best) ||
        seat.leadsInAll - best.leadsInAll)
    if (more !== undefined && more >= 0) continue
    best = seat
    leastShared = shared
  }
  return best!
}

/** More than hosts that a partition's replicas could share: a shared rack is worse than any number of shared hosts. */
const rackWeight = 1 << 16

/** How much of what fails together two brokers share; summed over several, racks count before hosts. */
export function nearness(a: Site, b: Site): number {
  const sharesRack = a.rack !== undefined && a.rack === b.rack
  const sharesHost = a.host !== undefined && a.host === b.host
  return (sharesRack ? rackWeight : 0) + (sharesHost ? 1 : 0)
}

/** The brokers so that neighbours stand in different racks, and in a rack on different hosts, as far as may be. */
function alternating(sites: readonly Site[]): Site[] {
  const racks = grouped(sites, ({ rack }) => rack ?? '')
  return interleaved(racks.map(rack => interleaved(grouped(rack, ({ nodeId, host }) => host ?? nodeId))))
}

function grouped(sites: readonly Site[], key: (site: Site) => string | number): Site[][] {
  const groups = new Map<string | number, Site[]>()
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

/** A cordoned broker takes no replicas, whoever chooses them. Throws INVALID_REPLICA_ASSIGNMENT. */
export function checkCordons(added: readonly number[], cordoned: readonly number[]): void {
  const nodeId = added.find(replica => cordoned.includes(replica))
  if (nodeId !== undefined)
    throw new NaruError(
      'INVALID_REPLICA_ASSIGNMENT',
      `The manual partition assignment includes broker ${nodeId}, but all its log directories are cordoned.`
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
