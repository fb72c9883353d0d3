/**
 * The broker under test of the end-to-end suites: Naru, or Apache Kafka when NARU_E2E_TARGET=kafka. A suite that passes
 * on both says something about Naru; one that was only ever run on Naru may say something about the suite.
 * NARU_E2E_BROKERS=3 makes it a cluster, in which topics have three replicas.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type ApacheKafka, startApacheKafka, whyNoApacheKafka } from './apache-kafka.ts'
import { type RunningBroker, startNaru } from './naru.ts'
import { startKafkaNodes, startNaruNodes } from './target-cluster.ts'

export type Target = 'naru' | 'kafka'

export const targetName: Target = process.env.NARU_E2E_TARGET === 'kafka' ? 'kafka' : 'naru'

/** What keeps the target from running here, for `skip`; undefined when nothing does. */
export function whyNoTarget(name: Target = targetName): string | undefined {
  return name === 'kafka' ? whyNoApacheKafka() : undefined
}

/** Broker options by Kafka's names: server.properties for Kafka, NARU_* variables for Naru. */
export type Settings = Record<string, string>

/** Settings that keep suites quick; `settings` wins. */
const quick: Settings = { 'group.initial.rebalance.delay.ms': '0', 'offsets.topic.num.partitions': '4' }

export function startTarget(
  settings: Settings = {},
  name: Target = targetName,
  brokers = brokersAsked()
): Promise<RunningBroker> {
  const all = { ...quick, ...settings }
  if (brokers > 1) return name === 'kafka' ? startKafkaNodes(brokers, all) : startNaruNodes(brokers, all)
  return name === 'kafka' ? startKafka(all) : startNaru({ env: environmentOf(all) })
}

/** How many brokers suites run against that don't say so themselves. */
export function brokersAsked(): number {
  return Number(process.env.NARU_E2E_BROKERS ?? 1)
}

/**
 * Removes a suite's broker after its tests. A client left open by a failed test would keep the process alive for ever:
 * it gets a moment, and then the process ends with what node:test found.
 */
export function removeAfter(close: () => Promise<void> | undefined): void {
  after(async () => {
    await close()
    setTimeout(() => process.exit(), 3000).unref()
  })
}

/** NARU_* variables of these settings. */
export function environmentOf(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([option, value]) => [`NARU_${option.toUpperCase().replaceAll(/[.-]/g, '_')}`, value])
  )
}

async function startKafka(properties: Settings): Promise<RunningBroker> {
  const dataDir = mkdtempSync(join(tmpdir(), 'kafka-e2e-'))
  let running: ApacheKafka | undefined = await startApacheKafka({ dir: dataDir, properties })
  const { bootstrap, port } = running
  const end = async (how: 'stop' | 'kill') => {
    const ending = running
    running = undefined
    await ending?.[how]()
  }
  return {
    bootstrap,
    host: bootstrap.slice(0, bootstrap.lastIndexOf(':')),
    port,
    dataDir,
    get pid() {
      return running!.pid
    },
    output: () => running?.output() ?? '',
    stop: () => end('stop'),
    kill9: () => end('kill'),
    async restart() {
      running = await startApacheKafka({ dir: dataDir, port, properties })
    },
    async remove() {
      await end('kill')
      rmSync(dataDir, { recursive: true, force: true })
    }
  }
}
