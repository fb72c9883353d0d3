import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { divergence } from '../../src/partition/epochs.ts'
import { checkFetched } from '../../src/partition/follower.ts'
import { partitionTopicOptions } from '../../src/partition/options.ts'
import { Partition } from '../../src/partition/partition.ts'
import { buildBatch } from '../../src/record/build.ts'
import * as header from '../../src/record/header.ts'
import { OptionValues } from '../../src/std/option.ts'
import type { EpochStart } from '../../src/storage/types.ts'
import { logId, openStore, readAll, setting, syncConfig } from '../storage/support.ts'

/** A batch of so many records as a leader of that epoch keeps it. */
function at(baseOffset: number, leaderEpoch: number, value = 'x', records = 1): Buffer {
  const batch = buildBatch(Array.from({ length: records }, () => ({ timestamp: 1, value: Buffer.from(value) })))
  header.setBaseOffset(batch, baseOffset)
  header.setLeaderEpoch(batch, leaderEpoch)
  return batch
}

async function replica(index = 1) {
  const world = setting()
  const store = await openStore(world)
  const id = logId(index)
  const log = await store.open(id, syncConfig)
  const config = { ...new OptionValues({}).of(partitionTopicOptions), requireKeys: false }
  const identity = { topic: 't', topicId: id.topicId, index: id.partition }
  const partition = await Partition.open(log, identity, config, world.clock)
  const durable = () => new Promise<void>(resolve => partition.onDurable(partition.endOffset - 1, () => resolve()))
  return { store, log, partition, durable }
}

describe('what a follower takes', () => {
  const corrupt = { code: 'CORRUPT_MESSAGE' }
  /** Into a log that ends at `end`, with these epochs from these offsets on. */
  const take = (batches: Buffer, end: number, epochs: readonly EpochStart[], leaderEpoch: number) =>
    checkFetched(
      batches,
      {
        startOffset: 0,
        endOffset: end,
        latestEpoch: epochs.at(-1),
        epochAt: offset => epochs.findLast(({ startOffset }) => startOffset <= offset)?.epoch ?? -1
      },
      leaderEpoch
    )
  const from = (epoch: number, startOffset = 0): EpochStart => ({ epoch, startOffset })

  it('goes on where its log ends, without what it has already', () => {
    const batches = Buffer.concat([at(3, 1, 'a', 2), at(5, 1, 'b'), at(6, 2, 'c')])
    assert.deepEqual(take(batches, 3, [from(1)], 2), batches)
    assert.deepEqual(take(batches, 5, [from(1)], 2), batches.subarray(at(3, 1, 'a', 2).length))
    assert.equal(take(batches, 7, [from(1), from(2, 6)], 2).length, 0)
    assert.throws(() => take(batches, 4, [from(1)], 2), corrupt, 'half a batch is here')
  })

  it('is nothing damaged, and nothing whose offsets or epochs go back', () => {
    const flipped = at(0, 1)
    flipped[flipped.length - 1] ^= 1
    assert.throws(() => take(flipped, 0, [], 1), corrupt)
    assert.throws(() => take(at(0, 1).subarray(0, -1), 0, [], 1), corrupt)
    assert.throws(() => take(Buffer.concat([at(0, 1), at(0, 1)]), 0, [], 1), corrupt)
    assert.throws(() => take(at(0, 1), 0, [from(2)], 3), corrupt)
  })

  it('is not taken for what it has already when that is of another epoch', () => {
    assert.throws(() => take(at(4, 2), 5, [from(1)], 2), corrupt)
    assert.equal(take(at(4, 1), 5, [from(1)], 2).length, 0)
  })

  it('is nothing of a later epoch than the one it follows', () => {
    assert.equal(take(at(0, 3), 0, [from(1)], 2).length, 0)
    const known = at(0, 2)
    assert.deepEqual(take(Buffer.concat([known, at(1, 3)]), 0, [from(1)], 2), known)
  })
})

describe('a follower', () => {
  it('says only what it has durably', async () => {
    const { partition, durable, store } = await replica()
    const role = partition.follow(1)
    role.append(at(0, 1))
    assert.deepEqual(role.position(), { offset: 0, lastEpoch: 1 })
    await durable()
    assert.deepEqual(role.position(), { offset: 1, lastEpoch: 1 })
    await store.close()
  })

  it('tells a new leader nothing before all that it has is durable', async () => {
    const { partition, durable, store } = await replica()
    partition.follow(1).append(at(0, 1))
    const role = partition.follow(2)
    assert.ok(role.settling, 'the record of the old leader may not be what the new one has there')
    await role.settling
    await durable()
    assert.equal(role.settling, undefined)
    assert.deepEqual(role.position(), { offset: 1, lastEpoch: 1 })
    const cut = role.truncate({ epoch: 0, endOffset: 0 })
    assert.ok(partition.follow(3).settling, 'nor while something is being cut')
    await cut
    assert.deepEqual(partition.follower?.position(), { offset: 0, lastEpoch: -1 })
    await store.close()
  })

  it('takes nothing for an epoch that it no longer follows', async () => {
    const { partition, store } = await replica()
    const old = partition.follow(1)
    partition.follow(2)
    old.append(at(0, 1))
    old.committed(1)
    await old.truncate({ epoch: 0, endOffset: 0 })
    assert.deepEqual([partition.endOffset, partition.highWatermark], [0, 0])
    await store.close()
  })

  it('is out of service when it can not tell after a cut which producers have written what', async () => {
    const { store, log, partition, durable } = await replica()
    const failed: Partition[] = []
    partition.onFailure = one => failed.push(one)
    const role = partition.follow(1)
    const written = { producerId: 7, producerEpoch: 0, baseSequence: 0 }
    const batch = buildBatch([{ timestamp: 1, value: Buffer.from('x') }], written)
    header.setLeaderEpoch(batch, 0)
    role.append(Buffer.concat([batch, at(1, 0)]))
    await durable()
    log.latestSnapshot = () => Promise.reject(new Error('a bad sector'))
    await assert.rejects(role.truncate({ epoch: 0, endOffset: 1 }))
    assert.equal(partition.failure?.code, 'KAFKA_STORAGE_ERROR')
    assert.deepEqual([failed, role.active], [[partition], false])
    await store.close()
  })

  it('cuts what its leader has otherwise, whoever of them has more, and ends with the same bytes', async () => {
    // Epochs and batches of the leader and of the follower, a batch each.
    const cases: [leader: string[], follower: string[]][] = [
      [
        ['1a', '1b', '3c'],
        ['1a', '1b', '2x', '2y']
      ],
      [
        ['1a', '1b'],
        ['1a', '1b', '1x']
      ],
      [
        ['1a', '3b', '3c'],
        ['1a', '1x', '2y', '2z']
      ],
      [
        ['2a', '3b'],
        ['1x', '1y', '1z']
      ],
      [
        ['1a', '2b', '4c'],
        ['1a', '2b', '3x']
      ],
      [[], ['1x']],
      [['1a', '1b', '2c', '2d'], ['1a']]
    ]
    for (const [ours, theirs] of cases) {
      const leader = await replica(1)
      const follower = await replica(2)
      const fill = async ({ partition, durable }: typeof leader, batches: string[]) => {
        const role = partition.follow(4)
        for (const [offset, text] of batches.entries()) role.append(at(offset, Number(text[0]), text.slice(1)))
        if (batches.length > 0) await durable()
      }
      await fill(leader, ours)
      await fill(follower, theirs)
      const keeper = { brokerEpochOf: () => 1, caughtUp() {}, fellBehind() {} }
      leader.partition.lead(1, { epoch: 5, replicas: [1, 2], isr: [1] }, keeper)
      const role = follower.partition.follow(5)
      let rounds = 0
      for (;;) {
        const { offset, lastEpoch } = role.position()
        const diverging = divergence(leader.partition, offset, lastEpoch)
        if (!diverging) break
        assert.ok(++rounds <= 5, 'it comes to an end')
        await role.truncate(diverging)
      }
      const from = follower.partition.endOffset
      const rest = await leader.log.read(from, { maxBytes: 1e6, atLeastOne: true, below: leader.partition.endOffset })
      for (const chunk of rest.chunks) role.append(chunk)
      rest.release()
      assert.deepEqual(await readAll(follower.log), await readAll(leader.log), `${ours} | ${theirs}`)
      await leader.store.close()
      await follower.store.close()
    }
  })

  it('begins anew where its leader does, when that has deleted more than it has', async () => {
    const { partition, log, durable, store } = await replica()
    const role = partition.follow(1)
    role.append(at(0, 1))
    await durable()
    await role.moveStart(100)
    assert.deepEqual([log.startOffset, log.endOffset, role.position()], [100, 100, { offset: 100, lastEpoch: 1 }])
    role.append(at(100, 1, 'y'))
    await durable()
    assert.deepEqual(await readAll(log), at(100, 1, 'y'))
    await store.close()
  })

  it('comes to an end of cutting also with nothing left but an epoch that its leader does not know', async () => {
    const { partition, log, durable, store } = await replica()
    const role = partition.follow(3)
    role.append(at(0, 2))
    await durable()
    await role.moveStart(100)
    const leader = { leaderEpoch: 3, log: { endOffset: 150, endOffsetForEpoch: () => ({ epoch: 1, endOffset: 120 }) } }
    const diverging = () => {
      const { offset, lastEpoch } = role.position()
      return divergence(leader as unknown as Parameters<typeof divergence>[0], offset, lastEpoch)
    }
    assert.deepEqual(diverging(), { epoch: 1, endOffset: 120 })
    await role.truncate(diverging()!)
    assert.deepEqual([diverging(), log.startOffset, log.endOffset], [undefined, 100, 100])
    role.append(at(100, 1, 'y'))
    await durable()
    assert.deepEqual(await readAll(log), at(100, 1, 'y'))
    await store.close()
  })
})
