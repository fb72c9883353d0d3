import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { listOffset } from '../../src/broker/list-offsets.ts'
import { type Disk, DiskError } from '../../src/disk/disk.ts'
import { memoryDisk } from '../../src/disk/memory.ts'
import { batch, fetch, item, lines, openWorld, produce, put, type World } from './world.ts'

/** A disk that can't list one folder any more. */
function withBadSector(disk: Disk, folder: string): Disk {
  return Object.assign(Object.create(disk), {
    async list(path: string) {
      if (path.endsWith(folder)) throw new DiskError('io', `can't read ${path}`)
      return disk.list(path)
    }
  })
}

/** A restarted broker with topics `a` (two partitions) and `b`, on which the log of a-0 can't be opened. */
async function damaged(): Promise<World> {
  const disk = memoryDisk()
  const world = await openWorld({}, disk)
  const { topicId } = await world.topic('a', 2)
  await world.topic('b')
  const written = { producerId: 1, producerEpoch: 0, baseSequence: 0 }
  await produce(world, 'a', 0, batch(['lost to view'], written))
  await put(world, 'a', 1, 'kept')
  await world.close()
  return openWorld({}, withBadSector(disk, `${topicId}-0`))
}

describe('a partition whose log could not be opened', () => {
  it('says so to producers and consumers, and leaves the others alone', async () => {
    const world = await damaged()
    const { error, message } = await produce(world, 'a', 0, batch(['x']))
    assert.equal(error, 'KAFKA_STORAGE_ERROR')
    assert.match(message ?? '', /The log of a-0 is offline: can't read/)
    assert.deepEqual(lines(await fetch(world, [item('a', 0, 0), item('a', 1, 0)])), [
      'a-0: KAFKA_STORAGE_ERROR',
      'a-1: kept'
    ])
    const ref = { topic: 'a', index: 0, currentLeaderEpoch: -1, timestamp: -1 }
    assert.equal((await listOffset(world.broker.partitions, ref, false)).error, 'KAFKA_STORAGE_ERROR')
    await put(world, 'a', 1, 'more')
    await world.close()
  })

  it('has no leader, and an offline replica', async () => {
    const world = await damaged()
    const [{ partitions }] = await world.broker.cluster.findTopics([{ name: 'a' }], false)
    assert.deepEqual(
      partitions.map(({ error, leader, offline, isr }) => [error, leader, offline, isr]),
      [
        ['LEADER_NOT_AVAILABLE', -1, [1], [1]],
        [undefined, 1, [], [1]]
      ]
    )
    assert.deepEqual([world.broker.leaderOf('a', 0), world.broker.leaderOf('a', 1)?.nodeId], [undefined, 1])
    const { replicas, logDirs } = world.broker
    assert.equal((await replicas.elect('a', 0, 'preferred'))?.error, 'PREFERRED_LEADER_NOT_AVAILABLE')
    assert.equal((await replicas.elect('a', 0, 'unclean'))?.error, 'ELIGIBLE_LEADERS_NOT_AVAILABLE')
    assert.equal((await replicas.elect('a', 1, 'preferred'))?.error, 'ELECTION_NOT_NEEDED')
    const { topics } = await logDirs.describe([{ topic: 'a', indexes: [0, 1] }])
    assert.deepEqual(
      topics[0].partitions.map(({ index }) => index),
      [1]
    )
    assert.equal(logDirs.whyNotTo('/data', 'a', 0), 'KAFKA_STORAGE_ERROR')
    await world.close()
  })

  it('goes with its topic', async () => {
    const world = await damaged()
    const topicId = world.control.image.topic('a')?.topicId ?? ''
    await world.broker.topics.delete([{ name: 'a', topicId: undefined }])
    assert.ok(!world.store.ids().some(id => id.topicId === topicId))
    assert.equal((await produce(world, 'a', 0, batch(['x']))).error, 'UNKNOWN_TOPIC_OR_PARTITION')
    await world.close()
  })
})
