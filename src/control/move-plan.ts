import { nearness, type Site } from './placement.ts'

/** A partition as a plan sees it. */
export interface PlacedPartition {
  readonly topic: string
  readonly index: number
  /** The preferred leader first. Where a reassignment is under way, those that there will be. */
  readonly replicas: readonly number[]
  /** What one more replica costs to copy. */
  readonly bytes: number
}

/** What a plan does with a partition: other replicas, or the same in another order. */
export interface PlannedMove {
  readonly partition: PlacedPartition
  readonly replicas: readonly number[]
}

export interface MovePlan {
  readonly moves: readonly PlannedMove[]
  /** Partitions that need another broker where there is none that has no replica of it. */
  readonly stuck: readonly PlacedPartition[]
}

interface Placed {
  readonly partition: PlacedPartition
  replicas: number[]
}

/**
 * Plans where replicas go, pure: partitions are placed on `sites`, the brokers that may have replicas. Of all ways to the goal one that moves the
 * fewest replicas; a replica that moves never shares more with the others of its partition (broker, host, rack) than need be; leaders are
 * spread by the order of replicas, which moves nothing.
 */
export class MovePlanner {
  private readonly sites: ReadonlyMap<number, Site>
  private readonly placed: Placed[]
  /** What each site has. */
  private readonly hosted = new Map<number, Set<Placed>>()
  private readonly stuck: PlacedPartition[] = []

  constructor(sites: readonly Site[], partitions: readonly PlacedPartition[]) {
    this.sites = new Map(sites.map(site => [site.nodeId, site]))
    for (const { nodeId } of sites) this.hosted.set(nodeId, new Set())
    // The cheapest to move come first.
    this.placed = partitions
      .map(partition => ({ partition, replicas: [...partition.replicas] }))
      .sort((a, b) => a.partition.bytes - b.partition.bytes)
    for (const placed of this.placed) for (const nodeId of placed.replicas) this.hosted.get(nodeId)?.add(placed)
  }

  plan(): MovePlan {
    const moves = this.placed
      .filter(({ partition, replicas }) => replicas.join() !== partition.replicas.join())
      .map(({ partition, replicas }) => ({ partition, replicas }))
    return { moves, stuck: this.stuck }
  }

  /** Takes every replica off these brokers, which are no sites; what they led is led by those that lead least. */
  vacate(brokers: ReadonlySet<number>): this {
    const leaderless: Placed[] = []
    for (const placed of this.placed) {
      const leaving = placed.replicas.filter(nodeId => brokers.has(nodeId))
      if (leaving.length === 0) continue
      const staying = placed.replicas.filter(nodeId => !brokers.has(nodeId))
      const chosen = this.grown(placed, staying, placed.replicas.length)
      if (!chosen) this.stuck.push(placed.partition)
      else {
        if (leaving.includes(placed.replicas[0])) leaderless.push(placed)
        this.place(placed, chosen)
      }
    }
    return this.spreadLeaders(leaderless)
  }

  /** Gives partitions so many replicas: more where they share the least, fewer where they share the most. */
  resize(partitions: ReadonlySet<PlacedPartition>, count: number): this {
    for (const placed of this.placed) {
      if (!partitions.has(placed.partition)) continue
      if (placed.replicas.length <= count) {
        const chosen = this.grown(placed, placed.replicas, count)
        if (chosen) this.place(placed, chosen)
        else this.stuck.push(placed.partition)
        continue
      }
      while (placed.replicas.length > count) this.place(placed, this.shrunk(placed.replicas))
    }
    return this
  }

  /** Moves replicas that share a host or a rack with others of their partition to where they share less. */
  separate(): this {
    for (const placed of this.placed)
      for (const nodeId of placed.replicas) {
        const others = placed.replicas.filter(other => other !== nodeId)
        const now = this.shared(nodeId, others)
        if (now === 0) continue
        const chosen = this.grown(placed, others, placed.replicas.length)
        const better = chosen?.find(other => !placed.replicas.includes(other))
        if (better === undefined || this.shared(better, others) >= now) continue
        this.place(
          placed,
          placed.replicas.map(other => (other === nodeId ? better : other))
        )
      }
    return this
  }

  /** Evens out how many replicas brokers have; only by moves to `towards` where that is given. */
  even(towards?: ReadonlySet<number>): this {
    const saturated = new Set<number>()
    for (;;) {
      const counts = [...this.hosted].map(([nodeId, placed]) => ({ nodeId, count: placed.size }))
      const receivers = counts.filter(({ nodeId }) => !saturated.has(nodeId) && (!towards || towards.has(nodeId)))
      if (receivers.length === 0) return this
      const to = receivers.reduce((least, next) => (next.count < least.count ? next : least))
      const givers = counts.filter(({ count }) => count > to.count + 1).sort((a, b) => b.count - a.count)
      if (!givers.some(({ nodeId }) => this.moveOne(nodeId, to.nodeId))) saturated.add(to.nodeId)
    }
  }

  /** Reorders replicas so that brokers are preferred leaders of as many partitions each as can be: of these, or of all. */
  spreadLeaders(partitions: readonly Placed[] = this.placed): this {
    const leads = new Map([...this.sites.keys()].map(nodeId => [nodeId, 0]))
    const movable = new Set(partitions)
    for (const { replicas } of this.placed) leads.set(replicas[0], (leads.get(replicas[0]) ?? 0) + 1)
    const led = new Map<number, Set<Placed>>()
    for (const placed of movable) ledBy(led, placed.replicas[0]).add(placed)
    // From who leads most along partitions that the next could lead, until nobody at the end leads two fewer.
    const exhausted = new Set<number>()
    for (;;) {
      const [from] = [...led.keys()]
        .filter(nodeId => !exhausted.has(nodeId))
        .sort((a, b) => (leads.get(b) ?? 0) - (leads.get(a) ?? 0))
      if (from === undefined) return this
      const path = pathToLess(from, led, leads)
      if (!path) {
        // Nor will there be one: whoever it could reach has nothing to give either.
        exhausted.add(from)
        continue
      }
      for (const { placed, to } of path) {
        const [before] = placed.replicas
        ledBy(led, before).delete(placed)
        placed.replicas = [to, ...placed.replicas.filter(nodeId => nodeId !== to)]
        ledBy(led, to).add(placed)
      }
      leads.set(from, leads.get(from)! - 1)
      const { to } = path[path.length - 1]
      leads.set(to, leads.get(to)! + 1)
    }
  }

  /** Moves one replica, where that makes its partition share no more than now; one that need not lead, if there is such. */
  private moveOne(from: number, to: number): boolean {
    let best: Placed | undefined
    for (const placed of this.hosted.get(from) ?? []) {
      if (placed.replicas.includes(to)) continue
      const others = placed.replicas.filter(nodeId => nodeId !== from)
      if (this.shared(to, others) > this.shared(from, others)) continue
      const leads = placed.replicas[0] === from
      if (!best || !leads) best = placed
      if (!leads) break
    }
    if (!best) return false
    this.place(
      best,
      best.replicas.map(nodeId => (nodeId === from ? to : nodeId))
    )
    return true
  }

  /** Replicas with more behind them, each where it shares the least, and of those where the fewest are. */
  private grown(placed: Placed, replicas: readonly number[], count: number): number[] | undefined {
    const chosen = [...replicas]
    while (chosen.length < count) {
      const free = [...this.sites.keys()].filter(
        nodeId => !chosen.includes(nodeId) && !placed.replicas.includes(nodeId)
      )
      if (free.length === 0) return undefined
      const rank = (nodeId: number) => [this.shared(nodeId, chosen), this.hosted.get(nodeId)!.size, nodeId]
      chosen.push(free.reduce((best, next) => (isLess(rank(next), rank(best)) ? next : best)))
    }
    return chosen
  }

  /** Without the replica, other than the preferred leader, that shares the most, and of those the one where the most are. */
  private shrunk(replicas: readonly number[]): number[] {
    const [, ...others] = replicas
    const rank = (nodeId: number) => [
      this.sites.has(nodeId) ? 0 : -1,
      -this.shared(
        nodeId,
        replicas.filter(other => other !== nodeId)
      ),
      -(this.hosted.get(nodeId)?.size ?? 0)
    ]
    const worst = others.reduce((worst, next) => (isLess(rank(next), rank(worst)) ? next : worst))
    return replicas.filter(nodeId => nodeId !== worst)
  }

  private place(placed: Placed, replicas: readonly number[]): void {
    for (const nodeId of placed.replicas) if (!replicas.includes(nodeId)) this.hosted.get(nodeId)?.delete(placed)
    for (const nodeId of replicas) if (!placed.replicas.includes(nodeId)) this.hosted.get(nodeId)?.add(placed)
    placed.replicas = [...replicas]
  }

  /** How much a broker would fail together with others. */
  private shared(nodeId: number, others: readonly number[]): number {
    const site = this.sites.get(nodeId)
    if (!site) return 0
    return others.reduce((sum, other) => {
      const otherSite = this.sites.get(other)
      return otherSite ? sum + nearness(site, otherSite) : sum
    }, 0)
  }
}

/** The steps by which a leadership goes from one broker to another that leads two fewer at least: the shortest way. */
function pathToLess(
  from: number,
  led: ReadonlyMap<number, ReadonlySet<Placed>>,
  leads: ReadonlyMap<number, number>
): { placed: Placed; to: number }[] | undefined {
  const cameBy = new Map<number, { at: number; placed: Placed } | undefined>([[from, undefined]])
  const most = leads.get(from) ?? 0
  for (const at of cameBy.keys())
    for (const placed of led.get(at) ?? [])
      for (const to of placed.replicas) {
        if (cameBy.has(to) || !leads.has(to)) continue
        cameBy.set(to, { at, placed })
        if ((leads.get(to) ?? 0) > most - 2) continue
        const path: { placed: Placed; to: number }[] = []
        for (let node = to, step = cameBy.get(node); step; node = step.at, step = cameBy.get(node))
          path.unshift({ placed: step.placed, to: node })
        return path
      }
  return undefined
}

function ledBy(led: Map<number, Set<Placed>>, nodeId: number): Set<Placed> {
  const found = led.get(nodeId) ?? new Set()
  led.set(nodeId, found)
  return found
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, i) => value !== b[i])
  return at !== -1 && a[at] < b[at]
}
