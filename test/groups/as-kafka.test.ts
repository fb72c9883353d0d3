/**
 * The scenario's answers, compared with those of Apache Kafka, which are kept in test/golden/groups-kafka.json. To ask
 * Kafka again: NARU_RECORD=kafka node --import tsx --test test/groups/as-kafka.test.ts
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { GroupCoordinator } from '../../src/groups/coordinator.ts'
import { systemClock, systemRandom } from '../../src/run/system.ts'
import { codeOf, messageOf } from '../../src/std/errors.ts'
import { silent } from '../../src/std/log.ts'
import { CreateTopics } from '../../src/wire/kafka/messages/create-topics.ts'
import { FindCoordinator } from '../../src/wire/kafka/messages/find-coordinator.ts'
import { contextOf, groupHandlers } from '../doors/kafka/handlers/group-handlers.ts'
import { MemoryLog } from '../statelog/memory-log.ts'
import { startApacheKafka } from '../support/apache-kafka.ts'
import { AskingClient, type Tree, untyped } from '../support/asking-client.ts'
import { Topics, World } from './harness.ts'
import { type Ask, play, settings } from './scenario.ts'
import { playMore } from './scenario-more.ts'

const golden = new URL('../golden/groups-kafka.json', import.meta.url)

/** Answers without what differs from run to run: ids become names, in the order in which they appear. */
async function transcript(ask: Ask, orders: string): Promise<Record<string, unknown>[]> {
  const names = new Map<unknown, string>()
  const id = /^(.*)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
  const plain = (value: unknown): unknown => {
    if (Buffer.isBuffer(value)) return value.toString('latin1')
    if (Array.isArray(value)) return value.map(plain).sort(byText)
    if (typeof value === 'string') {
      if (value === orders) return 'id of orders'
      if (!id.test(value)) return value
      if (!names.has(value)) names.set(value, `${id.exec(value)?.[1]} ${names.size + 1}`)
      return names.get(value)
    }
    if (typeof value !== 'object' || value === null) return value
    const skipped = new Set(['throttleTimeMs', 'errorMessage', 'clientHost'])
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !skipped.has(key))
        .map(([key, inner]) => [key, plain(inner)])
    )
  }
  const steps: Record<string, unknown>[] = []
  const tell = (step: string, answer: unknown) => void steps.push({ step, answer: plain(answer) })
  await play(ask, orders, tell)
  await playMore(ask, orders, tell)
  return steps
}

/** Kafka answers in the order of its hash maps. */
function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}

async function naru(): Promise<Record<string, unknown>[]> {
  const topics = new Topics()
  const { config } = new World({
    initialRebalanceDelayMs: Number(settings['group.initial.rebalance.delay.ms']),
    sessionTimeoutMinMs: Number(settings['group.min.session.timeout.ms']),
    sessionTimeoutMaxMs: Number(settings['group.max.session.timeout.ms']),
    groupMaxSize: Number(settings['group.max.size']),
    offsetMetadataMaxBytes: Number(settings['offset.metadata.max.bytes'])
  })
  const coordinator = new GroupCoordinator({
    clock: systemClock,
    random: systemRandom,
    logger: silent,
    config,
    topics,
    leaderOf: () => undefined
  })
  await coordinator.becomeLeader(0, new MemoryLog())
  const ask: Ask = async (client, api, version, request) => {
    const handler = groupHandlers.find(({ api: served }) => served.key === api.key)
    assert.ok(handler)
    const decoded = untyped(api.request).decode(untyped(api.request).encode(request, version), version)
    const answer = await Promise.resolve(handler.answer(decoded, contextOf(coordinator, version, client))).catch(
      error => handler.refuse(decoded, codeOf(error), messageOf(error), version)
    )
    return untyped(api.response).decode(untyped(api.response).encode(answer as Tree, version), version)
  }
  // Sessions end by timers that don't keep the process alive.
  const alive = setInterval(() => undefined, 1000)
  try {
    return await transcript(ask, topics.idOf('orders') ?? '')
  } finally {
    clearInterval(alive)
    coordinator.close()
  }
}

async function kafka(): Promise<Record<string, unknown>[]> {
  const broker = await startApacheKafka({ properties: { ...settings, 'offsets.topic.num.partitions': '1' } })
  const clients = new Map<string, AskingClient>()
  const ask: Ask = (name, api, version, request) => {
    const client = clients.get(name) ?? new AskingClient(broker.port, name)
    clients.set(name, client)
    return client.ask(api, version, request)
  }
  try {
    const topics = ['orders', 'events'].map(name => ({
      name,
      numPartitions: 8,
      replicationFactor: 1,
      assignments: [],
      configs: []
    }))
    const created = await ask('z', CreateTopics, 7, { topics, timeoutMs: 10_000, validateOnly: false })
    for (let tries = 0; tries < 100; tries++) {
      const [found] = (await ask('z', FindCoordinator, 4, { coordinatorKeys: ['group'] })).coordinators as Tree[]
      if (found.errorCode === 0) break
      await new Promise(resolve => setTimeout(resolve, 200))
    }
    await new Promise(resolve => setTimeout(resolve, 2000))
    return await transcript(ask, (created.topics as Tree[])[0].topicId as string)
  } finally {
    for (const client of clients.values()) client.close()
    await broker.stop()
  }
}

test('groups answer as Apache Kafka does', async () => {
  if (process.env.NARU_RECORD === 'kafka') writeFileSync(golden, `${JSON.stringify(await kafka(), null, 2)}\n`)
  const expected = JSON.parse(readFileSync(golden, 'utf8')) as Record<string, unknown>[]
  const actual = JSON.parse(JSON.stringify(await naru())) as Record<string, unknown>[]
  const differing = expected.flatMap((step, at) =>
    isDeepStrictEqual(actual[at], step) ? [] : [{ kafka: step, naru: actual[at] }]
  )
  assert.deepEqual(differing, [])
  assert.equal(actual.length, expected.length)
})
