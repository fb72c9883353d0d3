/** Kafka's tools that move replicas and leaders, against three brokers of Naru and of Apache Kafka: both must make them print the same. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { groupsReady } from '../../test/e2e/protocol/case.ts'
import { whyNoJdk } from '../../test/support/apache-kafka.ts'
import type { RunningBroker } from '../../test/support/naru.ts'
import { startTarget, whyNoTarget } from '../../test/support/target.ts'
import { startToolRunner, type ToolRunner } from '../kafka/tool-runner.ts'
import { call, comparable, file, type Step } from '../kafka/tools/step.ts'

const moves = (name: string, ...replicas: number[][]) =>
  file(`${name}.json`, {
    version: 1,
    partitions: replicas.map((nodes, partition) => ({ topic: 'cm', partition, replicas: nodes }))
  })
const there = moves('there', [3, 2], [1, 3])
const back = moves('back', [1, 2], [2, 3])
const more = moves('more', [1, 2, 3], [2, 3, 1])
const fewer = moves('fewer', [1], [3])
const unknown = moves('unknown', [1, 9], [2, 3])
const toMove = file('to-move.json', { version: 1, topics: [{ topic: 'c1' }] })

const reassign = (what: string, path: string, rest = '') =>
  call(`kafka-reassign-partitions --${what} --reassignment-json-file ${path}${rest}`)
const list = call('kafka-reassign-partitions --list')
const describeTopic: Step = {
  ...call('kafka-topics --describe --topic cm'),
  // Kafka 4.3 keeps replicas that are gone among the eligible leaders.
  hide: /(?<=Elr: )[\d,]*/g
}
const throttles = [
  call('kafka-configs --describe --entity-type topics --entity-name cm'),
  call('kafka-configs --describe --entity-type brokers --entity-name 2')
]

/** What is compared; between two groups nothing moves any more. */
const groups: readonly (readonly Step[])[] = [
  [
    call('kafka-topics --create --topic cm --replica-assignment 1:2,2:3'),
    call('kafka-topics --create --topic c1 --replica-assignment 1'),
    list,
    call(`kafka-reassign-partitions --generate --topics-to-move-json-file ${toMove} --broker-list 3`),
    call(`kafka-reassign-partitions --generate --topics-to-move-json-file ${toMove} --broker-list 7`),
    reassign('execute', unknown),
    reassign('execute', there)
  ],
  [list, reassign('verify', there), describeTopic, reassign('cancel', there)],
  [call('kafka-leader-election --election-type preferred --all-topic-partitions')],
  [
    describeTopic,
    call('kafka-log-dirs --describe --topic-list cm'),
    reassign('execute', back, ' --throttle 100000000')
  ],
  [reassign('verify', back, ' --preserve-throttles'), ...throttles, reassign('verify', back), ...throttles],
  [reassign('execute', more)],
  [reassign('verify', more), describeTopic, reassign('execute', fewer, ' --disallow-replication-factor-change')],
  [reassign('execute', fewer)],
  [reassign('verify', fewer), describeTopic]
]

describe("Kafka's tools move replicas between brokers of Naru as of Apache Kafka", {
  skip: whyNoTarget('kafka') ?? whyNoJdk(),
  concurrency: 1
}, () => {
  let brokers: RunningBroker[] = []
  let runner: ToolRunner

  before(async () => {
    brokers = [await startTarget({}, 'kafka', 3), await startTarget({}, 'naru', 3)]
    for (const broker of brokers) await groupsReady(broker)
    runner = startToolRunner()
  })
  after(async () => {
    runner?.close()
    for (const broker of brokers) await broker.remove()
  })

  const run = (broker: RunningBroker, { tool, args }: Step) =>
    runner.start(tool, ['--bootstrap-server', broker.bootstrap, ...args]).result

  async function idle(): Promise<void> {
    for (const broker of brokers)
      for (let tries = 0; !(await run(broker, list)).stdout.includes('No partition reassignments found'); tries++)
        assert.ok(tries < 100, 'replicas move for ever')
  }

  for (const steps of groups) {
    for (const step of steps)
      test([step.tool, ...step.args].join(' ').replaceAll(/\/\S*\//g, ''), { timeout: 90_000 }, async () => {
        const [expected, actual] = await Promise.all(
          brokers.map(async broker => comparable(await run(broker, step), broker.bootstrap, step.hide))
        )
        assert.deepEqual(actual, expected)
      })
    test('until nothing moves', { timeout: 90_000 }, idle)
  }
})
