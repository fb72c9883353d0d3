import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LeaderRole } from '../../src/partition/leader.ts'
import { partitionTopicOptions } from '../../src/partition/options.ts'
import { Partition } from '../../src/partition/partition.ts'
import { buildBatch } from '../../src/record/build.ts'
import { PartitionIsrKeeper } from '../../src/replication/isr-keeper.ts'
import { silent } from '../../src/std/log.ts'
import { OptionValues } from '../../src/std/option.ts'
import { logId, openStore, setting, syncConfig } from '../storage/support.ts'

const lagTimeMaxMs = 1000

/** Node 1 leads a partition on nodes 1 to 3; every change of the ISR that it asks for is made at once. */
async function leading(options: { lagMessagesMax?: number; minIsr?: number; elr?: number[]; isr?: number[] } = {}) {
  const { lagMessagesMax = Number.POSITIVE_INFINITY, minIsr = 1, elr, isr = [1, 2, 3] } = options
  /** Nodes that aren't registered, whether the metastore answers, and what it waits for. */
  const around = { gone: [] as number[], isSilent: false, slow: Promise.resolve() }
  const world = setting()
  const store = await openStore(world)
  const id = logId(1)
  const log = await store.open(id, syncConfig)
  const values = new OptionValues({ 'min.insync.replicas': String(minIsr) })
  const config = { ...values.of(partitionTopicOptions), requireKeys: false }
  const identity = { topic: 't', topicId: id.topicId, index: id.partition }
  const partition = await Partition.open(log, identity, config, world.clock)
  const asked: number[][] = []
  const replicas = [1, 2, 3]
  const keeper = new PartitionIsrKeeper(partition, {
    clock: world.clock,
    logger: silent,
    lagTimeMaxMs,
    lagMessagesMax,
    brokerEpochOf: nodeId => (around.gone.includes(nodeId) ? undefined : nodeId * 10),
    isDraining: () => false,
    inDoubt: () => false,
    doubt: () => {},
    change: async (_partition, leader, next) => {
      asked.push([...next])
      await around.slow
      if (around.isSilent) throw new Error('no answer')
      partition.isrChanged(leader, { epoch: 1, replicas, isr: next })
      return true
    }
  })
  const leader: LeaderRole = partition.lead(1, { epoch: 1, replicas, isr, elr }, keeper)
  const ack = (nodeId: number, offset: number) => {
    leader.acknowledge(nodeId, nodeId * 10, offset, 0, world.clock.monotonic(), partition.highWatermark)
    partition.commit()
  }
  const append = (count: number) => {
    for (let i = 0; i < count; i++) partition.append(buildBatch([{ timestamp: 1, value: Buffer.from('x') }]))
    return partition.whenDurable(partition.endOffset)
  }
  const pass = async (ms: number) => {
    world.clock.advance(ms)
    await settle()
  }
  return { ...world, store, partition, leader, keeper, asked, ack, append, pass, around }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
}

describe('the ISR of a partition', () => {
  it('loses a follower that lacks something for too long, however little', async () => {
    const { ack, append, pass, asked, store } = await leading()
    ack(2, 0)
    ack(3, 0)
    await append(1)
    ack(2, 1)
    await pass(lagTimeMaxMs - 1)
    assert.deepEqual(asked, [])
    for (let look = 0; look < 3; look++) await pass(lagTimeMaxMs / 2)
    assert.deepEqual(asked, [[1, 2]])
    await store.close()
  })

  it('loses a follower that lacks too many messages, where that counts, at the next look', async () => {
    const { ack, append, pass, asked, partition, store } = await leading({ lagMessagesMax: 5 })
    ack(2, 0)
    ack(3, 0)
    await append(20)
    ack(2, 15)
    ack(3, 14)
    await settle()
    assert.deepEqual(asked, [], 'not as soon as much is written')
    await pass(lagTimeMaxMs / 2)
    assert.deepEqual(asked, [[1, 2]])
    assert.equal(partition.highWatermark, 15)
    await append(1)
    ack(3, 15)
    await settle()
    assert.deepEqual(asked, [[1, 2]], 'it has the high watermark, and still lacks too much')
    ack(3, 16)
    await settle()
    assert.deepEqual(asked.at(-1), [1, 2, 3])
    await store.close()
  })

  it('gains a follower that fetches after a change of unknown fate, also when it was gone when that was taken up again', async () => {
    const { ack, pass, asked, around, store } = await leading({ isr: [1] })
    around.isSilent = true
    ack(2, 0)
    await settle()
    ack(2, 0)
    await settle()
    assert.deepEqual(asked, [[1, 2]], 'not again with every fetch')
    around.gone = [2]
    around.isSilent = false
    await pass(lagTimeMaxMs)
    assert.deepEqual(asked, [[1, 2], [1]])
    around.gone = []
    ack(2, 0)
    await settle()
    assert.deepEqual(asked, [[1, 2], [1], [1, 2]])
    await store.close()
  })

  it('is written without eligible replicas once fewer have to be in sync', async () => {
    const { append, asked, partition, keeper, leader, store } = await leading({ minIsr: 2, isr: [1], elr: [2] })
    await append(1)
    keeper.worldChanged(leader)
    await settle()
    assert.deepEqual([asked, partition.highWatermark], [[], 0])
    partition.config = { ...partition.config, minInsyncReplicas: 1 }
    keeper.worldChanged(leader)
    await settle()
    assert.deepEqual([asked, partition.highWatermark], [[[1]], 1])
    await store.close()
  })
  it('loses a follower that was taken in while records came that it never fetches', async () => {
    const { ack, append, pass, asked, around, partition, store } = await leading({ isr: [1] })
    let answer = () => {}
    around.slow = new Promise(resolve => {
      answer = resolve
    })
    ack(2, 0)
    await append(1)
    answer()
    await settle()
    assert.deepEqual([asked, partition.highWatermark], [[[1, 2]], 0])
    for (let look = 0; look < 4; look++) await pass(lagTimeMaxMs / 2)
    assert.deepEqual([asked.at(-1), partition.highWatermark], [[1], 1])
    await store.close()
  })

  it('no longer waits for a follower that was to be taken in when nobody knows whether it was, and is gone now', async () => {
    const { ack, append, pass, partition, around, store } = await leading({ isr: [1] })
    around.isSilent = true
    ack(2, 0)
    await append(1)
    assert.equal(partition.highWatermark, 0, 'it may be in sync')
    around.gone = [2]
    around.isSilent = false
    await pass(lagTimeMaxMs)
    assert.equal(partition.highWatermark, 1)
    await store.close()
  })
})
