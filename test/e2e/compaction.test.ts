import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTopic } from '../../src/client/admin.ts'
import type { Cluster } from '../../src/client/cluster.ts'
import { Consumer } from '../../src/client/consumer.ts'
import { listOffset } from '../../src/client/offsets.ts'
import { Producer } from '../../src/client/producer.ts'
import { type Codec, compressionCodecs } from '../../src/record/header.ts'
import { systemClock } from '../../src/run/system.ts'
import { clientOf } from '../support/client.ts'
import type { RunningBroker } from '../support/naru.ts'
import { removeAfter, startTarget, targetName, whyNoTarget } from '../support/target.ts'

const hourMs = 3_600_000

/** Segments end by the timestamps of records, so that what is compacted is the same everywhere. */
const hourly = {
  'cleanup.policy': 'compact',
  'segment.ms': '1000',
  'min.cleanable.dirty.ratio': '0.01',
  'delete.retention.ms': String(24 * hourMs)
}

interface Entry {
  readonly key: string
  readonly value: string | null
}

describe('compacted topics, as Apache Kafka keeps them', { skip: whyNoTarget(), concurrency: 1 }, () => {
  let broker: RunningBroker
  let cluster: Cluster
  const startMs = systemClock.now() - 100 * hourMs

  before(async () => {
    broker = await startTarget({ 'log.cleaner.backoff.ms': '200' })
    cluster = clientOf(broker.bootstrap, { clientId: 'test' })
  })
  removeAfter(async () => {
    cluster?.close()
    await broker?.remove()
  })

  async function made(name: string, configs: Record<string, string> = {}): Promise<void> {
    await createTopic(cluster, { name, partitions: 1, configs: { ...hourly, ...configs } })
    await cluster.retrying(() => cluster.leaderOf(name, 0))
  }

  /** Batches of entries, an hour apart: each begins a segment. */
  async function write(topic: string, batches: readonly (readonly Entry[])[], codec: Codec = 'none', fromHour = 0) {
    const producer = new Producer(cluster, { lingerMs: 20, codec })
    for (const [hour, entries] of batches.entries())
      await Promise.all(
        entries.map(({ key, value }, at) =>
          producer.send({
            topic,
            partition: 0,
            key: Buffer.from(key),
            value: value === null ? null : Buffer.from(value),
            timestamp: startMs + (fromHour + hour) * hourMs + at
          })
        )
      )
    await producer.close()
  }

  async function read(topic: string): Promise<string[]> {
    const { offset: end } = await listOffset(cluster, { topic, partition: 0, at: 'latest' })
    const consumer = new Consumer(cluster, { maxWaitMs: 100 })
    consumer.assign([{ topic, partition: 0, at: 'earliest' }])
    const lines: string[] = []
    let next = 0
    // What ends the log is never compacted away here: the segment that is written to has it.
    while (next < end)
      for (const { offset, key, value, timestamp } of await consumer.poll(1000)) {
        lines.push(`${offset} ${key}=${value} ${(timestamp - startMs) % hourMs}`)
        next = offset + 1
      }
    await consumer.close()
    return lines
  }

  async function becomes(topic: string, expected: readonly string[]): Promise<void> {
    let lines: string[] = []
    for (let tries = 0; tries < 150; tries++) {
      lines = await read(topic)
      if (lines.length === expected.length) break
      await sleep(200)
    }
    assert.deepEqual(lines, expected)
  }

  /** What is left: the newest of each key below the last batch, and that batch. */
  function leftOf(batches: readonly (readonly Entry[])[]): string[] {
    const all = batches.flatMap((entries, hour) => entries.map((entry, at) => ({ ...entry, at, hour })))
    const newest = new Map<string, number>()
    for (const [offset, { key, hour }] of all.entries()) if (hour < batches.length - 1) newest.set(key, offset)
    return all.flatMap(({ key, value, at, hour }, offset) =>
      hour === batches.length - 1 || newest.get(key) === offset ? [`${offset} ${key}=${value} ${at}`] : []
    )
  }

  const history = (rounds: number): Entry[][] =>
    Array.from({ length: rounds }, (_, round) =>
      Array.from({ length: 1 + (round % 4) }, (_, at) => {
        const key = `k${(round * 3 + at * 5) % 11}`
        return { key, value: (round + at) % 6 === 5 ? null : `${round}-${at}` }
      })
    )

  for (const codec of compressionCodecs)
    test(`the newest record of each key stays at its offset (${codec})`, { timeout: 60_000 }, async () => {
      const topic = `newest-${codec}`
      await made(topic)
      const batches = history(24)
      await write(topic, batches, codec)
      await becomes(topic, leftOf(batches))
      const end = batches.flat().length
      assert.equal((await listOffset(cluster, { topic, partition: 0, at: 'earliest' })).offset, 0)
      assert.equal((await listOffset(cluster, { topic, partition: 0, at: 'latest' })).offset, end)
      const first = leftOf(batches)[0].split(' ')[0]
      const found = await listOffset(cluster, { topic, partition: 0, at: { timestampMs: startMs } })
      assert.equal(found.offset, Number(first))
    })

  test('what comes later is compacted with what was compacted before', { timeout: 60_000 }, async () => {
    const topic = 'again'
    await made(topic)
    const batches = history(40)
    for (let from = 0; from < 40; from += 10) {
      await write(topic, batches.slice(from, from + 10), 'none', from)
      await becomes(topic, leftOf(batches.slice(0, from + 10)))
    }
  })

  test('tombstones go when their time is over, and nothing comes back', { timeout: 60_000 }, async () => {
    const topic = 'tombstones'
    await made(topic, { 'delete.retention.ms': '0' })
    const one = (key: string, value: string | null) => [{ key, value }]
    await write(topic, [one('a', '1'), one('a', null), one('b', '1')])
    for (let hour = 3; (await read(topic)).some(line => line.includes('a=')); hour++) {
      assert.ok(hour < 60, 'the tombstone stays')
      await write(topic, [one('b', `${hour}`)], 'none', hour)
      await sleep(300)
    }
    const left = await read(topic)
    assert.ok(left.length > 0 && left.every(line => line.includes('b=')), left.join())
  })
})

describe('compaction and kill -9', {
  skip: targetName === 'kafka' ? 'it is about how Naru keeps its files' : false
}, () => {
  test('leave the newest value of each key, whenever the process dies', { timeout: 120_000 }, async () => {
    // Slow enough that it is always at work.
    const broker = await startTarget({
      'log.cleaner.backoff.ms': '1',
      'log.cleaner.io.max.bytes.per.second': '3000000'
    })
    const open = () => clientOf(broker.bootstrap, { clientId: 'test' })
    let cluster = open()
    try {
      const configs = { 'cleanup.policy': 'compact', 'segment.ms': '1', 'min.cleanable.dirty.ratio': '0.001' }
      await createTopic(cluster, { name: 't', partitions: 1, configs })
      const newest = new Map<string, string>()
      const written = new Map<number, string>()
      let time = systemClock.now() - hourMs
      for (let life = 0; life < 6; life++) {
        const producer = new Producer(cluster)
        for (let round = 0; round < 15; round++) {
          time += 2
          await Promise.all(
            Array.from({ length: 40 }, async (_, at) => {
              const key = `k${(life * 31 + round * 17 + at * 7) % 60}`
              const value = `${life} ${round} ${at} ${'x'.repeat(500)}`
              const timestamp = time
              const record = { topic: 't', partition: 0, key: Buffer.from(key), value: Buffer.from(value), timestamp }
              const { offset } = await producer.send(record)
              written.set(offset, `${key}=${value}`)
            })
          )
        }
        await producer.close()
        for (const [, line] of [...written].sort(([a], [b]) => a - b))
          newest.set(line.slice(0, line.indexOf('=')), line)
        await sleep(40 * life)
        cluster.close()
        await broker.kill9()
        await broker.restart()
        cluster = open()
        const { offset: end } = await listOffset(cluster, { topic: 't', partition: 0, at: 'latest' })
        assert.equal(end, Math.max(...written.keys()) + 1)
        const consumer = new Consumer(cluster, { maxWaitMs: 100 })
        consumer.assign([{ topic: 't', partition: 0, at: 'earliest' }])
        const found = new Map<string, string>()
        for (let next = 0; next < end; )
          for (const { offset, key, value } of await consumer.poll(1000)) {
            assert.ok(offset >= next, 'offsets go up')
            assert.equal(`${key}=${value}`, written.get(offset))
            found.set(`${key}`, `${key}=${value}`)
            next = offset + 1
          }
        consumer.close()
        assert.deepEqual(new Map([...found].sort()), new Map([...newest].sort()))
      }
      const compactions = broker.output().match(/compacted a log/g)
      assert.ok(compactions, 'it was compacted')
    } finally {
      cluster.close()
      await broker.remove()
    }
  })
})
