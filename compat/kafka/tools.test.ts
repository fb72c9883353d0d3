/**
 * Kafka's own command-line tools against Naru and against Apache Kafka, one after the other: both must make each tool
 * print the same and end with the same code.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type KafkaTool, kafkaTool } from '../../test/support/apache-kafka.ts'
import type { RunningBroker } from '../../test/support/naru.ts'
import { startTarget, whyNoTarget } from '../../test/support/target.ts'

interface Step {
  readonly tool: KafkaTool
  readonly args: readonly string[]
  readonly input?: string
}

const folder = mkdtempSync(join(tmpdir(), 'naru-tools-'))

function json(name: string, content: object): string {
  const path = join(folder, name)
  writeFileSync(path, JSON.stringify(content))
  return path
}

const reassignment = (...replicas: number[]) =>
  json(`to-${replicas.join('-')}.json`, { version: 1, partitions: [{ topic: 'one', partition: 0, replicas }] })
const partitions = [
  { topic: 'one', partition: 0, offset: 1 },
  { topic: 'one', partition: 1, offset: -1 }
]
// The same key for all: which partition a record goes to must not be a matter of luck.
const records = Array.from({ length: 12 }, (_, i) => `key\tvalue ${i}\n`).join('')
const printed = ['key', 'partition', 'offset'].flatMap(part => ['--formatter-property', `print.${part}=true`])
const group = ['--group', 'readers']

const step = (tool: KafkaTool, ...args: string[]): Step => ({ tool, args })

/** In this order: each builds on those before it. */
const steps: readonly Step[] = [
  step('kafka-topics', '--create', '--topic', 'one', '--partitions', '2', '--config', 'retention.ms=1000000'),
  step('kafka-topics', '--create', '--topic', 'one'),
  step('kafka-topics', '--alter', '--topic', 'one', '--partitions', '3'),
  step('kafka-topics', '--describe', '--unavailable-partitions', '--topic', 'one'),
  step('kafka-configs', '--alter', '--entity-type', 'topics', '--entity-name', 'one', '--add-config', 'flush.ms=7'),
  step('kafka-configs', '--describe', '--entity-type', 'topics', '--entity-name', 'one'),
  step('kafka-configs', '--alter', '--entity-type', 'topics', '--entity-name', 'one', '--add-config', 'retention.ms=x'),
  {
    tool: 'kafka-console-producer',
    args: ['--topic', 'one', '--reader-property', 'parse.key=true', '--compression-codec', 'lz4'],
    input: records
  },
  step('kafka-console-consumer', '--topic', 'one', '--from-beginning', '--max-messages', '12', ...group, ...printed),
  step('kafka-consumer-groups', '--list', '--state'),
  step('kafka-consumer-groups', '--describe', ...group),
  step('kafka-consumer-groups', '--reset-offsets', ...group, '--topic', 'one', '--to-earliest', '--execute'),
  step('kafka-consumer-groups', '--delete-offsets', ...group, '--topic', 'one'),
  step('kafka-consumer-groups', '--delete', ...group),
  step('kafka-get-offsets', '--topic', 'one'),
  step('kafka-get-offsets', '--topic', 'one', '--time', 'latest-tiered'),
  step('kafka-delete-records', '--offset-json-file', json('delete.json', { version: 1, partitions })),
  step('kafka-get-offsets', '--topic', 'one', '--time', 'earliest'),
  step('kafka-leader-election', '--election-type', 'preferred', '--all-topic-partitions'),
  step('kafka-leader-election', '--election-type', 'preferred', '--topic', 'one', '--partition', '0'),
  step('kafka-leader-election', '--election-type', 'unclean', '--topic', 'one', '--partition', '9'),
  step('kafka-reassign-partitions', '--list'),
  step('kafka-reassign-partitions', '--execute', '--reassignment-json-file', reassignment(1)),
  step('kafka-reassign-partitions', '--verify', '--reassignment-json-file', reassignment(1)),
  step('kafka-reassign-partitions', '--cancel', '--reassignment-json-file', reassignment(1)),
  step('kafka-reassign-partitions', '--execute', '--reassignment-json-file', reassignment(1, 2)),
  step('kafka-log-dirs', '--describe', '--topic-list', 'one'),
  step('kafka-topics', '--delete', '--topic', 'one'),
  step('kafka-topics', '--delete', '--topic', 'one')
]

describe("Kafka's tools do the same with Naru as with Apache Kafka", {
  skip: whyNoTarget('kafka'),
  concurrency: 1
}, () => {
  let naru: RunningBroker
  let kafka: RunningBroker

  before(async () => {
    kafka = await startTarget({}, 'kafka')
    naru = await startTarget({}, 'naru')
  })
  after(async () => {
    await naru?.remove()
    await kafka?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const { tool, args, input } of steps)
    test([tool, ...args].join(' ').replaceAll(`${folder}/`, ''), { timeout: 120_000 }, async () => {
      const [expected, actual] = await Promise.all(
        [kafka, naru].map(async broker => {
          const { code, stdout, stderr } = await kafkaTool(tool, ['--bootstrap-server', broker.bootstrap, ...args], {
            input
          })
          assert.notEqual(code, null, `${tool} didn't end:\n${stdout}${stderr}`)
          return { code, stdout: comparable(stdout) }
        })
      )
      assert.deepEqual(actual, expected)
    })
})

/** What a tool printed, without what differs between any two clusters: sizes on disk, folders and the order of lines. */
function comparable(stdout: string): string[] {
  return stdout
    .replaceAll(/"logDir":"[^"]*"|"log_dirs":\["[^"]*"\]/g, '')
    .replaceAll(/"size":\d+/g, '')
    .replaceAll(/\{"partition":"(one-\d)".*?\}/g, '$1')
    .split('\n')
    .map(line => line.trimEnd())
    .sort()
}
