import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type MovePlan, MovePlanner, type PlacedPartition } from '../../src/control/move-plan.ts'
import { nearness, type Site } from '../../src/control/placement.ts'

const sitesOf = (count: number, racks = 0): Site[] =>
  Array.from({ length: count }, (_, at) => ({
    nodeId: at + 1,
    ...(racks > 0 && { rack: `rack-${at % racks}` }),
    host: `host-${at}`
  }))

/** Partitions on random ones of `brokers` brokers. */
const world = (racks = 0) =>
  fc
    .record({ brokers: fc.integer({ min: 3, max: 7 }), count: fc.integer({ min: 0, max: 40 }), seed: fc.nat() })
    .chain(({ brokers, count }) => {
      const nodes = Array.from({ length: brokers }, (_, at) => at + 1)
      const replicas = fc.shuffledSubarray(nodes, { minLength: 1, maxLength: 3 })
      return fc.record({
        sites: fc.constant(sitesOf(brokers, racks)),
        partitions: fc
          .array(fc.record({ replicas, bytes: fc.nat(1000) }), { minLength: count, maxLength: count })
          .map(list => list.map((partition, index): PlacedPartition => ({ topic: 't', index, ...partition })))
      })
    })

/** The partitions as they are after a plan. */
function after({ moves }: MovePlan, partitions: readonly PlacedPartition[]): PlacedPartition[] {
  const moved = new Map(moves.map(({ partition, replicas }) => [partition.index, replicas]))
  return partitions.map(partition => ({ ...partition, replicas: moved.get(partition.index) ?? partition.replicas }))
}

function counts(
  sites: readonly Site[],
  partitions: readonly PlacedPartition[],
  of: (p: PlacedPartition) => readonly number[]
) {
  const found = new Map(sites.map(({ nodeId }) => [nodeId, 0]))
  for (const partition of partitions)
    for (const nodeId of of(partition)) found.set(nodeId, (found.get(nodeId) ?? 0) + 1)
  return found
}

function spread(numbers: Iterable<number>): number {
  const list = [...numbers]
  return Math.max(...list) - Math.min(...list)
}

const added = ({ partition, replicas }: MovePlan['moves'][number]) =>
  replicas.filter(nodeId => !partition.replicas.includes(nodeId))

function wellFormed(plan: MovePlan): void {
  for (const { partition, replicas } of plan.moves) {
    assert.equal(replicas.length, partition.replicas.length)
    assert.equal(new Set(replicas).size, replicas.length)
  }
}

describe('a plan that empties a broker', () => {
  it('replaces its replicas, and nothing else, wherever another broker has none', () => {
    fc.assert(
      fc.property(world(), ({ sites, partitions }) => {
        const left = sites.filter(({ nodeId }) => nodeId !== 1)
        const plan = new MovePlanner(left, partitions).vacate(new Set([1])).plan()
        wellFormed(plan)
        assert.deepEqual(
          new Set(plan.stuck),
          new Set(partitions.filter(({ replicas }) => replicas.includes(1) && replicas.length > left.length))
        )
        for (const move of plan.moves) {
          assert.ok(move.partition.replicas.includes(1) && !move.replicas.includes(1))
          assert.equal(added(move).length, 1)
          if (move.partition.replicas[0] !== 1) assert.equal(move.replicas[0], move.partition.replicas[0])
        }
        assert.equal(
          plan.moves.length + plan.stuck.length,
          partitions.filter(({ replicas }) => replicas.includes(1)).length
        )
        assert.deepEqual(new MovePlanner(left, after(plan, partitions)).vacate(new Set([1])).plan().moves, [])
      })
    )
  })

  it('spreads what it had evenly over the others', () => {
    const sites = sitesOf(5)
    const partitions = Array.from({ length: 100 }, (_, index) => ({
      topic: 't',
      index,
      replicas: [1, 2 + (index % 4)],
      bytes: 1
    }))
    const plan = new MovePlanner(sites.slice(1), partitions).vacate(new Set([1])).plan()
    const done = after(plan, partitions)
    assert.ok(spread(counts(sites.slice(1), done, ({ replicas }) => replicas).values()) <= 1)
    assert.ok(spread(counts(sites.slice(1), done, ({ replicas }) => [replicas[0]]).values()) <= 1)
  })

  it('puts no two replicas into a rack while another has none', () => {
    const sites = sitesOf(6, 3)
    const partitions = Array.from({ length: 30 }, (_, index) => ({ topic: 't', index, replicas: [1, 2, 3], bytes: 1 }))
    const plan = new MovePlanner(sites.slice(1), partitions).vacate(new Set([1])).plan()
    for (const { replicas } of plan.moves) assert.deepEqual(added({ ...plan.moves[0], replicas }), [4])
  })
})

describe('a plan that evens out', () => {
  it('leaves brokers with the same number of replicas, by as few moves as that takes, and then has nothing to do', () => {
    fc.assert(
      fc.property(world(), ({ sites, partitions }) => {
        const plan = new MovePlanner(sites, partitions).even().plan()
        wellFormed(plan)
        const before = counts(sites, partitions, ({ replicas }) => replicas)
        const now = counts(sites, after(plan, partitions), ({ replicas }) => replicas)
        assert.ok(spread(now.values()) <= 1)
        // As few as possible: the excess over the best that each could keep.
        const total = [...before.values()].reduce((a, b) => a + b, 0)
        const floor = Math.floor(total / sites.length)
        const best = [...before.values()]
          .sort((a, b) => b - a)
          .map((_, at) => floor + (at < total % sites.length ? 1 : 0))
        const sorted = [...before.values()].sort((a, b) => b - a)
        const needed = sorted.reduce((sum, count, at) => sum + Math.max(0, count - best[at]), 0)
        assert.equal(
          plan.moves.reduce((sum, move) => sum + added(move).length, 0),
          needed
        )
        assert.deepEqual(new MovePlanner(sites, after(plan, partitions)).even().plan().moves, [])
      })
    )
  })

  it('gives a new broker its share and moves nothing between the others', () => {
    fc.assert(
      fc.property(world(), ({ sites, partitions }) => {
        const all = [...sites, { nodeId: 99, host: 'new' }]
        const plan = new MovePlanner(all, partitions).even(new Set([99])).plan()
        for (const move of plan.moves) assert.deepEqual(added(move), [99])
        const now = counts(all, after(plan, partitions), ({ replicas }) => replicas)
        const most = Math.max(...now.values())
        assert.ok(now.get(99)! + 1 >= Math.min(most, partitions.length) || now.get(99)! === partitions.length)
      })
    )
  })

  it('never has a partition share a host or a rack more than before', () => {
    const shared = (sites: readonly Site[], replicas: readonly number[]) =>
      replicas.reduce(
        (sum, a) => sum + replicas.reduce((more, b) => more + (a < b ? nearness(sites[a - 1], sites[b - 1]) : 0), 0),
        0
      )
    fc.assert(
      fc.property(world(3), ({ sites, partitions }) => {
        for (const plan of [
          new MovePlanner(sites, partitions).even().plan(),
          new MovePlanner(sites, partitions).separate().even().plan()
        ])
          for (const { partition, replicas } of plan.moves)
            assert.ok(shared(sites, replicas) <= shared(sites, partition.replicas))
        const apart = new MovePlanner(sites, partitions).separate().plan()
        const racks = (replicas: readonly number[]) => new Set(replicas.map(nodeId => sites[nodeId - 1].rack)).size
        for (const { replicas } of after(apart, partitions))
          assert.equal(racks(replicas), Math.min(3, replicas.length), 'there are three racks')
      })
    )
  })
})

describe('a plan for brokers of which several run on a machine', () => {
  const onMachines = (machines: number) =>
    world().map(({ sites, partitions }) => ({
      sites: sites.map(({ nodeId }) => ({ nodeId, host: `machine-${nodeId % machines}` })),
      partitions
    }))
  const machines = (sites: readonly Site[], replicas: readonly number[]) =>
    new Set(sites.filter(({ nodeId }) => replicas.includes(nodeId)).map(({ host }) => host)).size

  it('puts the replicas of a partition on as many of them as there are, and leaves no fewer when it evens out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }).chain(onMachines), ({ sites, partitions }) => {
        const all = new Set(sites.map(({ host }) => host)).size
        const plan = new MovePlanner(sites, partitions).separate().even().spreadLeaders().plan()
        for (const { replicas } of after(plan, partitions))
          assert.equal(machines(sites, replicas), Math.min(all, replicas.length))
      })
    )
  })

  it('takes from a broker what it has to a machine that has none of it', () => {
    fc.assert(
      fc.property(onMachines(3), ({ sites, partitions }) => {
        const left = sites.filter(({ nodeId }) => nodeId !== 1)
        for (const move of new MovePlanner(left, partitions).vacate(new Set([1])).plan().moves) {
          const staying = move.partition.replicas.filter(nodeId => nodeId !== 1)
          const [taker] = added(move)
          const free = left.filter(
            ({ nodeId, host }) =>
              !staying.includes(nodeId) && !left.some(other => staying.includes(other.nodeId) && other.host === host)
          )
          if (free.length > 0) assert.ok(free.some(({ nodeId }) => nodeId === taker))
        }
      })
    )
  })

  it('takes another rack for more than another machine', () => {
    const sites: Site[] = [
      { nodeId: 1, rack: 'a', host: 'x' },
      { nodeId: 2, rack: 'b', host: 'x' },
      { nodeId: 3, rack: 'a', host: 'y' }
    ]
    const plan = new MovePlanner(sites, [{ topic: 't', index: 0, replicas: [1, 3], bytes: 1 }]).separate().plan()
    assert.equal(plan.moves.length, 1)
    assert.ok(plan.moves[0].replicas.includes(2))
  })
})

describe('a plan that spreads leaders', () => {
  it('moves no replica, and never leaves one with two more than another that could lead for it', () => {
    fc.assert(
      fc.property(world(), ({ sites, partitions }) => {
        const plan = new MovePlanner(sites, partitions).spreadLeaders().plan()
        for (const move of plan.moves) assert.deepEqual(added(move), [])
        const done = after(plan, partitions)
        const leads = counts(sites, done, ({ replicas }) => [replicas[0]])
        for (const { replicas } of done)
          for (const other of replicas) assert.ok(leads.get(replicas[0])! - leads.get(other)! <= 1)
        assert.deepEqual(new MovePlanner(sites, done).spreadLeaders().plan().moves, [])
      })
    )
  })
})

describe('a plan that changes the number of replicas', () => {
  it('keeps the preferred leader, adds on other brokers, takes away the rest', () => {
    fc.assert(
      fc.property(world(3), fc.integer({ min: 1, max: 4 }), ({ sites, partitions }, count) => {
        const plan = new MovePlanner(sites, partitions).resize(new Set(partitions), count).plan()
        assert.equal(plan.stuck.length, count > sites.length ? partitions.length : 0)
        for (const { partition, replicas } of plan.moves) {
          assert.equal(replicas.length, count)
          assert.equal(replicas[0], partition.replicas[0])
          const kept = replicas.filter(nodeId => partition.replicas.includes(nodeId))
          assert.equal(kept.length, Math.min(count, partition.replicas.length))
        }
      })
    )
  })
})

it('a plan for ten thousand partitions is made at once', () => {
  const sites = sitesOf(4)
  const partitions = Array.from({ length: 10_000 }, (_, index) => {
    const first = index % 3
    return { topic: 't', index, replicas: [0, 1, 2].map(at => 1 + ((first + at) % 3)), bytes: index }
  })
  const plan = new MovePlanner(sites, partitions)
    .even(new Set([4]))
    .spreadLeaders()
    .plan()
  const done = after(plan, partitions)
  assert.equal(spread(counts(sites, done, ({ replicas }) => replicas).values()), 0)
  assert.ok(spread(counts(sites, done, ({ replicas }) => [replicas[0]]).values()) <= 1)
})
