import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryDisk } from '../../src/disk/memory.ts'
import type { Partition } from '../../src/partition/partition.ts'
import * as header from '../../src/record/header.ts'
import { iterateRecords } from '../../src/record/iterate.ts'
import { batch, openWorld, produce, put, type World } from './world.ts'

const startMs = 1_700_000_000_000
const hourMs = 3_600_000

/** Each record an hour after the one before, and a segment for each. */
const hourly = { 'cleanup.policy': 'compact', 'segment.ms': '1000', 'min.cleanable.dirty.ratio': '0.01' }

async function write(world: World, topic: string, from: number, ...entries: [string, string | null][]): Promise<void> {
  for (const [at, [key, value]] of entries.entries())
    await put(world, topic, 0, {
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestamp: startMs + (from + at) * hourMs
    })
}

async function contents(partition: Partition): Promise<string[]> {
  const found: string[] = []
  for (let offset = partition.startOffset; offset < partition.highWatermark; ) {
    const read = await partition.read(offset, { maxBytes: 1e6, atLeastOne: true, below: partition.highWatermark })
    for (const chunk of read.chunks)
      for (let at = 0; at < chunk.length; at += header.batchBytes(chunk, at))
        for (const { offset, key, value } of iterateRecords(chunk, at)) found.push(`${offset} ${key}=${value}`)
    read.release()
    if (read.nextOffset === offset) break
    offset = read.nextOffset
  }
  return found
}

/** Lets the cleaner look again, until it has left this. */
async function cleaned(world: World, partition: Partition, expected: string[]): Promise<void> {
  for (let looks = 0; looks < 200; looks++) {
    world.clock.advance(15_000)
    for (let turns = 0; turns < 20; turns++) await new Promise(resolve => setImmediate(resolve))
    if ((await contents(partition)).length === expected.length) break
  }
  assert.deepEqual(await contents(partition), expected)
}

describe('the cleaner', () => {
  it('leaves the newest value of each key below the segment that is written to', async () => {
    const disk = memoryDisk()
    const world = await openWorld({}, disk)
    const partition = await world.topic('t', 1, hourly)
    await write(world, 't', -9, ['a', '1'], ['b', '1'], ['a', '2'], ['c', '1'], ['b', null], ['a', '3'])
    // The last one is in the segment that is written to: it replaces nothing yet.
    await cleaned(world, partition, ['2 a=2', '3 c=1', '4 b=null', '5 a=3'])
    assert.equal(partition.startOffset, 0)
    assert.equal((await partition.offsetForTimestamp(startMs - 9 * hourMs))?.offset, 2)
    await world.close()
    const again = await openWorld({}, disk)
    assert.deepEqual(await contents(again.partition('t')), ['2 a=2', '3 c=1', '4 b=null', '5 a=3'])
    await again.close()
  })

  it('takes away nothing by which what a producer repeats is known, also after a restart', async () => {
    const disk = memoryDisk()
    const world = await openWorld({}, disk)
    const partition = await world.topic('t', 1, hourly)
    const numbered = (sequence: number) =>
      batch(
        [{ key: Buffer.from('a'), value: Buffer.from(`${sequence}`), timestamp: startMs + (sequence - 9) * hourMs }],
        {
          producerId: 7,
          producerEpoch: 0,
          baseSequence: sequence
        }
      )
    for (let sequence = 0; sequence < 4; sequence++) await produce(world, 't', 0, numbered(sequence))
    await cleaned(world, partition, ['2 a=2', '3 a=3'])
    await world.close()
    const again = await openWorld({}, disk)
    const { error, baseOffset } = await produce(again, 't', 0, numbered(0))
    assert.deepEqual([error, baseOffset], [undefined, 0])
    await again.close()
  })

  it('drops tombstones when delete.retention.ms is over', async () => {
    const world = await openWorld()
    const partition = await world.topic('t', 1, { ...hourly, 'delete.retention.ms': '60000' })
    await write(world, 't', -9, ['a', '1'], ['a', null], ['b', '1'])
    await cleaned(world, partition, ['1 a=null', '2 b=1'])
    world.clock.advance(60_000)
    await write(world, 't', -6, ['b', '2'], ['b', '3'])
    await cleaned(world, partition, ['3 b=2', '4 b=3'])
    await world.close()
  })

  it('refuses records without a key, one by one, where keys count', async () => {
    const world = await openWorld()
    await world.topic('t', 1, hourly)
    const records = [{ key: Buffer.from('k'), timestamp: startMs }, { timestamp: startMs }, { timestamp: startMs }]
    for (const codec of ['none', 'gzip'] as const) {
      const outcome = await produce(world, 't', 0, batch(records, { codec }))
      assert.equal(outcome.error, 'INVALID_RECORD')
      assert.deepEqual(
        outcome.recordErrors?.map(({ index }) => index),
        [1, 2]
      )
    }
    await world.close()
  })

  it('begins and ends with the policy of a topic that is in use', async () => {
    const world = await openWorld()
    const partition = await world.topic('t', 1, { ...hourly, 'cleanup.policy': 'delete' })
    await write(world, 't', -9, ['a', '1'], ['a', '2'], ['a', '3'])
    const set = async (value: string) => {
      const change = { name: 'cleanup.policy', operation: 'set', value } as const
      assert.equal(await world.broker.configs.change({ type: 'topic', name: 't' }, [change], false), undefined)
    }
    await set('compact')
    await cleaned(world, partition, ['1 a=2', '2 a=3'])
    await set('delete')
    await write(world, 't', -6, ['a', '4'], ['a', '5'])
    assert.equal((await produce(world, 't', 0, batch(['no key']))).error, undefined)
    await cleaned(world, partition, ['1 a=2', '2 a=3', '3 a=4', '4 a=5', '5 null=no key'])
    await world.close()
  })

  it('compacts late records, and the segment that is written to, for max.compaction.lag.ms', async () => {
    const world = await openWorld()
    const configs = { 'cleanup.policy': 'compact', 'max.compaction.lag.ms': String(hourMs) }
    const partition = await world.topic('t', 1, { ...configs, 'min.cleanable.dirty.ratio': '1' })
    const key = Buffer.from('a')
    const timestamp = startMs - hourMs / 2
    for (const value of ['1', '2', '3']) await put(world, 't', 0, { key, value: Buffer.from(value), timestamp })
    await cleaned(world, partition, ['2 a=3'])
    assert.ok(world.clock.now() > timestamp + hourMs, 'not before its time')
    await world.close()
  })

  it('leaves young records alone for min.compaction.lag.ms', async () => {
    const world = await openWorld()
    const partition = await world.topic('t', 1, { ...hourly, 'min.compaction.lag.ms': String(3 * hourMs) })
    await write(world, 't', -4.5, ['a', '1'], ['a', '2'], ['a', '3'], ['a', '4'], ['a', '5'])
    await cleaned(world, partition, ['1 a=2', '2 a=3', '3 a=4', '4 a=5'])
    await world.close()
  })

  it('deletes by age too with compact,delete', async () => {
    const world = await openWorld({ 'log.retention.check.interval.ms': '1000' })
    const configs = { ...hourly, 'cleanup.policy': 'compact,delete', 'retention.ms': String(4 * hourMs) }
    const partition = await world.topic('t', 1, configs)
    await write(world, 't', -6, ['a', '1'], ['b', '1'], ['c', '1'], ['a', '2'], ['c', '2'])
    // Before segments are put together: what is younger keeps what is older then.
    world.clock.advance(1000)
    await cleaned(world, partition, ['3 a=2', '4 c=2'])
    assert.ok(partition.startOffset >= 2)
    await world.close()
  })

  it('keeps the sequence numbers of a producer whose records are gone', async () => {
    const disk = memoryDisk()
    const world = await openWorld({}, disk)
    const partition = await world.topic('t', 1, hourly)
    const numbered = (baseSequence: number, at: number) =>
      batch([{ key: Buffer.from('a'), value: Buffer.from(`${at}`), timestamp: startMs + (at - 9) * hourMs }], {
        producerId: 9,
        producerEpoch: 0,
        baseSequence
      })
    for (const [sequence, at] of [0, 1, 2].entries()) await produce(world, 't', 0, numbered(sequence, at))
    await write(world, 't', -6, ['a', 'other'], ['a', 'another'])
    await cleaned(world, partition, ['3 a=other', '4 a=another'])
    await world.close()
    const again = await openWorld({}, disk)
    const outcome = await produce(again, 't', 0, numbered(2, 2))
    assert.deepEqual([outcome.error, outcome.baseOffset], [undefined, 2], 'a repeated batch is known')
    assert.equal((await produce(again, 't', 0, numbered(7, 5))).error, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    assert.equal((await produce(again, 't', 0, numbered(3, 5))).error, undefined)
    await again.close()
  })

  for (const [memory, loadFactor] of [
    ['9223372036854775807', '1048576.0'],
    ['1048577', '-2']
  ])
    it(`works with whatever Kafka takes, such as a load factor of ${loadFactor}`, async () => {
      const world = await openWorld({
        'log.cleaner.dedupe.buffer.size': memory,
        'log.cleaner.io.buffer.load.factor': loadFactor,
        'log.cleaner.io.buffer.size': '0',
        'log.cleaner.io.max.bytes.per.second': '-1',
        'log.cleaner.backoff.ms': '0'
      })
      const partition = await world.topic('t', 1, hourly)
      await write(world, 't', -9, ['a', '1'], ['b', '1'], ['a', '2'], ['b', '2'], ['c', '1'])
      for (let looks = 0; looks < 200 && (await contents(partition)).length > 3; looks++) {
        world.clock.advance(10)
        for (let turns = 0; turns < 20; turns++) await new Promise(resolve => setImmediate(resolve))
      }
      assert.deepEqual(await contents(partition), ['2 a=2', '3 b=2', '4 c=1'])
      await world.close()
    })

  it('does nothing with log.cleaner.enable=false', async () => {
    const world = await openWorld({ 'log.cleaner.enable': 'false' })
    const partition = await world.topic('t', 1, hourly)
    await write(world, 't', -9, ['a', '1'], ['a', '2'], ['a', '3'])
    world.clock.advance(100_000)
    await new Promise(resolve => setImmediate(resolve))
    assert.equal((await contents(partition)).length, 3)
    await world.close()
  })
})
