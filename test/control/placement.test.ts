import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Load, loadIn, placeReplicas, type Site, weigh } from '../../src/control/placement.ts'

const site = (nodeId: number, rack?: string, host?: string): Site => ({ nodeId, rack, host })

/** A cluster in which one topic after the other is made. */
function world(sites: readonly Site[], away: readonly Site[] = []) {
  const loads = new Map<number, Load>()
  const load = (nodeId: number) => loadIn(loads, nodeId)
  return {
    load,
    make(count: number, replicationFactor: number, topic: readonly (readonly number[])[] = []): number[][] {
      const placed = placeReplicas({ sites, away, load, topic }, count, replicationFactor)
      for (const replicas of placed) weigh(loads, replicas, 1)
      return placed
    },
    leads: () => sites.map(({ nodeId }) => load(nodeId).leads),
    replicas: () => sites.map(({ nodeId }) => load(nodeId).replicas)
  }
}

const spread = (counts: Iterable<number>) => Math.max(...counts) - Math.min(...counts)
const leadsOf = (sites: readonly Site[], placed: readonly (readonly number[])[]) =>
  sites.map(({ nodeId }) => placed.filter(([leader]) => leader === nodeId).length)

/** Brokers in racks, on hosts of a rack, in any number and order; without racks or hosts where there are 0. */
const anySites = fc
  .record({
    racks: fc.integer({ min: 0, max: 4 }),
    hosts: fc.integer({ min: 0, max: 3 }),
    places: fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { minLength: 1, maxLength: 10 })
  })
  .map(({ racks, hosts, places }) =>
    places.map(([rack, host], at) => {
      const inRack = racks === 0 ? undefined : `rack-${rack % racks}`
      return site(at + 1, inRack, hosts === 0 ? undefined : `${inRack} host-${host % hosts}`)
    })
  )

const topics = fc.array(fc.record({ count: fc.integer({ min: 1, max: 12 }), more: fc.nat(4) }), {
  minLength: 1,
  maxLength: 8
})

/** How many different racks or hosts; those who don't say have one of their own. */
const distinct = (sites: readonly Site[], of: 'rack' | 'host') =>
  new Set(sites.map(site => site[of] ?? site.nodeId)).size

describe('placement of replicas', () => {
  it('puts each replica of a partition on another broker, in as many racks and on as many hosts as there can be', () => {
    fc.assert(
      fc.property(anySites, topics, (sites, wanted) => {
        const cluster = world(sites)
        for (const { count, more } of wanted) {
          const replicationFactor = Math.min(sites.length, 1 + more)
          for (const replicas of cluster.make(count, replicationFactor)) {
            assert.equal(new Set(replicas).size, replicationFactor)
            const chosen = replicas.map(nodeId => sites[nodeId - 1])
            assert.equal(distinct(chosen, 'rack'), Math.min(distinct(sites, 'rack'), replicationFactor), 'racks')
            for (const rack of new Set(sites.map(({ rack }) => rack))) {
              const inRack = (all: readonly Site[]) => all.filter(site => site.rack === rack)
              const most = Math.min(distinct(inRack(sites), 'host'), inRack(chosen).length)
              assert.equal(distinct(inRack(chosen), 'host'), most, 'hosts of a rack')
            }
          }
        }
      })
    )
  })

  it('spreads leaders evenly, in each topic and over all that were made one after the other', () => {
    fc.assert(
      fc.property(anySites, topics, (sites, wanted) => {
        const cluster = world(sites)
        for (const { count, more } of wanted) {
          const placed = cluster.make(count, Math.min(sites.length, 1 + more))
          assert.ok(spread(leadsOf(sites, placed)) <= 1, 'of the topic')
          assert.ok(spread(cluster.leads()) <= 1, `of all: ${cluster.leads()}`)
        }
      })
    )
  })

  it('spreads the leaders of a topic that grows bit by bit', () => {
    fc.assert(
      fc.property(anySites, topics, (sites, steps) => {
        const cluster = world(sites)
        cluster.make(7, 1)
        const topic: number[][] = []
        for (const { count } of steps) {
          topic.push(...cluster.make(count, Math.min(2, sites.length), topic))
          assert.ok(spread(leadsOf(sites, topic)) <= 1)
        }
      })
    )
  })

  it('gives brokers of racks of one size about the same number of replicas, though leaders and racks come first', () => {
    const shape = fc.record({ racks: fc.integer({ min: 1, max: 4 }), perRack: fc.integer({ min: 1, max: 3 }) })
    fc.assert(
      fc.property(shape, topics, ({ racks, perRack }, wanted) => {
        const sites = Array.from({ length: racks * perRack }, (_, at) =>
          site(at + 1, `rack-${at % racks}`, `host-${at}`)
        )
        const cluster = world(sites)
        for (const { count, more } of wanted) {
          const placed = cluster.make(count, Math.min(sites.length, 1 + more))
          const ofTopic = sites.map(({ nodeId }) => placed.filter(replicas => replicas.includes(nodeId)).length)
          assert.ok(spread(ofTopic) <= 2, `of the topic: ${ofTopic}`)
          assert.ok(spread(cluster.replicas()) <= 2, `of all: ${cluster.replicas()}`)
        }
      })
    )
  })

  it('evens out over time, whatever topics of one partition come', () => {
    const shape = fc.record({ racks: fc.integer({ min: 1, max: 4 }), perRack: fc.integer({ min: 1, max: 3 }) })
    const factors = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(shape, factors, ({ racks, perRack }, cycle) => {
        const sites = Array.from({ length: racks * perRack }, (_, at) => site(at + 1, `rack-${at % racks}`))
        const cluster = world(sites)
        for (let made = 0; made < 60; made++) cluster.make(1, Math.min(sites.length, cycle[made % cycle.length]))
        assert.ok(spread(cluster.leads()) <= 1, `leaders: ${cluster.leads()}`)
        assert.ok(spread(cluster.replicas()) <= 2, `replicas: ${cluster.replicas()}`)
      })
    )
  })

  it('gives a broker that is new no more of a topic than the others, however little it has', () => {
    const cluster = world([site(1), site(2), site(3)])
    cluster.make(30, 2)
    const placed = placeReplicas({ sites: [1, 2, 3, 4].map(id => site(id)), load: cluster.load }, 12, 2)
    for (const nodeId of [1, 2, 3, 4]) {
      assert.equal(placed.filter(([leader]) => leader === nodeId).length, 3)
      assert.equal(placed.filter(replicas => replicas.includes(nodeId)).length, 6)
    }
    assert.equal(placeReplicas({ sites: [1, 2, 3, 4].map(id => site(id)), load: cluster.load }, 1, 2)[0][0], 4)
  })

  it('leaves what a broker leads to more than one other', () => {
    for (const made of [world([1, 2, 3, 4].map(id => site(id))).make(40, 3), oneByOne()]) {
      const seconds = made.filter(([leader]) => leader === 1).map(([, second]) => second)
      assert.deepEqual([...new Set(seconds)].sort(), [2, 3, 4])
    }
    function oneByOne() {
      const cluster = world([1, 2, 3, 4].map(id => site(id)))
      return Array.from({ length: 40 }, () => cluster.make(1, 3)[0])
    }
  })

  it('lends replicas to brokers that are away where the others are too few, and has them lead nothing', () => {
    const there = [site(1), site(2)]
    const away = [site(3), site(4)]
    for (const replicas of world(there, away).make(8, 2)) assert.deepEqual(replicas.toSorted(), [1, 2])
    const placed = world(there, away).make(8, 3)
    assert.deepEqual([...new Set(placed.map(([leader]) => leader))].toSorted(), [1, 2])
    assert.deepEqual([...new Set(placed.map(([, , last]) => last))].toSorted(), [3, 4])
    for (const replicas of world([site(1, 'a'), site(2, 'b')], [site(3, 'a'), site(4, 'c')]).make(8, 3))
      assert.equal(replicas[2], 4, 'to one in a rack that has none')
    assert.throws(() => world(there, away).make(1, 5), /only 4 broker\(s\) are registered/)
    assert.throws(() => world([], away).make(1, 2), /All brokers are currently fenced/)
  })

  it('is refused where there are fewer brokers than replicas', () => {
    assert.throws(() => world([site(1), site(2)]).make(1, 3), /only 2 broker\(s\) are registered/)
  })
})
