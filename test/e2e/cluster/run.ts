import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { SeededRandom } from '../../../src/std/random.ts'
import { until } from './ask.ts'
import { Clients } from './clients.ts'
import type { Fault } from './faults.ts'
import { type Anomaly, anomaliesOf, longestSilenceMs } from './history.ts'
import { buildJavaClients } from './java.ts'
import type { FaultyCluster } from './victims.ts'

export interface RunOptions {
  readonly cluster: FaultyCluster
  readonly seed: number
  /** Kafka's Java client takes part, and its history is checked as well. */
  readonly java?: boolean
  /** Gives the next fault until it gives none. */
  next(round: number, random: SeededRandom): Fault | undefined
  /** Told as it happens. */
  onStory?(line: string): void
}

/** How long a fault left a client without an acknowledgement. */
export interface Silence {
  readonly client: string
  readonly ms: number
  /** Whether the fault was to this partition's leader, or to no partition's in particular. */
  readonly hit: boolean
}

export interface RunResult {
  readonly story: readonly string[]
  readonly silences: readonly Silence[]
  /** How long the group read nothing, by fault. */
  readonly unreadMs: readonly number[]
  /** How long the group's coordinator told nobody what is committed, by fault. */
  readonly uncoordinatedMs: readonly number[]
  readonly anomalies: readonly Anomaly[]
  readonly acknowledged: number
  readonly read: number
  /** Records that a client without idempotence sent twice, and errors that a client did not get over, by client. */
  readonly errors: ReadonlyMap<string, readonly string[]>
}

const topic = 'faults'
const group = 'faults-group'
const partitions = 3
/** Load before the first fault, and between one and the next. */
const calmMs = 700

/** Puts a cluster under load, does faults to it one after the other, and checks what clients have seen. */
export async function runFaults({ cluster, seed, java, next, onStory }: RunOptions): Promise<RunResult> {
  const random = new SeededRandom(seed)
  const javaCommand = java ? buildJavaClients() : undefined
  const { bootstraps } = cluster
  await createTopic(bootstraps)
  const clients = new Clients({ bootstraps, topic, partitions, group, java: javaCommand })
  await clients.start()
  const { history } = clients
  const topics = [topic, '__consumer_offsets']
  await until(
    () => history.producers.every(({ acknowledged }) => acknowledged.length > 10),
    () => `producers produce: ${history.producers.map(({ name, acknowledged }) => `${name} ${acknowledged.length}`)}`
  )
  await until(() => history.readAtMs.length > 5, 'the group reads')
  await until(() => (clients.java?.group.readAtMs.length ?? 6) > 5, 'the Java group reads')
  await cluster.healed(topics)
  await sleep(calmMs)

  const story: string[] = []
  const silences: Silence[] = []
  const unreadMs: number[] = []
  const uncoordinatedMs: number[] = []
  const beganMs = performance.now()
  for (let round = 0; ; round++) {
    const fault = next(round, random)
    if (!fault) break
    const fromMs = performance.now()
    const done = await fault({ cluster, clients, topic, partitions, group, random })
    const doneMs = performance.now()
    await cluster.healed(topics)
    await allHeardSince(history.producers, doneMs)
    await sleep(calmMs)
    for (const text of (await done.misdeeds?.()) ?? []) history.note('misdeed', text)
    const toMs = performance.now()
    for (const { client, partition, acknowledged } of history.producers) {
      const hit = done.partition === undefined || done.partition === partition
      const ms = longestSilenceMs(since(acknowledged, fromMs), fromMs, toMs)
      silences.push({ client, ms, hit })
    }
    const unread = longestSilenceMs(history.readAtMs, fromMs, toMs)
    unreadMs.push(unread)
    const uncoordinated = longestSilenceMs(history.coordinatedAtMs, fromMs, toMs)
    uncoordinatedMs.push(uncoordinated)
    const hits = silences.slice(-history.producers.length).filter(({ hit }) => hit)
    const worst = (name: string) =>
      Math.round(Math.max(...hits.filter(({ client }) => client === name).map(({ ms }) => ms)))
    const line =
      `${((fromMs - beganMs) / 1000).toFixed(1)} s  ${done.text}: well after ${Math.round(toMs - calmMs - fromMs)} ms; ` +
      `silent probe ${worst('probe')}, kafkajs ${worst('kafkajs')}, platformatic ${worst('@platformatic/kafka')}, coordinator ${Math.round(uncoordinated)}, group ${Math.round(unread)} ms`
    story.push(line)
    onStory?.(line)
  }
  await clients.stop()
  const logs = await clients.readAll()
  const errors = new Map<string, string[]>()
  for (const { client, errors: own } of history.producers)
    errors.set(client, [...(errors.get(client) ?? []), ...own.map(({ message }) => message)])
  errors.set('group (reading)', history.crashes)
  if (clients.java) errors.set('kafka-clients (reading)', clients.java.group.crashes)
  return {
    story,
    silences,
    unreadMs,
    uncoordinatedMs,
    anomalies: [...anomaliesOf(history, logs), ...(clients.java ? anomaliesOf(clients.java.group, logs) : [])],
    acknowledged: history.producers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0),
    read: [...history.read.values()].reduce((sum, read) => sum + read.size, 0),
    errors
  }
}

/** When acknowledgements came from a time on, and the last one before it. */
function since(acknowledged: readonly { readonly atMs: number }[], fromMs: number): number[] {
  let first = acknowledged.length
  while (first > 0 && acknowledged[first - 1].atMs >= fromMs) first--
  return acknowledged.slice(Math.max(0, first - 1)).map(({ atMs }) => atMs)
}

async function createTopic(bootstraps: readonly string[]): Promise<void> {
  const admin = new Kafka({ brokers: [...bootstraps], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({
    topics: [
      {
        topic,
        numPartitions: partitions,
        replicationFactor: 3,
        configEntries: [{ name: 'min.insync.replicas', value: '2' }]
      }
    ],
    waitForLeaders: true
  })
  await admin.disconnect()
}

/** Every producer goes on. */
async function allHeardSince(producers: Clients['history']['producers'], sinceMs: number): Promise<void> {
  const silent = () => producers.find(({ acknowledged }) => !((acknowledged.at(-1)?.atMs ?? 0) > sinceMs))
  await until(
    () => !silent(),
    () => `${silent()?.name} goes on`
  )
}
