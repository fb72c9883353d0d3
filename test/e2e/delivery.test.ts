import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Consumer, stringDeserializers } from '@platformatic/kafka'
import type { Kafka } from 'kafkajs'
import { kafkajs, withAdmin } from '../support/kafkajs.ts'
import type { RunningBroker } from '../support/naru.ts'
import { removeAfter, startTarget, whyNoTarget } from '../support/target.ts'
import type { MemberArguments } from './delivery/member.ts'

describe('delivery, as a user sees it', { skip: whyNoTarget(), concurrency: 1 }, () => {
  let broker: RunningBroker
  let kafka: Kafka

  before(async () => {
    broker = await startTarget()
    kafka = kafkajs(broker.bootstrap)
  })
  removeAfter(() => broker?.remove())

  const create = (topic: string, numPartitions = 1) =>
    withAdmin(kafka, admin => admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true }))

  /** Sends values one request each, and gives their offsets. */
  async function send(topic: string, values: string[], acks: -1 | 0 | 1, timestamp?: (i: number) => number) {
    const producer = kafka.producer()
    await producer.connect()
    const offsets: (string | undefined)[] = []
    for (const [i, value] of values.entries()) {
      const message = { value, partition: 0, timestamp: timestamp && String(timestamp(i)) }
      offsets.push((await producer.send({ topic, acks, messages: [message] }))[0]?.baseOffset)
    }
    await producer.disconnect()
    return offsets
  }

  /** `[offset, value]` of partition 0 from an offset to the end as it is now. */
  async function read(topic: string, from = 0): Promise<[number, string][]> {
    const [{ high }] = await withAdmin(kafka, admin => admin.fetchTopicOffsets(topic))
    const records: [number, string][] = []
    if (Number(high) <= from) return records
    const consumer = kafka.consumer({ groupId: `read-${topic}-${Math.random()}`, maxWaitTimeInMs: 100 })
    await consumer.connect()
    // A consumer that kafkajs restarts forgets where it was sent.
    await consumer.subscribe({ topic, fromBeginning: true })
    const done = new Promise<void>(resolve => {
      consumer.run({
        autoCommit: false,
        eachMessage: async ({ message }) => {
          if (Number(message.offset) < from) return
          records.push([Number(message.offset), message.value?.toString() ?? ''])
          if (Number(message.offset) === Number(high) - 1) resolve()
        }
      })
    })
    consumer.seek({ topic, partition: 0, offset: String(from) })
    await done
    await consumer.disconnect()
    return records
  }

  const numbered = (count: number) => Array.from({ length: count }, (_, i) => String(i))
  const withOffsets = (values: string[], from = 0) => values.map((value, i) => [i, value]).slice(from)

  test('acks=0 is not answered, acks=1 and all are answered with offsets; all are there once, in order', async () => {
    await create('acks')
    const values = numbered(60)
    assert.deepEqual(await send('acks', values.slice(0, 20), -1), numbered(20))
    assert.deepEqual(await send('acks', values.slice(20, 40), 1), values.slice(20, 40))
    assert.deepEqual(await send('acks', values.slice(40), 0), Array(20).fill(undefined))
    for (let i = 0; i < 50 && (await read('acks', 59)).length === 0; i++) await sleep(50)
    assert.deepEqual(await read('acks'), withOffsets(values))
  })

  /** Consumes in a process that is killed at the `killAt`-th record, and then in another one to the last record. */
  async function consumeThroughKill(topic: string, order: MemberArguments['order'], killAt: number): Promise<string[]> {
    const args: MemberArguments = { bootstrap: broker.bootstrap, topic, group: topic, order }
    const [{ high }] = await withAdmin(kafka, admin => admin.fetchTopicOffsets(topic))
    const handled: string[] = []
    for (const last of [false, true]) {
      const file = fileURLToPath(new URL('delivery/member.ts', import.meta.url))
      const child = fork(file, [JSON.stringify(args)], { execArgv: ['--import', 'tsx'] })
      const here: string[] = []
      child.on('message', value => {
        here.push(String(value))
        if (last ? value === String(Number(high) - 1) : here.length === killAt) child.kill('SIGKILL')
      })
      await once(child, 'close')
      handled.push(...here)
    }
    return handled
  }

  test('at most once: committed before processed, and a kill repeats nothing', { timeout: 60_000 }, async () => {
    await create('at-most-once')
    await send('at-most-once', numbered(120), -1)
    const handled = await consumeThroughKill('at-most-once', 'commit first', 50)
    assert.equal(new Set(handled).size, handled.length, 'nothing twice')
    assert.ok(handled.length >= 119, 'and only what was in hand is lost')
  })

  test('at least once: committed after processed, and a kill loses nothing', { timeout: 60_000 }, async () => {
    await create('at-least-once')
    await send('at-least-once', numbered(120), -1)
    const handled = await consumeThroughKill('at-least-once', 'process first', 50)
    assert.deepEqual([...new Set(handled)], numbered(120))
    assert.ok(handled.length <= 121, 'and only what was in hand is repeated')
  })

  test('a log can be read again: from the beginning, an offset, a time', async () => {
    await create('again')
    const start = Date.now() - 100_000
    const values = numbered(30)
    await send('again', values, -1, i => start + i * 1000)
    assert.deepEqual(await read('again'), withOffsets(values))
    assert.deepEqual(await read('again'), withOffsets(values), 'a second time')
    assert.deepEqual(await read('again', 17), withOffsets(values, 17))
    const at = await withAdmin(kafka, admin => admin.fetchTopicOffsetsByTimestamp('again', start + 20_500))
    assert.equal(at[0].offset, '21')
    assert.deepEqual(await read('again', Number(at[0].offset)), withOffsets(values, 21))
  })

  test('@platformatic/kafka reads again from an offset that it is given', async () => {
    const consumer = new Consumer({
      clientId: 'again',
      groupId: 'again',
      bootstrapBrokers: broker.bootstrap.split(','),
      deserializers: stringDeserializers
    })
    const offsets = [{ topic: 'again', partition: 0, offset: 25n }]
    const stream = await consumer.consume({ topics: ['again'], mode: 'manual', offsets })
    const records: [number, string][] = []
    for await (const { offset, value } of stream) if (records.push([Number(offset), value]) === 5) break
    await consumer.close(true)
    assert.deepEqual(records, withOffsets(numbered(30), 25))
  })

  test('records and committed offsets outlive a clean stop and kill -9', { timeout: 60_000 }, async () => {
    await create('outlive')
    const values: string[] = []
    for (const end of ['stop', 'kill9'] as const) {
      const more = numbered(20).map(value => `${end}-${value}`)
      await send('outlive', more, -1)
      values.push(...more)
      await withAdmin(kafka, admin =>
        admin.setOffsets({
          groupId: 'outlive',
          topic: 'outlive',
          partitions: [{ partition: 0, offset: String(values.length) }]
        })
      )
      await broker[end]('outlive')
      await broker.restart()
      assert.deepEqual(await read('outlive'), withOffsets(values))
      const [offsets] = await withAdmin(kafka, admin => admin.fetchOffsets({ groupId: 'outlive', topics: ['outlive'] }))
      assert.equal(offsets.partitions[0].offset, String(values.length), end)
    }
  })
})
