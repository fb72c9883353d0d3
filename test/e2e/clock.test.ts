import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ITopicConfig } from 'kafkajs'
import { kafkajs, withAdmin } from '../support/kafkajs.ts'
import { type RunningBroker, startNaru } from '../support/naru.ts'
import { type SteppedClock, steppedClock, whyNoSteppedClock } from '../support/stepped-clock.ts'
import { environmentOf, removeAfter } from '../support/target.ts'

/*
 * What the wall clock of a broker is for, and what it is not: a clock that is set while the broker runs. That a cluster does not mind
 * is shown by cluster-etcd/clocks.test.ts. Only on Naru: Apache Kafka asks for the time so often that it does not start with such a clock.
 */

const minuteMs = 60_000
const hourMs = 60 * minuteMs

describe('a broker whose clock is set', { skip: whyNoSteppedClock(), concurrency: 1 }, () => {
  let broker: RunningBroker
  let clock: SteppedClock
  let folder: string
  removeAfter(async () => {
    await broker?.remove()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'naru-clock-'))
    clock = steppedClock(folder, 'broker')
    broker = await startNaru({ env: { ...clock.env, ...environmentOf({ 'log.retention.check.interval.ms': '50' }) } })
  })

  const create = (topic: string, configs: Record<string, string>) =>
    withAdmin(kafkajs(broker.bootstrap), async admin => {
      const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
      const made: ITopicConfig = { topic, numPartitions: 1, replicationFactor: 1, configEntries }
      await admin.createTopics({ topics: [made], waitForLeaders: true })
    })

  const produce = async (topic: string, timestampMs: number) => {
    const producer = kafkajs(broker.bootstrap, { retry: { retries: 1 } }).producer()
    await producer.connect()
    const messages = [{ value: 'v', timestamp: String(timestampMs) }]
    return producer.send({ topic, messages, acks: -1 }).finally(() => producer.disconnect())
  }

  const firstOffset = (topic: string) =>
    withAdmin(kafkajs(broker.bootstrap), async admin => Number((await admin.fetchTopicOffsets(topic))[0].low))

  test('stamps records by it where topics want that, forward and back', async () => {
    await create('stamped', { 'message.timestamp.type': 'LogAppendTime' })
    for (const offsetMs of [0, 5 * hourMs, -3 * hourMs, 0]) {
      clock.set(offsetMs)
      const [{ logAppendTime }] = await produce('stamped', Date.now())
      const isMs = Number(logAppendTime) - Date.now()
      assert.ok(Math.abs(isMs - offsetMs) < 5 * minuteMs, `${isMs} ms ahead, set to ${offsetMs}`)
    }
  })

  test('deletes by it what is too old then, and nothing sooner', async () => {
    const old = Date.now() - 10 * hourMs
    await create('short', { 'retention.ms': String(12 * hourMs), 'file.delete.delay.ms': '0' })
    await create('long', { 'retention.ms': String(16 * hourMs) })
    await create('newer', { 'retention.ms': String(12 * hourMs) })
    for (const topic of ['short', 'long']) await produce(topic, old)
    await produce('newer', Date.now())
    clock.set(4 * hourMs)
    for (const until = performance.now() + 20_000; (await firstOffset('short')) < 1; await sleep(50))
      assert.ok(performance.now() < until, 'records of 14 hours ago are kept')
    assert.deepEqual(await Promise.all(['long', 'newer'].map(firstOffset)), [0, 0])
    clock.set(0)
  })

  test('refuses records that are an hour ahead of it, and takes them when it is right again', async () => {
    await create('created', {})
    clock.set(-55 * minuteMs)
    await produce('created', Date.now())
    clock.set(-65 * minuteMs)
    await assert.rejects(produce('created', Date.now()), /timestamp of the message is out of acceptable range/i)
    clock.set(9 * hourMs)
    await produce('created', Date.now())
    clock.set(0)
    const [{ baseOffset }] = await produce('created', Date.now())
    assert.equal(baseOffset, '2')
  })
})
