import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handler, noResponse, type RequestContext } from '../../../src/doors/kafka/handler.ts'
import { NaruError } from '../../../src/std/errors.ts'
import { ApiVersions } from '../../../src/wire/kafka/messages/api-versions.ts'
import { Produce } from '../../../src/wire/kafka/messages/produce.ts'
import { Echo, echo, onDemand } from './echo.ts'
import { openDoor, TestClient, turns } from './support.ts'

const plain = echo(({ text }) => ({ text }))

test('requests are handled in the order and turn they arrive in, responses leave in that order', async () => {
  const { asked, served, answer } = onDemand()
  const client = openDoor([served]).connect()
  client.stream.write(Buffer.concat(['a', 'b', 'c'].map((text, id) => TestClient.frame(Echo, 0, id, { text }))))
  await turns()
  assert.deepEqual(asked, ['a', 'b', 'c'])
  answer('c')
  answer('b')
  await turns()
  answer('a')
  for (const [id, text] of ['a', 'b', 'c'].entries()) {
    const response = await client.response(Echo, 0)
    assert.deepEqual([response.id, response.body.text], [id, text])
  }
})

test('a request that is served alone waits for those before it, and those behind wait for it', async () => {
  const { asked, served, answer } = onDemand(true)
  const produced: (() => void)[] = []
  const produce = handler(Produce, { versions: [3, 13], pipelined: true, refuse: () => ({ responses: [] }) }, () => {
    asked.push('produce')
    return new Promise(resolve => produced.push(() => resolve({ responses: [] })))
  })
  const client = openDoor([served, produce]).connect()
  const frames = [1, 2, 3, 4, 5].map(id =>
    id === 3 || id === 4
      ? TestClient.frame(Echo, 0, id, { text: `alone ${id}` })
      : TestClient.frame(Produce, 3, id, { acks: 1, timeoutMs: 1, topicData: [] })
  )
  client.stream.write(Buffer.concat(frames))
  await turns()
  assert.deepEqual(asked.splice(0), ['produce', 'produce'])
  produced[1]()
  await turns()
  assert.deepEqual(asked, [], 'the first is not answered yet')
  produced[0]()
  await turns()
  assert.deepEqual(asked.splice(0), ['alone 3'])
  answer('alone 3')
  await turns()
  assert.deepEqual(asked.splice(0), ['alone 4'])
  answer('alone 4')
  await turns()
  assert.deepEqual(asked, ['produce'])
  produced[2]()
  for (const id of [1, 2]) assert.equal((await client.response(Produce, 3)).id, id)
  for (const id of [3, 4]) assert.equal((await client.response(Echo, 0)).id, id)
  assert.equal((await client.response(Produce, 3)).id, 5)
})

test('versions before and after the flexible one are both spoken', async () => {
  const client = openDoor([plain]).connect()
  for (const version of [0, 1, 2]) {
    client.send(Echo, version, 70 + version, { text: `v${version}` })
    const { id, body } = await client.response(Echo, version)
    assert.deepEqual([id, body.text], [70 + version, `v${version}`])
  }
})

test('the context says who asks', async () => {
  let seen: RequestContext | undefined
  const client = openDoor([
    echo(({ text }, context) => {
      seen = context
      return { text }
    })
  ]).connect()
  client.send(ApiVersions, 3, 1, { clientSoftwareName: 'kafka-go', clientSoftwareVersion: '1.2.3' })
  await client.response(ApiVersions, 3)
  client.send(Echo, 2, 2, { text: 'x' })
  await client.response(Echo, 2)
  assert.deepEqual(
    [seen?.apiVersion, seen?.clientId, seen?.clientHost, seen?.localPort, seen?.clientSoftwareName],
    [2, 'test', '10.0.0.1', 9092, 'kafka-go']
  )
  assert.equal(seen?.clientSoftwareVersion, '1.2.3')
})

test('a NaruError is answered with its code, anything else as unexpected and logged; the connection lives on', async () => {
  const { connect, log } = openDoor([
    echo(async ({ text }) => {
      if (text === 'expected') throw new NaruError('GROUP_ID_NOT_FOUND', 'no such group')
      if (text === 'bug') throw new TypeError('secret detail')
      return { text }
    }),
    handler(Produce, { versions: [3, 13], pipelined: true, refuse: () => ({ responses: [] }) }, () => {
      throw new RangeError('thrown, not rejected')
    })
  ])
  const client = connect()
  client.send(Echo, 0, 1, { text: 'expected' })
  assert.deepEqual((await client.response(Echo, 0)).body, { errorCode: 69, text: 'no such group', records: null })
  client.send(Echo, 0, 2, { text: 'bug' })
  const { body } = await client.response(Echo, 0)
  assert.equal(body.errorCode, -1)
  assert.ok(!body.text.includes('secret'))
  client.send(Produce, 3, 3, { acks: 1, timeoutMs: 1, topicData: [] })
  assert.deepEqual((await client.response(Produce, 3)).body.responses, [])
  assert.equal(log.lines.filter(({ level }) => level === 'error').length, 2)
  client.send(Echo, 0, 4, { text: 'alive' })
  assert.equal((await client.response(Echo, 0)).body.text, 'alive')
})

test('a response that the version cannot carry is refused, not sent', async () => {
  const { connect, log } = openDoor([
    echo(({ text }) => ({ text: text === 'bad' ? 'x'.repeat(40_000) : text, release: () => released.push(text) }))
  ])
  const released: string[] = []
  const client = connect()
  client.send(Echo, 0, 1, { text: 'bad' })
  assert.equal((await client.response(Echo, 0)).body.errorCode, -1)
  client.send(Echo, 0, 2, { text: 'good' })
  assert.equal((await client.response(Echo, 0)).body.text, 'good')
  await turns()
  assert.deepEqual(released, ['bad', 'good'])
  assert.equal(log.lines.filter(({ level }) => level === 'error').length, 1)
})

test('noResponse leaves a gap that holds up nothing', async () => {
  const client = openDoor([echo(({ text }) => (text === 'silent' ? noResponse : { text }))]).connect()
  client.send(Echo, 0, 1, { text: 'silent' })
  client.send(Echo, 0, 2, { text: 'heard' })
  assert.equal((await client.response(Echo, 0)).id, 2)
})

test('fail() answers what came before and closes, with the reason logged', async () => {
  const { asked, served, answer } = onDemand()
  const acksZero = handler(
    Produce,
    { versions: [3, 13], pipelined: true, refuse: () => noResponse },
    (_request, context) => {
      context.fail('the append failed')
      return noResponse
    }
  )
  const { connect, log } = openDoor([served, acksZero])
  const client = connect()
  client.send(Echo, 0, 1, { text: 'first' })
  client.send(Produce, 3, 2, { acks: 0, timeoutMs: 1, topicData: [] })
  client.send(Echo, 0, 3, { text: 'never' })
  await turns()
  answer('first')
  assert.equal((await client.response(Echo, 0)).body.text, 'first')
  assert.equal(await client.frame(), undefined)
  assert.deepEqual(asked, ['first'])
  assert.deepEqual(log.reasons, ['Produce: the append failed'])
})

const breaches: [string, Buffer, RegExp][] = [
  ['an unknown key', Buffer.from('0000000a' + '7abc' + '0000' + '00000001' + 'ffff', 'hex'), /API key 31420/],
  ['a version that is not served', Buffer.from('0000000a' + '0384' + '0007' + '00000001' + 'ffff', 'hex'), /version 7/],
  ['a frame of length zero', Buffer.alloc(4), /frame of 0 bytes/],
  ['a frame of negative length', Buffer.from('ffffffff', 'hex'), /frame of -1 bytes/],
  ['a frame above the limit', Buffer.from('7fffffff', 'hex'), /frame of 2147483647 bytes/],
  ['a header that is cut', Buffer.from('00000003' + '0384' + '00', 'hex'), /bytes expected/],
  [
    'a body that is cut',
    Buffer.from('0000000b' + '0384' + '0000' + '00000001' + 'ffff' + '00', 'hex'),
    /bytes expected/
  ],
  ['a string that lies', Buffer.from('0000000c' + '0384' + '0000' + '00000001' + 'ffff' + '7fff', 'hex'), /32767 bytes/]
]
for (const [what, bytes, reason] of breaches)
  test(`${what} closes the connection, after earlier requests are answered`, async () => {
    const { connect, log } = openDoor([plain])
    const client = connect()
    client.stream.write(Buffer.concat([TestClient.frame(Echo, 0, 1, { text: 'before' }), bytes]))
    assert.equal((await client.response(Echo, 0)).body.text, 'before')
    assert.equal(await client.frame(), undefined)
    assert.match(String(log.reasons[0]), reason)
    assert.equal(log.lines.find(({ level }) => level === 'warn')?.fields.peer, '10.0.0.1:5000')
  })

test('release is called once: when written, when overtaken by the end, and when answered after it', async () => {
  const released: string[] = []
  const { served, answer } = onDemand()
  const { connect } = openDoor([served])
  const client = connect()
  for (const text of ['written', 'held', 'late', 'unread']) client.send(Echo, 0, 1, { text })
  await turns()
  const give = (text: string, bytes = 10) =>
    answer(text, { text, records: Buffer.alloc(bytes), release: () => released.push(text) })
  give('written')
  await client.response(Echo, 0)
  await turns()
  assert.deepEqual(released, ['written'])
  give('late')
  give('unread', 5_000_000)
  await turns()
  client.served.destroy()
  await client.closed
  assert.deepEqual(released.sort(), ['late', 'unread', 'written'])
  give('held')
  await turns()
  assert.deepEqual(released.sort(), ['held', 'late', 'unread', 'written'])
})

test('what is being written when the connection ends is released once', async () => {
  let released = 0
  const { connect } = openDoor([
    echo(({ text }) => ({ text, records: Buffer.alloc(4_000_000), release: () => released++ }))
  ])
  const client = connect()
  client.send(Echo, 0, 1, { text: 'large' })
  await turns()
  assert.equal(released, 0)
  client.stream.destroy()
  client.served.destroy()
  await client.closed
  await turns()
  assert.equal(released, 1)
})

test('onClose calls back once, not after unsubscribing, and at once when it is too late', async () => {
  const calls: string[] = []
  let context: RequestContext | undefined
  const client = openDoor([
    echo(({ text }, asked) => {
      context = asked
      asked.onClose(() => calls.push('kept'))
      asked.onClose(() => calls.push('dropped'))()
      return { text }
    })
  ]).connect()
  client.send(Echo, 0, 1, { text: 'x' })
  await client.response(Echo, 0)
  client.stream.end()
  await client.closed
  assert.deepEqual(calls, ['kept'])
  context?.onClose(() => calls.push('late'))
  assert.deepEqual(calls, ['kept', 'late'])
})

test('a client that closes after its last request still has that request handled', async () => {
  const { asked, served } = onDemand()
  const client = openDoor([served]).connect()
  client.stream.end(TestClient.frame(Echo, 0, 1, { text: 'last words' }))
  await turns()
  assert.deepEqual(asked, ['last words'])
})

test('a frame in many pieces arrives whole at its handler', async () => {
  const client = openDoor([echo(request => ({ text: `${request.text} ${request.padding.length}` }))]).connect()
  const bytes = TestClient.frame(Echo, 0, 1, { text: 'pieces', padding: Buffer.alloc(300_000) })
  for (let at = 0; at < bytes.length; at += 10_007) {
    client.stream.write(bytes.subarray(at, at + 10_007))
    if (at % 5 === 0) await turns(1)
  }
  assert.equal((await client.response(Echo, 0)).body.text, 'pieces 300000')
})

test('requests are counted by API', async () => {
  const { connect, metrics } = openDoor([plain])
  const client = connect()
  for (let id = 0; id < 3; id++) {
    client.send(Echo, 0, id, { text: 'x' })
    await client.response(Echo, 0)
  }
  assert.equal(metrics.snapshot()['naru_kafka_requests_total{api="Echo"}'], 3)
  assert.equal(metrics.snapshot().naru_kafka_connections, 1)
  client.served.destroy()
  await client.closed
  assert.equal(metrics.snapshot().naru_kafka_connections, 0)
})
