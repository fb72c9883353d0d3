import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  completed,
  isReassigning,
  originalOf,
  reassigned,
  reverted,
  targetOf,
  waitsFor
} from '../../src/control/reassignment.ts'
import type { BrokerImage, MetadataImage, PartitionImage } from '../../src/control/types.ts'

/** An image with these brokers registered, each with its node id as epoch. */
function imageOf(nodeIds: readonly number[], draining: readonly number[] = []): MetadataImage {
  const brokers = new Map<number, BrokerImage>(
    nodeIds.map(nodeId => [
      nodeId,
      {
        nodeId,
        epoch: nodeId,
        endpoint: undefined,
        rack: undefined,
        host: undefined,
        draining: draining.includes(nodeId),
        cordoned: false
      }
    ])
  )
  return { broker: (nodeId: number) => brokers.get(nodeId) } as unknown as MetadataImage
}

const all = imageOf([1, 2, 3, 4, 5])

function partitionOn(replicas: readonly number[], more: Partial<PartitionImage> = {}): PartitionImage {
  const [leader] = replicas
  return { leader, leaderEpoch: 7, leaderBrokerEpoch: leader, replicas, isr: replicas, ...more }
}

describe('a reassignment', () => {
  it('puts the target first and those that leave behind, and ends when the target is in sync', () => {
    const moving = reassigned(all, partitionOn([1, 2, 3]), [4, 2])!
    assert.deepEqual(moving, { ...partitionOn([1, 2, 3]), replicas: [4, 2, 1, 3], adding: [4], removing: [1, 3] })
    assert.equal(completed(all, moving), undefined)
    const done = completed(all, { ...moving, isr: [1, 2, 3, 4] })
    assert.deepEqual(done, {
      leader: 4,
      leaderEpoch: 8,
      leaderBrokerEpoch: 4,
      replicas: [4, 2],
      isr: [2, 4]
    })
  })

  it('opens a new leader epoch when replicas go, also where the leader stays', () => {
    const done = reassigned(all, partitionOn([1, 2, 3]), [1, 2])
    assert.deepEqual(done, { ...partitionOn([1, 2]), leaderEpoch: 8 })
    const grown = reassigned(all, partitionOn([1, 2]), [2, 1, 3])!
    assert.equal(completed(all, { ...grown, isr: [1, 2, 3] })?.leaderEpoch, 7)
  })

  it('of the same replicas changes nothing, in another order only who is preferred', () => {
    assert.equal(reassigned(all, partitionOn([1, 2, 3]), [1, 2, 3]), undefined)
    assert.deepEqual(reassigned(all, partitionOn([1, 2, 3]), [3, 2, 1]), {
      ...partitionOn([1, 2, 3]),
      replicas: [3, 2, 1]
    })
  })

  it('that is cancelled leaves what there was', () => {
    const moving = reassigned(all, partitionOn([1, 2]), [4, 5])!
    assert.deepEqual(reverted(all, { ...moving, isr: [1, 2, 4] }), { ...partitionOn([1, 2]), leaderEpoch: 8 })
    const led = { ...moving, leader: 4, leaderBrokerEpoch: 4, isr: [4] }
    assert.equal(reverted(all, led), undefined, 'only an added replica has everything')
  })

  it('that is replaced forgets what only the old one added, but not while nobody else is in sync', () => {
    const moving = reassigned(all, partitionOn([1, 2]), [4, 1])!
    const replaced = reassigned(all, { ...moving, isr: [1, 2, 4] }, [1, 5])!
    assert.deepEqual([replaced.replicas, replaced.adding, replaced.removing], [[1, 5, 2], [5], [2]])
    assert.deepEqual([replaced.isr, replaced.leaderEpoch], [[1, 2], 8])
    const alone = { ...moving, leader: 4, leaderBrokerEpoch: 4, isr: [4] }
    const kept = reassigned(all, alone, [1, 5])!
    assert.deepEqual([kept.replicas, kept.adding, kept.removing, kept.leader], [[1, 5, 2, 4], [5], [2, 4], 4])
  })

  it('waits for somebody of the target who can lead', () => {
    const moving = reassigned(all, partitionOn([1, 2]), [4, 5])!
    const synced = { ...moving, isr: [1, 2, 4, 5] }
    assert.equal(completed(imageOf([1, 2]), synced), undefined)
    assert.equal(completed(imageOf([1, 2, 4, 5], [4]), synced)?.leader, 5)
    assert.equal(completed(imageOf([1, 2, 4], [4]), synced)?.leader, 4)
  })

  it('does not wait for a replica that was dead before, unless too few are in sync without those that leave', () => {
    const here = imageOf([1, 2, 4])
    const policy = (minIsr: number) => ({ minIsr, unclean: false })
    const moving = reassigned(here, partitionOn([2, 1, 3], { isr: [2, 1] }), [4, 1, 3])!
    assert.equal(completed(here, moving, policy(1)), undefined, 'the new one is not in sync')
    const joined = { ...moving, isr: [2, 1, 4] }
    const done = completed(here, joined, policy(2))!
    assert.deepEqual([done.replicas, done.isr, done.leader], [[4, 1, 3], [1, 4], 4])
    assert.deepEqual(waitsFor(joined, policy(2)), [])
    assert.equal(completed(here, joined, policy(3)), undefined, 'it would refuse acks=all from then on')
    assert.deepEqual(waitsFor(joined, policy(3)), [3])
    // One replica less, that of a broker which lives: what is in sync stays enough.
    const less = reassigned(here, partitionOn([1, 2, 3], { isr: [1, 2] }), [1, 3])!
    assert.deepEqual(completed(here, less, policy(1))!.isr, [1])
    assert.equal(completed(here, less, policy(2)), undefined)
  })

  it('keeps, whatever is asked and whoever is there, a leader or who may become one, and never gives up what alone has all', () => {
    const nodes = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 1 })
    const steps = fc.array(
      fc.record({ target: fc.option(nodes), isr: nodes, alive: fc.uniqueArray(fc.integer({ min: 1, max: 5 })) }),
      { maxLength: 12 }
    )
    fc.assert(
      fc.property(nodes, steps, (replicas, asked) => {
        let partition = partitionOn(replicas)
        for (const { target, isr, alive } of asked) {
          const image = imageOf(alive)
          const inSync = isr.filter(nodeId => partition.replicas.includes(nodeId) && nodeId !== partition.leader)
          partition = { ...partition, isr: [partition.leader, ...inSync] }
          const next =
            (target ? reassigned(image, partition, target) : isReassigning(partition) && reverted(image, partition)) ||
            partition
          for (const after of [next, completed(image, next)]) {
            if (!after) continue
            const { leader } = after
            assert.ok(after.isr.length > 0 && after.isr.every(nodeId => after.replicas.includes(nodeId)))
            assert.ok(
              after.isr.every(nodeId => partition.isr.includes(nodeId)),
              'nobody is in sync by being asked for'
            )
            assert.ok(after.isr.includes(leader))
            assert.equal(new Set(after.replicas).size, after.replicas.length)
            const gone = partition.replicas.some(nodeId => !after.replicas.includes(nodeId))
            if (gone || leader !== partition.leader) assert.ok(after.leaderEpoch > partition.leaderEpoch)
            if (leader !== partition.leader) assert.ok(alive.includes(leader))
            assert.deepEqual(after.adding?.filter(nodeId => after.removing?.includes(nodeId)) ?? [], [])
            if (target) assert.deepEqual(targetOf(after), target)
            if (after === next && target && !completed(image, next) && isReassigning(next))
              for (const nodeId of originalOf(partition)) assert.ok(originalOf(next).includes(nodeId))
          }
          partition = next
        }
      })
    )
  })
})
