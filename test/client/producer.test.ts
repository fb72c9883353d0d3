import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Producer } from '../../src/client/producer.ts'
import { baseSequence, producerId, recordCount } from '../../src/record/header.ts'
import { iterateRecords } from '../../src/record/iterate.ts'
import type { ResponseOf } from '../../src/schema/message.ts'
import { ManualClock } from '../../src/std/clock.ts'
import { errorNumber } from '../../src/wire/kafka/errors.ts'
import { InitProducerId } from '../../src/wire/kafka/messages/init-producer-id.ts'
import { Produce } from '../../src/wire/kafka/messages/produce.ts'
import { FakeBrokers } from './fake-broker.ts'

/** Brokers with logs that know sequence numbers, and a script of what goes wrong. */
class Logs {
  readonly values: string[][] = [[], []]
  readonly brokers: FakeBrokers
  /** What happens to the next requests: an error code, or a connection lost after the append or before it. */
  readonly script: ('ok' | 'lost answer' | 'lost request' | 'NOT_LEADER_OR_FOLLOWER' | 'MESSAGE_TOO_LARGE')[] = []
  readonly leaders = [1, 1]
  readonly ids: number[] = []
  requests = 0
  private nextId = 100
  private readonly sequences = new Map<string, number>()

  constructor(nodes = 1) {
    this.brokers = new FakeBrokers(nodes)
    this.brokers.topics = [{ name: 't', leaders: this.leaders }]
    this.brokers.on(InitProducerId, () => ({ errorCode: 0, producerId: this.nextId++, producerEpoch: 0 }))
    this.brokers.on(Produce, (request, node) => {
      this.requests++
      const event = this.script.shift() ?? 'ok'
      if (event === 'lost request') return 'hang up'
      const [topic] = request.topicData
      const responses = topic.partitionData.map(({ index, records }) => {
        if (event === 'NOT_LEADER_OR_FOLLOWER' || event === 'MESSAGE_TOO_LARGE')
          return answer(index, errorNumber(event))
        if (this.leaders[index] !== node) return answer(index, errorNumber('NOT_LEADER_OR_FOLLOWER'))
        return this.append(index, records!)
      })
      if (event === 'lost answer') return 'hang up'
      return { responses: [{ name: topic.name, partitionResponses: responses }] }
    })
  }

  private append(index: number, batch: Buffer) {
    const id = producerId(batch)
    this.ids.push(id)
    const sequence = baseSequence(batch)
    const expected = this.sequences.get(`${id} ${index}`) ?? 0
    if (sequence < expected) return answer(index, 0, 0)
    if (sequence > expected) return answer(index, errorNumber('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    this.sequences.set(`${id} ${index}`, expected + recordCount(batch))
    const baseOffset = this.values[index].length
    for (const { value } of iterateRecords(batch)) this.values[index].push(String(value))
    return answer(index, 0, baseOffset)
  }
}

type Answered = ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number]
const answer = (index: number, errorCode: number, baseOffset = -1): Answered => ({
  index,
  errorCode,
  baseOffset,
  recordErrors: []
})

/** Moves time on until `done`. */
async function run<T>(clock: ManualClock, done: Promise<T>): Promise<T> {
  let running = true
  const watched = done.finally(() => {
    running = false
  })
  watched.catch(() => {})
  for (let i = 0; i < 5000 && running; i++) {
    for (let turns = 0; turns < 5; turns++) await new Promise(resolve => setImmediate(resolve))
    clock.advance(10)
  }
  assert.ok(!running, 'still waiting')
  return watched
}

test('each record arrives once and in order, whatever is lost on the way', async () => {
  const clock = new ManualClock()
  const logs = new Logs()
  logs.script.push('lost answer', 'lost request', 'NOT_LEADER_OR_FOLLOWER', 'ok', 'lost answer', 'lost answer')
  const cluster = logs.brokers.cluster(clock)
  const producer = new Producer(cluster, { batchBytes: 300 })
  const deliveries: Promise<unknown>[] = []
  for (let i = 0; i < 60; i++)
    deliveries.push(producer.send({ topic: 't', partition: i % 2, value: Buffer.from(`value ${i}`) }))
  await run(clock, Promise.all(deliveries))
  for (const partition of [0, 1])
    assert.deepEqual(
      logs.values[partition],
      Array.from({ length: 30 }, (_, i) => `value ${i * 2 + partition}`)
    )
  await run(clock, producer.close())
  cluster.close()
})

test('records of one moment share a request, and a lone record waits for the linger time only', async () => {
  const clock = new ManualClock()
  const logs = new Logs()
  const cluster = logs.brokers.cluster(clock)
  const producer = new Producer(cluster, { lingerMs: 50 })
  await run(
    clock,
    Promise.all(Array.from({ length: 20 }, () => producer.send({ topic: 't', partition: 0, value: null })))
  )
  assert.equal(logs.requests, 1)
  const started = clock.monotonic()
  await run(clock, producer.send({ topic: 't', partition: 0, value: null }))
  assert.ok(clock.monotonic() - started >= 50 && clock.monotonic() - started <= 80)
  const flushed = clock.monotonic()
  const last = producer.send({ topic: 't', partition: 0, value: null })
  await run(clock, producer.flush())
  await last
  assert.ok(clock.monotonic() - flushed <= 20)
  cluster.close()
})

test('a refused batch is told, and the next goes under a new producer id from sequence 0', async () => {
  const clock = new ManualClock()
  const logs = new Logs()
  const cluster = logs.brokers.cluster(clock)
  const producer = new Producer(cluster)
  const send = (value: string) => producer.send({ topic: 't', partition: 0, value: Buffer.from(value) })
  await run(clock, send('a'))
  logs.script.push('MESSAGE_TOO_LARGE')
  await run(clock, assert.rejects(send('b'), { code: 'MESSAGE_TOO_LARGE' }))
  await run(clock, send('c'))
  assert.deepEqual(logs.values[0], ['a', 'c'])
  assert.deepEqual(logs.ids, [100, 101])
  cluster.close()
})

test('follows a partition to its new leader', async () => {
  const clock = new ManualClock()
  const logs = new Logs(2)
  const cluster = logs.brokers.cluster(clock)
  const producer = new Producer(cluster)
  const send = () => producer.send({ topic: 't', partition: 0, value: Buffer.from('x') })
  await run(clock, send())
  logs.leaders[0] = 2
  assert.equal((await run(clock, send())).offset, 1)
  cluster.close()
})

test('gives up after the delivery time-out', async () => {
  const clock = new ManualClock()
  const logs = new Logs()
  const cluster = logs.brokers.cluster(clock)
  const producer = new Producer(cluster, { deliveryTimeoutMs: 3000 })
  await run(clock, producer.send({ topic: 't', partition: 0, value: null }))
  for (let i = 0; i < 100; i++) logs.script.push('NOT_LEADER_OR_FOLLOWER')
  await run(
    clock,
    assert.rejects(producer.send({ topic: 't', partition: 0, value: null }), { code: 'NOT_LEADER_OR_FOLLOWER' })
  )
  await run(
    clock,
    assert.rejects(producer.send({ topic: 'none', value: null }), { code: 'UNKNOWN_TOPIC_OR_PARTITION' })
  )
  cluster.close()
})

test('says when too much is under way, and when there is room again', async () => {
  const clock = new ManualClock()
  const logs = new Logs()
  const cluster = logs.brokers.cluster(clock)
  const producer = new Producer(cluster, { bufferedBytesMax: 10_000 })
  assert.equal(producer.ready(), undefined)
  const delivery = producer.send({ topic: 't', partition: 0, value: Buffer.alloc(20_000) })
  const room = producer.ready()
  assert.ok(room)
  await run(clock, room)
  await delivery
  assert.equal(producer.ready(), undefined)
  cluster.close()
})
