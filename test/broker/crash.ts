import assert from 'node:assert/strict'
import { SimulatedDisk } from '../../src/disk/simulated.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { below, type Random, SeededRandom } from '../../src/std/random.ts'
import { batch, fetch, item, openWorld, produce, valuesOf, type World } from './world.ts'

const partitions = 3

/** What is known of one partition: the values by offset, the start, and one idempotent producer. */
class Known {
  readonly values: (string | undefined)[] = []
  /** Not acknowledged: may be there or not. */
  inDoubt: { sequence: number; value: string } | undefined
  sequence = 0
  startMin = 0
  startMax = 0
  epoch = -1
}

/**
 * One life after another of a broker that is killed in the middle of everything: an idempotent producer per partition
 * that repeats what was not answered, deletions of records, topics that come and go.
 */
export async function crashRun(seed: number, lives: number): Promise<void> {
  const random = new SeededRandom(seed)
  let disk = new SimulatedDisk({ random: new SeededRandom(seed + 1_000_000), faults: { slow: 0.02 } })
  let world = await openWorld({}, disk, new ManualClock(), seed)
  await world.topic('t', partitions)
  const known = Array.from({ length: partitions }, () => new Known())
  const topics = new Map<string, 'there' | 'gone' | 'in doubt'>()
  for (let life = 0; life < lives; life++) {
    disk.crashAt(disk.operations + 1 + below(random, 60))
    for (let step = 0; !disk.crashed && step < 500; step++) await act(world, random, known, topics)
    if (!disk.crashed) disk.crash()
    disk = disk.afterCrash()
    world = await openWorld({}, disk, new ManualClock(), seed + 1000 * (life + 1))
    await check(world, known, topics, `seed ${seed}, life ${life}`)
  }
  await world.close()
}

async function act(
  world: World,
  random: Random,
  known: Known[],
  topics: Map<string, 'there' | 'gone' | 'in doubt'>
): Promise<void> {
  const what = below(random, 20)
  const index = below(random, partitions)
  if (what < 16) await write(world, index, known[index], random)
  else if (what === 16) {
    const upTo = below(random, known[index].values.length + 1)
    known[index].startMax = Math.max(known[index].startMax, upTo)
    const done = await world
      .partition('t', index)
      .deletions.before(upTo)
      .catch(() => undefined)
    if (done !== undefined) known[index].startMin = Math.max(known[index].startMin, upTo)
  } else {
    const name = `topic-${below(random, 3)}`
    const image = world.control.image.topic(name)
    topics.set(name, 'in doubt')
    try {
      if (image) await world.control.deleteTopic(image.topicId)
      else {
        await world.control.createTopic({ name, assignments: [[1], [1]], configs: {} })
        await produce(world, name, 1, batch(['x']))
      }
      topics.set(name, image ? 'gone' : 'there')
    } catch {}
  }
}

async function write(world: World, index: number, known: Known, random: Random): Promise<void> {
  const value = known.inDoubt?.value ?? `v${index}-${known.sequence}-${'x'.repeat(below(random, 2000))}`
  const options = { producerId: 100 + index, producerEpoch: 0, baseSequence: known.sequence }
  known.inDoubt = { sequence: known.sequence, value }
  const { error, baseOffset } = await produce(world, 't', index, batch([value], options))
  if (error !== undefined) return
  const at = known.values.length
  assert.equal(baseOffset, at, 'every record is there once')
  known.values.push(value)
  known.sequence++
  known.inDoubt = undefined
}

async function check(
  world: World,
  known: Known[],
  topics: Map<string, 'there' | 'gone' | 'in doubt'>,
  where: string
): Promise<void> {
  for (const [index, one] of known.entries()) {
    const partition = world.partition('t', index)
    assert(partition.leaderEpoch > one.epoch, where)
    one.epoch = partition.leaderEpoch
    const { startOffset, endOffset } = partition
    assert(startOffset >= one.startMin && startOffset <= one.startMax, `${where}: starts at ${startOffset}`)
    one.startMin = startOffset
    const inDoubt = one.inDoubt ? 1 : 0
    assert(endOffset >= one.values.length && endOffset <= one.values.length + inDoubt, `${where}: ends at ${endOffset}`)
    let offset = startOffset
    while (offset < endOffset) {
      const result = await fetch(world, [item('t', index, offset)])
      assert.equal(result.partitions[0].error, undefined, where)
      const values = valuesOf(result.partitions[0])
      result.release()
      assert(values.length > 0, where)
      for (const value of values) {
        assert.equal(value, one.values[offset] ?? one.inDoubt?.value, `${where}: offset ${offset}`)
        offset++
      }
    }
  }
  const ids = new Set(world.store.ids().map(({ topicId }) => topicId))
  for (const [name, state] of topics) {
    const image = world.control.image.topic(name)
    if (state !== 'in doubt') assert.equal(image !== undefined, state === 'there', `${where}: ${name} is ${state}`)
    if (image) {
      assert.equal(image.partitions.length, 2, where)
      assert.equal((await produce(world, name, 0, batch(['x']))).error, undefined, where)
    }
    topics.set(name, image ? 'there' : 'gone')
  }
  for (const id of ids) assert(world.control.image.topicById(id), `${where}: a log of no topic`)
}
