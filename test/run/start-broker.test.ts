import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { Connection } from '../../src/client/connection.ts'
import type { Texts } from '../../src/config/sources.ts'
import { buildBatch } from '../../src/record/build.ts'
import { connectTcp } from '../../src/run/connect.ts'
import { type RunningBroker, runBroker } from '../../src/run/start-broker.ts'
import { systemClock } from '../../src/run/system.ts'
import { NaruError } from '../../src/std/errors.ts'
import { CreateTopics } from '../../src/wire/kafka/messages/create-topics.ts'
import { DeleteTopics } from '../../src/wire/kafka/messages/delete-topics.ts'
import { Fetch } from '../../src/wire/kafka/messages/fetch.ts'
import { JoinGroup } from '../../src/wire/kafka/messages/join-group.ts'
import { Metadata } from '../../src/wire/kafka/messages/metadata.ts'
import { Produce } from '../../src/wire/kafka/messages/produce.ts'

const folder = mkdtempSync(join(tmpdir(), 'naru-run-'))
const started: RunningBroker[] = []
after(async () => {
  for (const client of clients) client.close()
  await Promise.allSettled(started.map(broker => broker.close()))
  rmSync(folder, { recursive: true, force: true })
})

async function start(texts: Texts): Promise<RunningBroker> {
  const broker = await runBroker(texts)
  started.push(broker)
  return broker
}

const inMemory: Texts = { memory: 'true', port: '0', 'offsets.topic.num.partitions': '1' }
const onDisk = (name: string, more: Texts = {}): Texts => ({
  'data.dir': join(folder, name),
  port: '0',
  'offsets.topic.num.partitions': '1',
  ...more
})

/** A server of somebody else's. */
function listenOn(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().unref()
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}

const clients: Connection[] = []

async function connect({ port }: RunningBroker): Promise<Connection> {
  const client = await Connection.open(await connectTcp('127.0.0.1', port), `127.0.0.1:${port}`, {
    clock: systemClock,
    clientId: 'test',
    requestTimeoutMs: 60_000,
    frameBytesMax: 1_000_000
  })
  clients.push(client)
  return client
}

async function createTopic(client: Connection, name: string): Promise<void> {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  const { topics } = await client.request(CreateTopics, { topics: [topic], timeoutMs: 5000 })
  assert.equal(topics[0].errorCode, 0)
}

const send = (client: Connection, topic: string, value: string) =>
  client.request(Produce, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 5000,
    topicData: [
      {
        name: topic,
        partitionData: [
          { index: 0, records: [buildBatch([{ timestamp: systemClock.now(), value: Buffer.from(value) }])] }
        ]
      }
    ]
  })

const read = (client: Connection, topic: string, fetchOffset: number, maxWaitMs = 0) =>
  client.request(Fetch, {
    maxWaitMs,
    minBytes: 1,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }] }],
    forgottenTopicsData: []
  })

const join1 = (client: Connection, memberId: string) =>
  client.request(JoinGroup, {
    groupId: 'g',
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 60_000,
    memberId,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(6) }]
  })

const requests = (broker: RunningBroker, api: string) => broker.metrics()[`naru_kafka_requests_total{api="${api}"}`]

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn++) {
    assert(turn < 100_000, 'it never came to that')
    await new Promise<void>(resolve => setImmediate(resolve))
  }
}

describe('a broker that runs', () => {
  it('answers those who wait when it closes, and closes at once', async () => {
    const broker = await start({ ...inMemory, 'group.initial.rebalance.delay.ms': '60000' })
    const client = await connect(broker)
    await createTopic(client, 't')
    const joining = await connect(broker)
    const { memberId } = await join1(joining, '')
    const parked = join1(joining, memberId)
    const waiting = read(client, 't', 0, 60_000)
    const idle = await connect(broker)
    await until(() => requests(broker, 'Fetch') === 1 && requests(broker, 'JoinGroup') === 2)
    const startMs = performance.now()
    const closed = broker.close()
    assert.equal(broker.close(), closed)
    const [fetched, joined] = await Promise.all([waiting, parked])
    assert.equal(fetched.responses[0].partitions[0].errorCode, 6)
    assert.notEqual(joined.errorCode, 0)
    await closed
    assert(performance.now() - startMs < 1500, 'nobody was waited for in vain')
    await assert.rejects(connectTcp('127.0.0.1', broker.port), { code: 'ECONNREFUSED' })
    for (const connection of [client, joining, idle]) assert(connection.closed)
    await broker.close()
  })

  it('keeps what it acknowledged, and answers what it read before it closes', async () => {
    let broker = await start(onDisk('kept'))
    let client = await connect(broker)
    await createTopic(client, 't')
    const { clusterId } = broker
    const sent = Array.from({ length: 50 }, (_, i) => send(client, 't', `value ${i}`))
    await sent[0]
    await broker.close()
    const acknowledged = (await Promise.allSettled(sent)).filter(
      outcome => outcome.status === 'fulfilled' && outcome.value.responses[0].partitionResponses[0].errorCode === 0
    ).length
    assert(acknowledged > 0)
    broker = await start(onDisk('kept'))
    assert.equal(broker.clusterId, clusterId)
    client = await connect(broker)
    const { highWatermark } = (await read(client, 't', 0)).responses[0].partitions[0]
    assert(highWatermark >= acknowledged, `${acknowledged} acknowledged, ${highWatermark} kept`)
    client.close()
    await broker.close()
  })

  it('is in its own metadata for the first client that gets through', async () => {
    const first = await start(onDisk('early'))
    const { port } = first
    const client = await connect(first)
    await createTopic(client, 't')
    await first.close()
    const starting = start(onDisk('early', { port: String(port) }))
    let early: Connection | undefined
    for (let tries = 0; !early && tries < 50_000; tries++)
      early = await connect({ ...first, port }).catch(() => undefined)
    assert(early)
    const { brokers, topics } = await early.request(Metadata, { topics: [{ name: 't' }] })
    assert.deepEqual(
      brokers.map(broker => broker.port),
      [port]
    )
    assert.equal(topics[0].errorCode, 0)
    await (await starting).close()
  })

  it('is one of several in a process, each on its own', async () => {
    const brokers = await Promise.all([1, 2, 3].map(nodeId => start({ ...inMemory, 'node.id': String(nodeId) })))
    assert.equal(new Set(brokers.map(({ port }) => port)).size, 3)
    assert.equal(new Set(brokers.map(({ clusterId }) => clusterId)).size, 3)
    for (const broker of brokers) {
      const client = await connect(broker)
      await createTopic(client, 't')
      await send(client, 't', `node ${broker.nodeId}`)
      client.close()
    }
    await Promise.all(brokers.map(broker => broker.close()))
  })
})

describe('a broker that does not start', () => {
  /** Starting must fail with this; afterwards the folder is free again. */
  async function refused(texts: Texts, expected: (error: Error & { code?: string }) => boolean): Promise<void> {
    await assert.rejects(start(texts), (error: Error) => {
      assert(expected(error), String(error))
      return true
    })
  }

  it('says that its folder is in use, and leaves it to its owner', async () => {
    const broker = await start(onDisk('locked'))
    await refused(onDisk('locked'), error => /in use by another broker/.test(error.message))
    const client = await connect(broker)
    await createTopic(client, 't')
    client.close()
    await broker.close()
    await (await start(onDisk('locked'))).close()
  })

  it('says that its port is taken, and leaves nothing behind', async () => {
    const server = await listenOn('127.0.0.1', 0)
    const { port } = server.address() as AddressInfo
    await refused(
      onDisk('port', { port: String(port) }),
      error => error.code === 'EADDRINUSE' && error.message.includes(String(port))
    )
    server.close()
    const broker = await start(onDisk('port', { port: String(port) }))
    assert.equal(broker.port, port)
    await broker.close()
  })

  it('says that the port is taken on the other loopback address, and lets go of the first', async t => {
    const first = await listenOn('127.0.0.1', 0)
    const { port } = first.address() as AddressInfo
    const second = await listenOn('::1', port).catch(() => undefined)
    first.close()
    if (!second) return t.skip('no IPv6 here')
    await refused({ ...inMemory, port: String(port) }, error => error.code === 'EADDRINUSE')
    const again = await listenOn('127.0.0.1', port)
    again.close()
    second.close()
  })

  it('says whose folder it is when that is another node', async () => {
    const broker = await start(onDisk('node', { 'node.id': '3' }))
    const client = await connect(broker)
    await createTopic(client, 't')
    client.close()
    await broker.close()
    await refused(
      onDisk('node', { 'node.id': '4' }),
      error => error instanceof NaruError && error.code === 'INVALID_CONFIG' && /node\.id=3/.test(error.message)
    )
    await (await start(onDisk('node', { 'node.id': '3' }))).close()
  })

  it('says that its metastore is missing, every time, and touches no log', async () => {
    let broker = await start(onDisk('headless'))
    let client = await connect(broker)
    await createTopic(client, 't')
    await send(client, 't', 'precious')
    client.close()
    await broker.close()
    const metastore = join(folder, 'headless', 'metastore')
    renameSync(metastore, `${metastore}.away`)
    for (let attempt = 0; attempt < 2; attempt++)
      await refused(onDisk('headless'), error => /its metastore is missing/.test(error.message))
    rmSync(metastore, { recursive: true, force: true })
    renameSync(`${metastore}.away`, metastore)
    broker = await start(onDisk('headless'))
    client = await connect(broker)
    const [partition] = (await read(client, 't', 0)).responses[0].partitions
    assert(partition.records?.includes('precious'))
    client.close()
    await broker.close()
  })

  it('starts when its last topic was deleted', async () => {
    const broker = await start(onDisk('emptied'))
    const client = await connect(broker)
    await createTopic(client, 't')
    await send(client, 't', 'x')
    await client.request(DeleteTopics, { topicNames: ['t'], timeoutMs: 5000 })
    client.close()
    await broker.close()
    await (await start(onDisk('emptied'))).close()
  })

  it('refuses options that it does not know and values that do not fit', async () => {
    const invalid = (error: Error) => error instanceof NaruError && error.code === 'INVALID_CONFIG'
    await refused({ ...inMemory, 'no.such.option': '1' }, invalid)
    await refused({ ...inMemory, port: '70000' }, invalid)
    await refused({ ...inMemory, 'num.partitions': 'many' }, invalid)
  })
})
