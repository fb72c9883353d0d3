import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { electedBy, repaired, withIsr, without } from '../../src/control/election.ts'
import type { BrokerImage, MetadataImage, PartitionImage } from '../../src/control/types.ts'

const policy = { minIsr: 2, unclean: false }
const unclean = { minIsr: 2, unclean: true }

const epochOf = (nodeId: number) => nodeId * 100

/** An image in which these brokers are registered. */
function there(...nodeIds: readonly number[]): MetadataImage {
  const brokers = nodeIds.map(
    (nodeId): BrokerImage => ({
      nodeId,
      epoch: epochOf(nodeId),
      endpoint: undefined,
      rack: undefined,
      host: undefined,
      draining: false,
      cordoned: false
    })
  )
  return {
    clusterId: 'c',
    controllerId: -1,
    controllerEpoch: 0,
    revision: 0,
    topic: () => undefined,
    topicById: () => undefined,
    topics: () => [],
    reassigning: () => [],
    brokers: () => brokers,
    absentees: () => [],
    load: () => ({ leads: 0, replicas: 0 }),
    broker: nodeId => brokers.find(broker => broker.nodeId === nodeId),
    brokerConfigs: () => ({})
  }
}

const led = (leader: number, isr: readonly number[], elr?: readonly number[]): PartitionImage => ({
  leader,
  leaderEpoch: 5,
  leaderBrokerEpoch: epochOf(leader),
  replicas: [1, 2, 3],
  isr,
  ...(elr && { elr })
})

const sets = (partition: PartitionImage | undefined | string) =>
  typeof partition === 'object' ? [partition.leader, partition.isr, partition.elr ?? []] : partition

describe('replicas that leave the ISR', () => {
  it('stay eligible while it is under min ISR, until it is not', () => {
    let partition = withIsr(led(1, [1, 2, 3]), [1, 2], 2)
    assert.deepEqual(sets(partition), [1, [1, 2], []], 'the high watermark moves on without the third')
    partition = withIsr(partition, [1], 2)
    assert.deepEqual(sets(partition), [1, [1], [2]])
    partition = withIsr(partition, [1, 3], 2)
    assert.deepEqual(sets(partition), [1, [1, 3], []])
    assert.equal('elr' in partition, false)
  })

  it('of a partition with fewer replicas than min ISR are held to what there can be', () => {
    const partition = { ...led(1, [1, 2]), replicas: [1, 2] }
    assert.deepEqual(sets(withIsr(partition, [1], 5)), [1, [1], [2]])
    assert.deepEqual(sets(withIsr(withIsr(partition, [1], 5), [1, 2], 5)), [1, [1, 2], []])
  })
})

describe('the next leader', () => {
  it('is in sync, though others are eligible', () => {
    const next = repaired(there(2, 3), led(1, [1, 3], [2]), { minIsr: 3, unclean: false })
    assert.deepEqual(sets(next), [3, [3], [1, 2]])
    assert.equal(next?.leaderEpoch, 6)
    assert.equal(next?.leaderBrokerEpoch, epochOf(3))
  })

  it('is eligible where nobody in sync is left; the ISR begins with it and the others stay eligible', () => {
    assert.deepEqual(sets(repaired(there(2), led(1, [1], [2, 3]), policy)), [2, [2], [1, 3]])
    assert.deepEqual(sets(electedBy('unclean', there(2, 3), led(1, [1], [3]), policy)), [3, [3], [1]])
  })

  it('is nobody where nobody has what was committed, unless the topic wants anyone', () => {
    assert.equal(repaired(there(2, 3), led(1, [1]), policy), undefined)
    const next = repaired(there(2, 3), led(1, [1]), unclean)
    assert.deepEqual([sets(next), next?.leaderEpoch], [[2, [2], []], 6])
    assert.equal(repaired(there(), led(1, [1], [2]), unclean), undefined)
  })

  it('is an eligible one before anyone, and anyone before an eligible one that is not there', () => {
    assert.deepEqual(sets(repaired(there(2, 3), led(1, [1], [3]), unclean)), [3, [3], [1]])
    assert.deepEqual(sets(repaired(there(2), led(1, [1], [3]), unclean)), [2, [2], []])
  })

  it('is not an eligible one while a leader in sync drains: it may lack what acks=1 was told', () => {
    const image = there(1, 2)
    const draining = { ...image, broker: (nodeId: number) => ({ ...image.broker(nodeId)!, draining: nodeId === 1 }) }
    assert.equal(repaired(draining, led(1, [1], [2]), unclean), undefined)
  })
})

describe('a replica that can not be relied on', () => {
  it('is neither in sync nor eligible any more, and whoever leads goes on leading', () => {
    assert.deepEqual(sets(without(there(1, 2, 3), led(1, [1, 2, 3]), 2, policy)), [1, [1, 3], []])
    assert.deepEqual(sets(without(there(1, 2, 3), led(1, [1], [2, 3]), 2, policy)), [1, [1], [3]])
    assert.equal(without(there(1, 2, 3), led(1, [1], [3]), 2, policy), undefined)
  })

  it('gives leadership away, and is not eligible afterwards', () => {
    assert.deepEqual(sets(without(there(1, 2, 3), led(1, [1, 2]), 1, policy)), [2, [2], []])
    assert.deepEqual(sets(without(there(1, 3), led(1, [1], [2, 3]), 1, policy)), [3, [3], [2]])
  })

  it('leaves the last word to those that are eligible, and has it where there are none', () => {
    const waiting = without(there(2), led(1, [1], [3]), 1, policy)
    assert.deepEqual(sets(waiting), [1, [3], []])
    assert.deepEqual(sets(repaired(there(1, 2, 3), { ...waiting!, leaderBrokerEpoch: -1 }, policy)), [3, [3], []])
    assert.equal(without(there(2, 3), led(1, [1]), 1, policy), undefined)
    assert.equal(without(there(1), led(1, [1], [3]), 1, policy), undefined, 'it leads until somebody can')
  })
})

/**
 * What makes an election clean, tried on a model: replicas have what they have, the high watermark moves as
 * `LeaderRole.committedEnd` lets it, brokers die and return, min.insync.replicas changes at any time.
 */
describe('whatever happens to brokers and to min.insync.replicas', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const) }),
    fc.record({ kind: fc.constant('fetch' as const), nodeId: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('shrink' as const), nodeId: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('expand' as const), nodeId: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('die' as const), nodeId: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('return' as const), nodeId: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('config' as const), minIsr: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constant('hear' as const) })
  )

  it('a leader has all that was committed', () => {
    let elections = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), steps => {
        let partition: PartitionImage = led(1, [1, 2, 3])
        const alive = new Set([1, 2, 3])
        const ends = new Map([1, 2, 3].map(nodeId => [nodeId, 0]))
        let committed = 0
        /** In the metastore; the leader hears of it later. */
        let minIsr = 2
        let leaderMinIsr = 2
        const end = (nodeId: number) => ends.get(nodeId)!
        const leads = () => alive.has(partition.leader)
        const commit = () => {
          if (!leads() || partition.elr || partition.isr.length < Math.min(leaderMinIsr, 3)) return
          committed = Math.max(committed, Math.min(...partition.isr.map(end)))
        }
        for (const happens of steps) {
          switch (happens.kind) {
            case 'write':
              if (leads()) ends.set(partition.leader, end(partition.leader) + 1)
              break
            case 'fetch':
              if (leads() && alive.has(happens.nodeId)) ends.set(happens.nodeId, end(partition.leader))
              break
            case 'shrink':
              if (leads() && happens.nodeId !== partition.leader)
                partition = withIsr(
                  partition,
                  partition.isr.filter(nodeId => nodeId !== happens.nodeId),
                  leaderMinIsr
                )
              break
            case 'expand':
              if (leads() && alive.has(happens.nodeId) && end(happens.nodeId) >= committed)
                partition = withIsr(partition, [...new Set([...partition.isr, happens.nodeId])], leaderMinIsr)
              break
            case 'die':
              alive.delete(happens.nodeId)
              break
            case 'return':
              alive.add(happens.nodeId)
              break
            case 'config':
              minIsr = happens.minIsr
              break
            case 'hear':
              leaderMinIsr = minIsr
              if (leads() && partition.elr) partition = withIsr(partition, partition.isr, leaderMinIsr)
              break
          }
          const next = repaired(there(...alive), partition, { minIsr, unclean: false })
          if (next) {
            elections++
            partition = next
            assert.ok(end(next.leader) >= committed, `${next.leader} has ${end(next.leader)} of ${committed}`)
            // Followers have no more than their leader, once they have cut their logs.
            for (const nodeId of alive) ends.set(nodeId, Math.min(end(nodeId), end(next.leader)))
          }
          commit()
        }
      }),
      { numRuns: 2000 }
    )
    assert.ok(elections > 1000)
  })
})
