import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handler } from '../../../src/doors/kafka/handler.ts'
import { ApiVersions } from '../../../src/wire/kafka/messages/api-versions.ts'
import { Metadata } from '../../../src/wire/kafka/messages/metadata.ts'
import { Echo, echo, onDemand } from './echo.ts'
import { TestClient as Client, type DoorUnderTest, openDoor, type TestClient, turns } from './support.ts'

const echoing = echo(({ text }) => ({ text }))

/** Echo requests that are mostly padding. */
const padded = (id: number, bytes: number) => Client.frame(Echo, 0, id, { text: `${id}`, padding: Buffer.alloc(bytes) })

async function answers(client: TestClient): Promise<void> {
  client.send(ApiVersions, 0, 7, {})
  assert.equal((await client.response(ApiVersions, 0)).id, 7)
}

const open = (clients: TestClient[]) => clients.filter(({ served }) => !served.destroyed).length

/** Half of a request of a megabyte on each of many connections. */
async function begin(door: DoorUnderTest, count: number): Promise<TestClient[]> {
  const clients = Array.from({ length: count }, () => door.connect())
  const half = padded(1, 1_000_000).subarray(0, 500_000)
  for (const client of clients) {
    client.stream.write(half)
    await turns(2)
  }
  return clients
}

test('requests that stop half way take bounded memory, make room, and others are served meanwhile', async () => {
  const door = openDoor([echoing], { limits: { queuedRequestBytesMax: 4_000_000, requestBytesMax: 2_000_000 } })
  const polite = door.connect()
  const hostile = await begin(door, 60)
  await answers(polite)
  const used = () => door.metrics.snapshot().naru_kafka_request_queued_bytes
  assert.ok(used() < 12_000_000, `${used()} bytes are held`)
  // A large request waits for its turn: it comes when those that don't go on are dropped.
  polite.stream.write(padded(1, 900_000))
  await turns(10)
  door.clock.advance(1000)
  await turns()
  door.clock.advance(1000)
  await turns(20)
  assert.equal((await polite.response(Echo, 0)).body.text, '1')
  for (let second = 0; second < 40; second++) {
    door.clock.advance(1000)
    await turns(2)
  }
  assert.ok(open(hostile) < 10, `${open(hostile)} are still there`)
  assert.ok(used() < 7_000_000, `${used()} bytes are held`)
  assert.ok(door.metrics.snapshot()['naru_kafka_connections_dropped_total{why="memory"}'] > 50)
  for (const { served } of hostile) served.destroy()
  await turns()
  assert.equal(used(), 0)
})

test('many large requests that do arrive are all served, some after others', async () => {
  const door = openDoor([echoing], { limits: { queuedRequestBytesMax: 3_000_000 } })
  const clients = Array.from({ length: 30 }, () => door.connect())
  await Promise.all(
    clients.map(async (client, id) => {
      client.stream.write(padded(id, 1_000_000))
      assert.equal((await client.response(Echo, 0)).body.text, `${id}`)
    })
  )
  assert.equal(open(clients), 30)
})

test('one request of the largest size is served whatever the bound', async () => {
  const door = openDoor([echoing], { limits: { queuedRequestBytesMax: 1000, requestBytesMax: 3_000_000 } })
  const client = door.connect()
  client.stream.write(padded(1, 2_900_000))
  assert.equal((await client.response(Echo, 0)).body.text, '1')
})

test('requests that wait are bounded: who has most of them is dropped, nobody else', async () => {
  const { served: waiting, answer } = onDemand()
  const door = openDoor([waiting], { limits: { waitingRequestBytesMax: 100_000 } })
  const polite = door.connect()
  polite.send(Echo, 0, 1, { text: 'polite' })
  const hostile = Array.from({ length: 4 }, () => door.connect())
  for (const client of hostile)
    for (let id = 0; id < 60; id++) client.send(Echo, 0, id, { text: `hostile ${id}`, padding: Buffer.alloc(100) })
  await turns(20)
  assert.ok(open(hostile) < 4)
  answer('polite')
  assert.equal((await polite.response(Echo, 0)).body.text, 'polite')
  const used = () => door.metrics.snapshot().naru_kafka_request_waiting_bytes
  assert.ok(used() <= 100_000, `${used()} bytes`)
  for (const { served } of hostile) served.destroy()
  await turns()
  assert.equal(used(), 0)
})

test('responses that nobody reads are bounded over all connections; who reads is served', async () => {
  const records = Buffer.alloc(200_000)
  const big = echo(({ text }) => ({ text, records }))
  const door = openDoor([big], { limits: { queuedResponseBytesMax: 1_000_000 } })
  const hostile = Array.from({ length: 12 }, () => door.connect())
  for (const client of hostile) for (let id = 0; id < 10; id++) client.send(Echo, 0, id, { text: 'x' })
  await turns(20)
  const used = () => door.metrics.snapshot().naru_kafka_response_queued_bytes
  assert.ok(used() <= 2_200_000, `${used()} bytes`)
  const polite = door.connect()
  polite.send(Echo, 0, 1, { text: 'polite' })
  assert.equal((await polite.response(Echo, 0)).body.text, 'polite')
  for (let second = 0; second < 20; second++) {
    door.clock.advance(1000)
    await turns(2)
  }
  assert.ok(used() < 1_000_000, `${used()} bytes`)
  await answers(polite)
})

test('records in memory that storage counts are not counted again, and what it lends is', async () => {
  let lentBytes = 0
  const records = Buffer.alloc(100_000)
  const rooms: number[] = []
  const served = echo(({ text }, context) => {
    rooms.push(context.responseRoom)
    return { text, records, borrowedBytes: records.length }
  })
  const door = openDoor([served], { limits: { queuedResponseBytesMax: 100_000 }, lentBytes: () => lentBytes })
  const slow = door.connect()
  slow.send(Echo, 0, 1, { text: 'x' })
  await turns()
  assert.ok(door.metrics.snapshot().naru_kafka_response_queued_bytes < 1000)
  lentBytes = 150_000
  slow.send(Echo, 0, 2, { text: 'y' })
  await turns()
  assert.equal(rooms.length, 1, 'it must read its first response before it gets more')
  const polite = door.connect()
  polite.send(Echo, 0, 1, { text: 'polite' })
  assert.equal((await polite.response(Echo, 0)).body.text, 'polite')
  assert.equal(rooms[1], 1)
})

test('a request that takes its time is worked on alone, as in Kafka', async () => {
  const begun: number[] = []
  let release = () => {}
  const slow = handler(Metadata, { versions: [0, 13], refuse: () => ({ brokers: [], topics: [] }) }, async () => {
    begun.push(begun.length)
    await new Promise<void>(resolve => {
      release = resolve
    })
    return { brokers: [], topics: [] }
  })
  const client = openDoor([slow]).connect()
  for (let id = 0; id < 3; id++) client.send(Metadata, 1, id, { topics: null })
  for (let id = 0; id < 3; id++) {
    await turns()
    assert.equal(begun.length, id + 1)
    release()
    assert.equal((await client.response(Metadata, 1)).id, id)
  }
})

test('a client that sends thousands of requests at once does not keep others waiting', async () => {
  const order: string[] = []
  let advance = (_ms: number) => {}
  const served = echo(({ text }) => {
    order.push(text)
    advance(1)
    return { text }
  })
  const door = openDoor([served], { limits: { turnMsMax: 10 } })
  advance = ms => door.clock.advance(ms)
  const greedy = door.connect()
  const polite = door.connect()
  greedy.stream.write(Buffer.concat(Array.from({ length: 2000 }, (_, id) => Client.frame(Echo, 0, id, { text: 'g' }))))
  polite.send(Echo, 0, 1, { text: 'polite' })
  await polite.response(Echo, 0)
  assert.ok(order.indexOf('polite') < 1000, `after ${order.indexOf('polite')} others`)
  for (let id = 0; id < 2000; id++) assert.equal((await greedy.response(Echo, 0)).id, id)
})

test('a client whose answers are written as soon as they are made does not keep others waiting', async () => {
  const order: string[] = []
  const served = echo(({ text }) => {
    order.push(text)
    return { text, records: Buffer.alloc(100) }
  })
  const door = openDoor([served], { limits: { responseBytesMax: 1 } })
  const greedy = door.connect()
  const polite = door.connect()
  // The system takes whatever is written: the callback comes in the same turn.
  greedy.served._write = (_chunk, _encoding, done) => done()
  greedy.served._writev = (_chunks, done) => done()
  greedy.stream.write(Buffer.concat(Array.from({ length: 500 }, (_, id) => Client.frame(Echo, 0, id, { text: 'g' }))))
  await new Promise(setImmediate)
  polite.send(Echo, 0, 1, { text: 'polite' })
  await polite.response(Echo, 0)
  assert.ok(order.length < 100, `after ${order.length} others`)
})

test('a request with more elements than allowed is refused before it is decoded', async () => {
  const door = openDoor([handler(Metadata, { versions: [0, 13], refuse: () => assert.fail() }, () => assert.fail())], {
    limits: { requestElementsMax: 100 }
  })
  const client = door.connect()
  client.send(Metadata, 1, 1, { topics: Array.from({ length: 101 }, (_, i) => ({ name: `${i}` })) })
  await client.closed
  assert.deepEqual(door.log.reasons, ['more than 100 array elements'])
})

test('a connection that was to end does not wait for a poll of weeks', async () => {
  const { served } = onDemand()
  const door = openDoor([served])
  const client = door.connect()
  client.send(Echo, 0, 1, { text: 'never answered' })
  client.stream.write(Buffer.from('rubbish, as a length'))
  await turns()
  assert.ok(!client.served.destroyed)
  for (let i = 0; i < 5; i++) door.clock.advance(10_000)
  await client.closed
})

test('while files are read for an answer the connection begins nothing, and others see less room', async () => {
  const begun: string[] = []
  const rooms: number[] = []
  let done = () => {}
  const served = echo(({ text }, context) => {
    begun.push(text)
    rooms.push(context.responseRoom)
    if (text !== 'file') return { text }
    const release = context.reserve(600)
    return new Promise(resolve => {
      done = () => {
        release()
        resolve({ text })
      }
    })
  })
  const door = openDoor([served], { limits: { queuedResponseBytesMax: 1000 } })
  const client = door.connect()
  for (const [id, text] of ['file', 'next'].entries()) client.send(Echo, 0, id, { text })
  await turns()
  assert.deepEqual(begun, ['file'])
  const other = door.connect()
  other.send(Echo, 0, 1, { text: 'other' })
  await other.response(Echo, 0)
  done()
  for (let id = 0; id < 2; id++) assert.equal((await client.response(Echo, 0)).id, id)
  assert.deepEqual(begun, ['file', 'other', 'next'])
  assert.ok(rooms[0] > 900 && rooms[1] <= 400 && rooms[2] > 300, `${rooms}`)
})
