import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { placeReplicas, type Site } from '../../src/control/placement.ts'

const site = (nodeId: number, rack?: string, host?: string): Site => ({
  nodeId,
  rack,
  endpoint: host === undefined ? undefined : { host }
})

const spread = (counts: Iterable<number>) => Math.max(...counts) - Math.min(...counts)

/** Brokers with racks and hosts, every one with the same number of others in its rack. */
const evenSites = fc.record({ racks: fc.integer({ min: 1, max: 4 }), perRack: fc.integer({ min: 1, max: 4 }) })

describe('placement of replicas', () => {
  it('puts each replica of a partition on another broker, and spreads leaders and replicas evenly', () => {
    fc.assert(
      fc.property(evenSites, fc.nat(50), fc.integer({ min: 1, max: 60 }), fc.nat(4), (shape, first, rounds, more) => {
        const sites = Array.from({ length: shape.racks * shape.perRack }, (_, at) =>
          site(at + 1, `rack-${at % shape.racks}`, `host-${at}`)
        )
        const replicationFactor = Math.min(sites.length, 1 + more)
        const placed = placeReplicas(sites, first, rounds, replicationFactor)
        const leads = new Map(sites.map(({ nodeId }) => [nodeId, 0]))
        for (const replicas of placed) {
          assert.equal(new Set(replicas).size, replicationFactor)
          leads.set(replicas[0], leads.get(replicas[0])! + 1)
          const racks = new Set(replicas.map(nodeId => sites[nodeId - 1].rack))
          assert.equal(racks.size, Math.min(shape.racks, replicationFactor), 'as many racks as there can be')
        }
        assert.ok(spread(leads.values()) <= 1, `leaders: ${[...leads.values()]}`)
      })
    )
  })

  it('uses different hosts where there are no racks', () => {
    const sites = [site(1, undefined, 'a'), site(2, undefined, 'a'), site(3, undefined, 'b'), site(4, undefined, 'b')]
    for (const replicas of placeReplicas(sites, 0, 16, 2))
      assert.notEqual(sites[replicas[0] - 1].endpoint?.host, sites[replicas[1] - 1].endpoint?.host)
  })

  it('leaves what a broker leads to more than one other', () => {
    const sites = [1, 2, 3, 4].map(nodeId => site(nodeId))
    const seconds = placeReplicas(sites, 0, 40, 3)
      .filter(([leader]) => leader === 1)
      .map(([, second]) => second)
    assert.deepEqual([...new Set(seconds)].sort(), [2, 3, 4])
  })

  it('lends replicas to brokers that are away where the others are too few, and has them lead nothing', () => {
    const there = [site(1), site(2)]
    const away = [site(3), site(4)]
    for (const replicas of placeReplicas(there, 0, 8, 2, away)) assert.deepEqual(replicas.toSorted(), [1, 2])
    const placed = placeReplicas(there, 0, 8, 3, away)
    assert.deepEqual([...new Set(placed.map(([leader]) => leader))].toSorted(), [1, 2])
    assert.deepEqual([...new Set(placed.map(([, , last]) => last))].toSorted(), [3, 4])
    assert.throws(() => placeReplicas(there, 0, 1, 5, away), /only 4 broker\(s\) are registered/)
    assert.throws(() => placeReplicas([], 0, 1, 2, away), /All brokers are currently fenced/)
  })

  it('is refused where there are fewer brokers than replicas', () => {
    assert.throws(() => placeReplicas([site(1), site(2)], 0, 1, 3), /only 2 broker\(s\) are registered/)
  })
})
