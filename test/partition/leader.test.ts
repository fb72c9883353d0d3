import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { IsrKeeper } from '../../src/partition/leader.ts'
import { partitionTopicOptions } from '../../src/partition/options.ts'
import { Partition } from '../../src/partition/partition.ts'
import { buildBatch } from '../../src/record/build.ts'
import { codeOf } from '../../src/std/errors.ts'
import { OptionValues } from '../../src/std/option.ts'
import { logId, openStore, setting, syncConfig } from '../storage/support.ts'

const one = (value = 'x') => buildBatch([{ timestamp: 1_700_000_000_000, value: Buffer.from(value) }])

/** Node 1's replica of a partition on nodes 1 to 3, with what it tells the keeper of its ISR. */
async function replica(texts: Record<string, string> = {}) {
  const world = setting()
  const store = await openStore(world)
  const id = logId(1)
  const log = await store.open(id, syncConfig)
  const config = { ...new OptionValues(texts).of(partitionTopicOptions), requireKeys: false }
  const identity = { topic: 't', topicId: id.topicId, index: id.partition }
  const partition = await Partition.open(log, identity, config, world.clock)
  const told: string[] = []
  const keeper: IsrKeeper = {
    brokerEpochOf: nodeId => nodeId * 10,
    caughtUp: () => told.push('caught up'),
    fellBehind: () => told.push('fell behind')
  }
  const lead = (isr: readonly number[], epoch = 5) => partition.lead(1, { epoch, replicas: [1, 2, 3], isr }, keeper)
  const ack = (nodeId: number, offset: number, startOffset = 0) => {
    const { leader, highWatermark } = partition
    leader?.acknowledge(nodeId, nodeId * 10, offset, startOffset, world.clock.monotonic(), highWatermark)
    partition.commit()
  }
  const durable = () => new Promise<void>(resolve => partition.onDurable(partition.endOffset - 1, () => resolve()))
  return { ...world, store, partition, told, keeper, lead, ack, durable }
}

describe('the high watermark', () => {
  it('is the smallest durable end of the whole ISR, and is never known from fewer', async () => {
    const { partition, lead, ack, durable, store } = await replica()
    lead([1, 2, 3])
    partition.append(one())
    partition.append(one())
    await durable()
    assert.equal(partition.highWatermark, 0)
    ack(2, 2)
    assert.equal(partition.highWatermark, 0, 'node 3 has not been heard of')
    ack(3, 1)
    assert.equal(partition.highWatermark, 1)
    ack(3, 2)
    assert.equal(partition.highWatermark, 2)
    await store.close()
  })

  it('waits for the leader itself too', async () => {
    const { partition, lead, ack, durable, store } = await replica()
    lead([1, 2])
    partition.append(one())
    ack(2, 1)
    assert.equal(partition.highWatermark, 0)
    await durable()
    assert.equal(partition.highWatermark, 1)
    await store.close()
  })

  it('waits for both sets while a change of the ISR is under way', async () => {
    const { partition, lead, ack, durable, store } = await replica()
    const leader = lead([1, 2])
    partition.append(one())
    await durable()
    leader.pending.add(3)
    ack(2, 1)
    assert.equal(partition.highWatermark, 0)
    ack(3, 1)
    assert.equal(partition.highWatermark, 1)
    leader.pending.clear()
    leader.pending.add(1)
    partition.append(one())
    await durable()
    assert.equal(partition.highWatermark, 1, 'node 2 counts until the metastore has put it out')
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2, 3], isr: [1] })
    assert.equal(partition.highWatermark, 2)
    await store.close()
  })

  it('stays where it is while too few are in sync, and producers are told so', async () => {
    const { partition, lead, ack, durable, store } = await replica({ 'min.insync.replicas': '2' })
    const leader = lead([1, 2])
    const { lastOffset } = partition.append(one())
    const produced: string[] = []
    partition.onReplicated(lastOffset, error => produced.push(error ? codeOf(error) : 'ok'))
    let committed = 'waits'
    partition.onCommitted(lastOffset, error => {
      committed = error ? codeOf(error) : 'ok'
    })
    await durable()
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2, 3], isr: [1] })
    assert.deepEqual([partition.highWatermark, produced, committed], [0, ['NOT_ENOUGH_REPLICAS_AFTER_APPEND'], 'waits'])
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2, 3], isr: [1, 3] })
    ack(3, 1)
    assert.deepEqual([partition.highWatermark, committed], [1, 'ok'])
    await store.close()
  })

  it('stays where it is while there are eligible leaders, however few must be in sync by now', async () => {
    const { partition, lead, durable, store } = await replica({ 'min.insync.replicas': '2' })
    const leader = lead([1, 2])
    partition.append(one())
    await durable()
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2, 3], isr: [1], elr: [2] })
    partition.config = { ...partition.config, minInsyncReplicas: 1 }
    partition.commit()
    assert.deepEqual([partition.highWatermark, leader.mayForgetElr], [0, true])
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2, 3], isr: [1] })
    assert.deepEqual([partition.highWatermark, leader.mayForgetElr], [1, false])
    await store.close()
  })

  it('of a new leader is not settled until its followers have come up to where it began', async () => {
    const { partition, lead, ack, durable, store } = await replica()
    const role = partition.follow(4)
    const batch = one()
    role.append(batch)
    await durable()
    role.committed(1)
    partition.resign()
    lead([1, 2])
    assert.equal(partition.isSettled, true)
    partition.resign()
    partition.follow(6).append(other(batch, 1))
    await durable()
    partition.resign()
    lead([1, 2], 7)
    assert.equal(partition.isSettled, false)
    ack(2, 2)
    assert.equal(partition.isSettled, true)
    await store.close()
  })
})

function other(batch: Buffer, offset: number): Buffer {
  const copy = Buffer.from(batch)
  copy.writeBigInt64BE(BigInt(offset), 0)
  return copy
}

describe('a leader', () => {
  it('that is none any more answers who waits', async () => {
    const { partition, lead, store } = await replica()
    lead([1, 2])
    const { lastOffset } = partition.append(one())
    const errors: string[] = []
    partition.onReplicated(lastOffset, error => errors.push(codeOf(error)))
    partition.onCommitted(lastOffset, error => errors.push(codeOf(error)))
    partition.follow(6)
    assert.deepEqual(errors, ['NOT_LEADER_OR_FOLLOWER', 'NOT_LEADER_OR_FOLLOWER'])
    assert.throws(() => partition.append(one()), { code: 'NOT_LEADER_OR_FOLLOWER' })
    await store.close()
  })

  it('takes a replica in that has the high watermark and its first offset, under the epoch it fetched with', async () => {
    const { partition, lead, ack, durable, told, store } = await replica()
    const leader = lead([1])
    partition.append(one())
    await durable()
    assert.equal(partition.highWatermark, 1)
    ack(3, 0)
    assert.deepEqual([leader.joinable(partition.highWatermark), told], [[], []])
    ack(3, 1)
    assert.deepEqual(leader.joinable(partition.highWatermark), [{ nodeId: 3, epoch: 30 }])
    assert.deepEqual(told, ['caught up'])
    assert.equal(leader.isReplica(3, 31), false)
    assert.throws(() => leader.checkReplica(3, 31), { code: 'STALE_BROKER_EPOCH' })
    assert.throws(() => leader.checkReplica(4, 40), { code: 'NOT_LEADER_OR_FOLLOWER' })
    await store.close()
  })

  it('forgets what a replica had that has put itself out, and not what one had that it put out', async () => {
    const { partition, lead, ack, store } = await replica()
    const leader = lead([1, 2, 3])
    ack(2, 0)
    ack(3, 0)
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2, 3], isr: [1, 3] })
    assert.deepEqual(leader.joinable(0), [], 'its log has failed')
    leader.putOut.add(3)
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2, 3], isr: [1] })
    assert.deepEqual(leader.joinable(0), [{ nodeId: 3, epoch: 30 }])
    await store.close()
  })

  it('counts the time for which a follower lacks something, from when it last had all', async () => {
    const { partition, lead, ack, clock, told, store } = await replica()
    const leader = lead([1, 2, 3])
    assert.deepEqual(told, ['fell behind'], 'who never comes lags from the beginning')
    ack(2, 0)
    ack(3, 0)
    assert.equal(leader.watchLag(), true)
    clock.advance(1000)
    partition.append(one())
    assert.deepEqual(told, ['fell behind', 'fell behind'])
    clock.advance(500)
    ack(2, 1)
    const nowMs = clock.monotonic()
    assert.deepEqual(leader.laggards(nowMs, 999), [])
    assert.deepEqual(leader.laggards(nowMs, 1000), [3])
    await store.close()
  })
})

describe('a leader whose replicas move', () => {
  it('asks no more of writers while replicas are added that have nothing yet', async () => {
    const { partition, ack, durable, keeper, store } = await replica({ 'min.insync.replicas': '2' })
    const leader = partition.lead(1, { epoch: 5, replicas: [1], isr: [1] }, keeper)
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2], isr: [1], adding: [2] })
    const produced: string[] = []
    const { lastOffset } = partition.append(one())
    partition.onReplicated(lastOffset, error => produced.push(error ? codeOf(error) : 'ok'))
    await durable()
    assert.deepEqual([partition.highWatermark, produced], [1, ['ok']])
    ack(2, 1)
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2], isr: [1, 2] })
    assert.equal(leader.minIsr, 2)
    await store.close()
  })

  it('keeps what was committed while it was alone', async () => {
    const { partition, durable, keeper, store } = await replica()
    const leader = partition.lead(1, { epoch: 5, replicas: [1], isr: [1] }, keeper)
    partition.append(one())
    await durable()
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2, 3], isr: [1], adding: [2, 3] })
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 2, 3], isr: [1, 2], adding: [3] })
    assert.equal(partition.highWatermark, 1)
    await store.close()
  })

  it('forgets what a replica had that went: it may come back without it', async () => {
    const { partition, told, lead, ack, durable, store } = await replica()
    const leader = lead([1])
    partition.append(one())
    await durable()
    ack(2, 1)
    assert.deepEqual(leader.joinable(1), [{ nodeId: 2, epoch: 20 }])
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 3], isr: [1] })
    partition.isrChanged(leader, { epoch: 5, replicas: [1, 3, 2], isr: [1], adding: [2] })
    assert.deepEqual(leader.joinable(1), [])
    told.length = 0
    ack(2, 0)
    assert.deepEqual([told, leader.joinable(1)], [[], []])
    await store.close()
  })

  it('goes on with the next epoch when replicas went: who waits goes on waiting', async () => {
    const { partition, lead, ack, durable, keeper, store } = await replica()
    lead([1, 2, 3])
    const { lastOffset } = partition.append(one())
    const committed: string[] = []
    partition.onReplicated(lastOffset, error => committed.push(error ? codeOf(error) : 'ok'))
    await durable()
    ack(2, 1)
    partition.lead(1, { epoch: 6, replicas: [1, 2], isr: [1, 2] }, keeper)
    assert.deepEqual([partition.highWatermark, committed], [0, []], 'node 2 has not been heard of in this epoch')
    ack(2, 1)
    assert.deepEqual([partition.highWatermark, committed, partition.isSettled], [1, ['ok'], true])
    partition.append(one())
    assert.equal(partition.log.epochAt(1), 6)
    await store.close()
  })
})
