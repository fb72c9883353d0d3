/** Every config that Apache Kafka has is one here, or one that is refused with a reason. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fixedTopicOptions } from '../../src/broker/fixed-topic-options.ts'
import { otherResources } from '../../src/broker/other-configs.ts'
import { whyRefused } from '../../src/broker/refused-options.ts'
import { CreateTopics } from '../../src/wire/kafka/messages/create-topics.ts'
import { DescribeConfigs } from '../../src/wire/kafka/messages/describe-configs.ts'
import { IncrementalAlterConfigs } from '../../src/wire/kafka/messages/incremental-alter-configs.ts'
import { AskingClient, type Tree } from '../../test/support/asking-client.ts'
import type { RunningBroker } from '../../test/support/naru.ts'
import { startTarget, whyNoTarget } from '../../test/support/target.ts'

interface Config {
  readonly value: string | null
  readonly readOnly: boolean
  readonly type: number
}

/** Right and wrong for one config or another. */
const triedValues = [
  ...['-2', '-1', '0', '1', ' 7 ', '1.5', '2147483647', '2147483648', '9223372036854775807', '9223372036854775808'],
  ...['', 'abc', 'true', 'TRUE', 'delete', 'a,b', 'producer', 'GZIP', 'LogAppendTime', '1048575', '1048576']
]

/** Values without a meaning. */
const takenByKafkaOnly: Readonly<Record<string, readonly string[]>> = {
  'log.retention.ms': ['-2'],
  'log.flush.interval.ms': ['-2', '-1']
}

const integers: readonly number[] = [3, 4, 5]

/** Where a default differs, and why. */
const otherDefaults: Readonly<Record<string, string>> = {
  // Acknowledged means synced.
  'flush.messages': '1',
  'log.flush.interval.messages': '1',
  // Memory for keys: it is taken beside an application's own, and what does not fit takes more passes.
  'log.cleaner.dedupe.buffer.size': '33554432',
  // A follower is back sooner after an error.
  'replica.fetch.backoff.ms': '200',
  // Kafka's memory for requests has no bound.
  'queued.max.request.bytes': '268435456'
}

async function configsOf(broker: RunningBroker, resourceType: number, resourceName: string) {
  const client = new AskingClient(broker.port, 'configs')
  try {
    const topics = [{ name: 'topic', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
    await client.ask(CreateTopics, 7, { topics, timeoutMs: 10_000 })
    const resources = [{ resourceType, resourceName, configurationKeys: null }]
    for (let tries = 0; tries < 50; tries++) {
      const { results } = await client.ask(DescribeConfigs, 4, { resources })
      const [{ errorCode, configs }] = results as Tree[]
      if (errorCode === 0)
        return new Map(
          (configs as Tree[]).map(({ name, value, readOnly, configType }) => [
            name as string,
            // Shorts, ints and longs are integers.
            { value, readOnly, type: integers.includes(configType as number) ? 3 : configType } as Config
          ])
        )
      // A topic is known to Kafka's broker a little later.
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    throw new Error(`no configs of ${resourceName}`)
  } finally {
    client.close()
  }
}

describe("Kafka's configs", { skip: whyNoTarget('kafka'), concurrency: 1 }, () => {
  let naru: RunningBroker
  let kafka: RunningBroker

  before(async () => {
    kafka = await startTarget({}, 'kafka', 1)
    naru = await startTarget({}, 'naru', 1)
  })
  after(async () => {
    await naru?.remove()
    await kafka?.remove()
  })

  for (const [what, type, name] of [
    ['topics', 2, 'topic'],
    ['brokers', 4, '1']
  ] as const)
    test(`${what}: each is here, with the same default and type, or refused`, async () => {
      const [theirs, ours] = [await configsOf(kafka, type, name), await configsOf(naru, type, name)]
      const differing = Array.from(theirs, ([config, expected]) => {
        const here = ours.get(config)
        if (!here) return type === 4 && whyRefused(config) !== undefined ? undefined : { config, missing: true }
        // These are set by the test's own settings, or by Kafka's, which run on one node.
        const value = ['node.id', 'offsets.topic.replication.factor'].includes(config)
          ? here.value
          : (otherDefaults[config] ?? expected.value)
        const wanted = { ...expected, value }
        return JSON.stringify(here) === JSON.stringify(wanted) ? undefined : { config, here, wanted }
      })
      assert.deepEqual(
        differing.filter(one => one !== undefined),
        []
      )
    })

  test('values are taken and refused alike, those of topics in the same words', async () => {
    const clients = [kafka, naru].map(broker => new AskingClient(broker.port, 'values'))
    const fixed = new Set(fixedTopicOptions.flatMap(({ option: { name, broker } }) => [name, broker]))
    const differing: unknown[] = []
    try {
      for (const [type, name, of] of [
        [2, 'topic', 'topic'],
        [4, '', '1']
      ] as const) {
        const theirs = await configsOf(kafka, type, of)
        const ours = await configsOf(naru, type, of)
        for (const [config, { readOnly }] of theirs) {
          if (readOnly || fixed.has(config) || !ours.has(config)) continue
          for (const value of triedValues) {
            if (takenByKafkaOnly[config]?.includes(value)) continue
            const configs = [{ name: config, configOperation: 0, value }]
            const resources = [{ resourceType: type, resourceName: name, configs }]
            const [expected, actual] = await Promise.all(
              clients.map(async client => {
                const { responses } = await client.ask(IncrementalAlterConfigs, 1, { resources, validateOnly: true })
                const [{ errorCode, errorMessage }] = responses as Tree[]
                return [errorCode, type === 2 ? errorMessage : undefined]
              })
            )
            if (JSON.stringify(actual) !== JSON.stringify(expected)) differing.push({ config, value, expected, actual })
          }
        }
      }
    } finally {
      for (const client of clients) client.close()
    }
    assert.deepEqual(differing, [])
  })

  test('groups and metrics of clients: each is refused', async () => {
    for (const [type, number] of [
      ['group', 32],
      ['metrics', 16]
    ] as const)
      assert.deepEqual(
        [...(await configsOf(kafka, number, 'some')).keys()].sort(),
        [...otherResources[type].names].sort()
      )
  })
})
