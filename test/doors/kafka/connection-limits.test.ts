import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handler } from '../../../src/doors/kafka/handler.ts'
import { ApiVersions } from '../../../src/wire/kafka/messages/api-versions.ts'
import { Produce } from '../../../src/wire/kafka/messages/produce.ts'
import { type Answered, Echo, echo, onDemand } from './echo.ts'
import { openDoor, TestClient, turns } from './support.ts'

test('requests in flight are bounded: what is beyond is read when one is answered', async () => {
  const { asked, served, answer } = onDemand()
  const client = openDoor([served], { limits: { inFlightMax: 2 } }).connect()
  const texts = ['a', 'b', 'c', 'd']
  client.stream.write(Buffer.concat(texts.map((text, id) => TestClient.frame(Echo, 0, id, { text }))))
  await turns()
  assert.deepEqual(asked, ['a', 'b'])
  answer('b')
  await turns()
  assert.deepEqual(asked, ['a', 'b'], 'b waits for a, so it still counts')
  answer('a')
  await turns()
  assert.deepEqual(asked, texts)
  answer('c')
  answer('d')
  for (const text of texts) assert.equal((await client.response(Echo, 0)).body.text, text)
})

test('a client that does not read its responses is not read from; it goes on when it reads', async () => {
  const batch = Buffer.alloc(50_000)
  let handled = 0
  const { connect } = openDoor(
    [
      echo(({ text }) => {
        handled++
        return { text, records: batch }
      })
    ],
    { limits: { responseBytesMax: 100_000 } }
  )
  const client = connect()
  for (let id = 0; id < 30; id++) client.send(Echo, 0, id, { text: 'x' })
  await turns(20)
  assert.ok(handled <= 4, `${handled} requests handled for a client that reads nothing`)
  for (let id = 0; id < 30; id++) assert.equal((await client.response(Echo, 0)).id, id)
  assert.equal(handled, 30)
})

test('responses held up by an earlier one count against the bound too', async () => {
  const batch = Buffer.alloc(50_000)
  let release = (_answer: Answered) => {}
  let handled = 0
  const { connect } = openDoor(
    [
      echo(({ text }) => {
        handled++
        return text === 'slow' ? new Promise(resolve => (release = resolve)) : { text, records: batch }
      })
    ],
    { limits: { responseBytesMax: 100_000 } }
  )
  const client = connect()
  for (let id = 0; id < 20; id++) client.send(Echo, 0, id, { text: id === 0 ? 'slow' : 'x' })
  await turns(10)
  assert.ok(handled <= 4, `${handled} requests handled`)
  release({ text: 'slow' })
  for (let id = 0; id < 20; id++) assert.equal((await client.response(Echo, 0)).id, id)
})

test('a client that takes nothing for the stall limit is dropped, one that takes a little is not', async () => {
  const limits = { writeStallMs: 1000n, responseBytesMax: 1_000_000 }
  const { connect, clock, log } = openDoor([echo(({ text }) => ({ text, records: Buffer.alloc(3_000_000) }))], {
    limits
  })
  const stalled = connect()
  stalled.send(Echo, 0, 1, { text: 'x' })
  await turns()
  clock.advance(900)
  assert.ok(!stalled.served.destroyed)
  clock.advance(2200)
  await stalled.closed
  assert.deepEqual(log.reasons, ['the client does not read its responses'])
})

test('idle connections are closed; those with a request in flight or traffic are not', async () => {
  const { served, answer } = onDemand()
  const { connect, clock } = openDoor([served], { limits: { idleMaxMs: 60_000n } })
  const idle = connect()
  const waiting = connect()
  const busy = connect()
  waiting.send(Echo, 0, 1, { text: 'wait' })
  await turns()
  for (let i = 0; i < 7; i++) {
    clock.advance(10_000)
    busy.send(ApiVersions, 0, i, {})
    await busy.response(ApiVersions, 0)
  }
  assert.ok(idle.served.destroyed)
  assert.ok(!waiting.served.destroyed)
  assert.ok(!busy.served.destroyed)
  answer('wait')
  await waiting.response(Echo, 0)
  clock.advance(61_000)
  await Promise.all([waiting.closed, busy.closed])
})

test('Produce waits while storage is over its bound, and nothing else does', async () => {
  let over = true
  const waiting: (() => void)[] = []
  const pressure = {
    get over() {
      return over
    },
    relieved: () => new Promise<void>(resolve => (over ? waiting.push(resolve) : resolve()))
  }
  const order: string[] = []
  const produce = handler(Produce, { versions: [3, 13], refuse: () => ({ responses: [] }) }, request => {
    order.push(`produce ${request.topicData[0].partitionData[0].records?.toString()}`)
    return { responses: [] }
  })
  const door = openDoor(
    [
      produce,
      echo(({ text }) => {
        order.push(text)
        return { text }
      })
    ],
    { pressure }
  )
  const producer = door.connect()
  const consumer = door.connect()
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: Buffer.from('batch') }] }]
  producer.send(Echo, 0, 1, { text: 'before' })
  producer.send(Produce, 3, 2, { acks: 1, timeoutMs: 1, topicData })
  producer.send(Echo, 0, 3, { text: 'after' })
  await turns()
  consumer.send(Echo, 0, 1, { text: 'consumer' })
  await consumer.response(Echo, 0)
  assert.deepEqual(order, ['before', 'consumer'])
  // Relieved, but whoever else waited has filled it again before this connection's turn.
  for (const wake of waiting.splice(0)) wake()
  await turns()
  assert.deepEqual(order, ['before', 'consumer'])
  over = false
  for (const wake of waiting.splice(0)) wake()
  await producer.response(Echo, 0)
  await producer.response(Produce, 3)
  await producer.response(Echo, 0)
  assert.deepEqual(order, ['before', 'consumer', 'produce batch', 'after'])
})
