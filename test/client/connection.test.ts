import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/std/clock.ts'
import { ApiVersions } from '../../src/wire/kafka/messages/api-versions.ts'
import { DescribeCluster } from '../../src/wire/kafka/messages/describe-cluster.ts'
import { ListGroups } from '../../src/wire/kafka/messages/list-groups.ts'
import { FakeBrokers } from './fake-broker.ts'

const turn = () => new Promise(resolve => setImmediate(resolve))
const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await turn()
}

test('answers reach the requests that asked, however many are out', async () => {
  let next = 0
  const brokers = new FakeBrokers().on(ListGroups, () => ({
    errorCode: 0,
    groups: [{ groupId: `g${next++}`, protocolType: '' }]
  }))
  const cluster = brokers.cluster(new ManualClock())
  await cluster.fetchTopics([])
  const answers = await Promise.all(Array.from({ length: 50 }, () => cluster.ask(ListGroups, {})))
  assert.deepEqual(
    answers.map(({ groups }) => groups[0].groupId),
    Array.from({ length: 50 }, (_, i) => `g${i}`)
  )
  assert.equal(brokers.streams.length, 1)
  cluster.close()
})

test('a broker that does not know our version of ApiVersions is asked again in version 0', async () => {
  const brokers = new FakeBrokers()
  const asked: string[] = []
  const answer = brokers.handlers.get(ApiVersions.key)!.handle as () => never
  brokers.on(ApiVersions, request => {
    asked.push(request.clientSoftwareName)
    // Error 35 in the layout of version 0: correlation id, error, no keys.
    return asked.length === 1 ? Buffer.from('0000000a000000000023' + '00000000', 'hex') : answer()
  })
  const cluster = brokers.cluster(new ManualClock())
  assert.equal((await cluster.fetchTopics(['t'])).length, 1)
  assert.deepEqual(asked, ['naru', ''])
  cluster.close()
})

test('an API that the broker does not serve is an error that names it', async () => {
  const cluster = new FakeBrokers().cluster(new ManualClock())
  await assert.rejects(cluster.ask(DescribeCluster, { includeClusterAuthorizedOperations: false }), {
    code: 'UNSUPPORTED_VERSION',
    message: /does not serve DescribeCluster/
  })
  cluster.close()
})

test('silence ends in a time-out for everything that is out, and the next request connects anew', async () => {
  const clock = new ManualClock()
  const brokers = new FakeBrokers().on(ListGroups, () => 'silence')
  const cluster = brokers.cluster(clock, { requestTimeoutMs: 1000 })
  const first = assert.rejects(cluster.ask(ListGroups, {}), { code: 'REQUEST_TIMED_OUT' })
  const second = assert.rejects(cluster.ask(ListGroups, {}), { code: 'REQUEST_TIMED_OUT' })
  await turns()
  clock.advance(999)
  await turns()
  clock.advance(1)
  await Promise.all([first, second])
  brokers.on(ListGroups, () => ({ errorCode: 0, groups: [] }))
  assert.equal((await cluster.ask(ListGroups, {})).errorCode, 0)
  assert.equal(brokers.streams.length, 2)
  cluster.close()
})

test('a broker that takes connections and says nothing keeps nobody from the others', async () => {
  const clock = new ManualClock()
  const brokers = new FakeBrokers(2)
  const answer = brokers.handlers.get(ApiVersions.key)!.handle as () => never
  brokers.on(ApiVersions, (_, node) => (node === 1 ? 'silence' : answer()))
  for (const bootstrap of [
    ['fake:1', 'fake:2'],
    ['fake:2', 'fake:1']
  ]) {
    const cluster = brokers.cluster(clock, { bootstrap })
    const asked = cluster.fetchTopics([])
    await turns()
    clock.advance(10_000)
    await asked
    assert.equal(cluster.brokerList().length, 2)
    cluster.close()
  }
})

test('when nobody answers, each address is named', async () => {
  const brokers = new FakeBrokers()
  brokers.refuse = true
  const cluster = brokers.cluster(new ManualClock(), { bootstrap: ['fake:1', 'fake:2'] })
  await assert.rejects(cluster.fetchTopics([]), ({ code, message }) => {
    assert.equal(code, 'NETWORK_EXCEPTION')
    for (const name of ['fake:1', 'fake:2']) assert.match(message, new RegExp(`No broker answers at ${name}: refused`))
    return true
  })
  cluster.close()
})

test('a lost connection and an answer that is none reject what is out', async () => {
  for (const answer of ['hang up', Buffer.from('00000004ffffffff', 'hex'), Buffer.from('7fffffff', 'hex')] as const) {
    const brokers = new FakeBrokers().on(ListGroups, () => answer)
    const cluster = brokers.cluster(new ManualClock())
    await assert.rejects(cluster.ask(ListGroups, {}), { code: 'NETWORK_EXCEPTION' })
    cluster.close()
  }
})

test('retries wait longer each time, and end with the last error', async () => {
  const clock = new ManualClock()
  const brokers = new FakeBrokers()
  brokers.refuse = true
  const cluster = brokers.cluster(clock, { retryTimeoutMs: 5000 })
  const triedMs: number[] = []
  const done = assert.rejects(
    cluster.retrying(() => {
      triedMs.push(clock.monotonic())
      return cluster.fetchTopics([])
    }),
    { code: 'NETWORK_EXCEPTION', message: /No broker answers at fake:1: refused/ }
  )
  for (let i = 0; i < 300; i++) {
    await turn()
    clock.advance(50)
  }
  await done
  const waits = triedMs.slice(1).map((ms, i) => ms - triedMs[i])
  assert.ok(waits.length >= 5 && waits.length <= 12, `${waits}`)
  assert.ok(waits[0] <= 200 && waits.at(-1)! >= 800, `${waits}`)
  cluster.close()
})

test('a closed cluster hangs up', async () => {
  const brokers = new FakeBrokers()
  const cluster = brokers.cluster(new ManualClock())
  await cluster.fetchTopics([])
  cluster.close()
  await turns()
  assert.ok(brokers.streams.every(stream => stream.destroyed))
  await assert.rejects(cluster.fetchTopics([]), { code: 'BROKER_NOT_AVAILABLE' })
})
