import { execFile, fork } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from '../test/support/apache-kafka.ts'
import { Connection, createTopic, deleteTopic } from './connection.ts'
import { Broker, settleDisk } from './contender.ts'
import type { Job, Measurement } from './job.ts'
import type { EmbeddedScenario, FetchScenario, PacedScenario, ProduceScenario, Scenario } from './scenarios.ts'
import { memoryUse } from './usage.ts'
import { recordsPerBatch } from './wire.ts'

/** One repeat's figures, by metric name (see metrics in report.ts). */
export type Figures = Record<string, number>

export interface Bounds {
  warmupMs: number
  measureMs: number
}

let topics = 0

/** Runs one scenario once against one broker. Throws when the broker fails a check. */
export async function measure(scenario: Scenario, broker: Broker, bounds: Bounds): Promise<Figures> {
  switch (scenario.kind) {
    case 'produce':
      return measureProduce(scenario, broker, bounds)
    case 'paced':
      return measurePaced(scenario, broker, bounds)
    case 'fetch':
      return measureFetch(scenario, broker, bounds)
    case 'start':
      return measureStart(broker)
    case 'embedded':
      return measureEmbedded(scenario)
  }
}

/** A mixed load whose figures nobody keeps: a Java broker needs its code compiled, a Node one too. */
export async function warmUp(broker: Broker, ms: number): Promise<void> {
  const bounds = { warmupMs: 0, measureMs: ms }
  const produce = {
    kind: 'produce',
    doc: '',
    acks: 1,
    fsync: false,
    partitions: 10,
    connections: 10,
    inFlight: 5
  } as const
  await measure({ ...produce, name: 'warm-up', recordBytes: 1024, batchBytes: 16_384 }, broker, bounds)
  await measure({ ...produce, name: 'warm-up', recordBytes: 100, batchBytes: 0 }, broker, bounds)
  const fetch = { kind: 'fetch', doc: '', maxBytes: 1 << 20, connections: 4, cold: false } as const
  await measure({ ...fetch, name: 'warm-up', totalBytes: 32 << 20 }, broker, bounds)
}

async function measureProduce(scenario: ProduceScenario, broker: Broker, bounds: Bounds): Promise<Figures> {
  const { background } = scenario
  return withTopic(broker, scenario, async target => {
    const measurement = await runLoad({
      kind: 'produce',
      ...bounds,
      ...target,
      connections: scenario.connections,
      inFlight: scenario.inFlight,
      acks: scenario.acks,
      recordBytes: scenario.recordBytes,
      recordsPerBatch: recordsPerBatch(scenario.recordBytes, scenario.batchBytes),
      background: background && {
        ...background,
        recordsPerBatch: recordsPerBatch(background.recordBytes, background.batchBytes)
      }
    })
    return figuresOf(measurement, broker, scenario.background === undefined)
  })
}

function measurePaced(scenario: PacedScenario, broker: Broker, bounds: Bounds): Promise<Figures> {
  const { acks, recordBytes, lingerMs, recordsPerSecond } = scenario
  return withTopic(broker, scenario, async target => {
    const measurement = await runLoad({
      kind: 'paced',
      ...bounds,
      ...target,
      connections: 1,
      acks,
      recordBytes,
      recordsPerBatch: recordsPerBatch(recordBytes, scenario.batchBytes),
      lingerMs,
      recordsPerSecond
    })
    return figuresOf(measurement, broker, true)
  })
}

const fetchPartitions = 4

async function measureFetch(scenario: FetchScenario, broker: Broker, bounds: Bounds): Promise<Figures> {
  return withTopic(broker, { partitions: fetchPartitions, fsync: false }, async found => {
    const target = { ...bounds, ...found, connections: scenario.connections }
    await runLoad({
      kind: 'produce',
      ...target,
      acks: 1,
      recordBytes: 1024,
      recordsPerBatch: recordsPerBatch(1024, 16_384),
      inFlight: 5,
      totalBytes: scenario.totalBytes
    })
    settleDisk()
    const { maxBytes, cold } = scenario
    if (cold) {
      await broker.stop()
      await broker.start()
      await warmUp(broker, 1000)
      settleDisk()
      dropPageCache()
    }
    const fetch = { kind: 'fetch', ...target, brokerPids: broker.pids, maxBytes, once: cold } as const
    return figuresOf(await runLoad(fetch), broker, true)
  })
}

/** A second broker of the same kind, alone on a new folder. */
async function measureStart(like: Broker): Promise<Figures> {
  const broker = new Broker(like.contender, `${like.dir}-start`, [await freePort()])
  try {
    const startMs = await broker.start()
    await new Promise(resolve => setTimeout(resolve, 2000))
    const { rssMb } = memoryUse(broker.pids)
    await broker.stop()
    const restartMs = await broker.start()
    return { startMs, restartMs, rssMb }
  } finally {
    await broker.stopAndRemove()
  }
}

async function measureEmbedded(_: EmbeddedScenario): Promise<Figures> {
  const script = fileURLToPath(new URL('embedded.mjs', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 30_000 })
  return JSON.parse(stdout)
}

/** What a load needs to know of the broker and of a topic there. */
type TopicTarget = Pick<Job, 'ports' | 'brokerPids' | 'topic' | 'leaders'>

/** In a cluster every broker has a replica, and one of three may be missing. */
async function withTopic(
  broker: Broker,
  { partitions, fsync }: { partitions: number; fsync: boolean },
  use: (target: TopicTarget) => Promise<Figures>
): Promise<Figures> {
  const topic = `bench-${process.pid}-${++topics}`
  const { ports } = broker
  const admin = () => Connection.open(ports[0], 1 << 20)
  let connection = await admin()
  const leaderPorts = await createTopic(connection, topic, partitions, ports.length, {
    'flush.messages': fsync ? '1' : '9223372036854775807',
    'file.delete.delay.ms': '1000',
    'min.insync.replicas': String(Math.ceil((ports.length + 1) / 2))
  })
  connection.close()
  settleDisk()
  const leaders = leaderPorts.map(port => ports.indexOf(port))
  try {
    return await use({ ports, brokerPids: broker.pids, topic, leaders })
  } finally {
    connection = await admin()
    await deleteTopic(connection, topic)
    connection.close()
    settleDisk()
  }
}

function figuresOf(measured: Measurement, broker: Broker, saturated: boolean): Figures {
  const { seconds, bytes, requests, records, brokerCpuSeconds, loaderCpuSeconds, latencyUs } = measured
  if (requests === 0) throw new Error('no request was answered in time')
  const figures: Figures = {
    mbPerSecond: bytes / seconds / 1e6,
    requestsPerSecond: requests / seconds,
    recordsPerSecond: records / seconds,
    loaderCpuCores: loaderCpuSeconds / seconds,
    brokerCpuCores: brokerCpuSeconds / seconds,
    ...memoryUse(broker.pids)
  }
  // Beside a background load, the broker's time is not the measured requests' alone.
  if (saturated) {
    figures.cpuSecondsPerGb = brokerCpuSeconds / (bytes / 1e9)
    figures.cpuUsPerRequest = (brokerCpuSeconds * 1e6) / requests
  }
  if (latencyUs.max > 0) {
    figures.p50Us = latencyUs.p50
    figures.p99Us = latencyUs.p99
    figures.p999Us = latencyUs.p999
  }
  return figures
}

function runLoad(job: Job): Promise<Measurement> {
  return new Promise((resolve, reject) => {
    const script = fileURLToPath(new URL('load.ts', import.meta.url))
    const child = fork(script, [], { execArgv: ['--import', 'tsx'] })
    child.once('message', (message: { measurement?: Measurement; failure?: string }) => {
      if (message.measurement) resolve(message.measurement)
      else reject(new Error(message.failure))
    })
    child.once('exit', code => reject(new Error(`the load generator ended with ${code}`)))
    child.send(job)
  })
}

const dropCaches = '/proc/sys/vm/drop_caches'

/** Empties the page cache where the machine lets us; the results say when it does not. */
export const pageCacheCanBeDropped = existsSync(dropCaches) && process.getuid?.() === 0

function dropPageCache(): void {
  if (pageCacheCanBeDropped) writeFileSync(dropCaches, '3')
}
