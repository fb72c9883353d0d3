import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ApacheKafka,
  apacheKafkaClusterOptions,
  fetchApacheKafka,
  freePorts,
  startApacheKafka
} from './apache-kafka.ts'
import { inSync, leaderIn } from './in-sync.ts'
import type { RunningBroker } from './naru.ts'
import { startNaruCluster } from './naru-cluster.ts'
import type { Settings } from './target.ts'

/** Brokers with node ids from 1 on, on ports in a row. */
interface Nodes {
  /** As they advertise it. */
  readonly host: string
  readonly ports: readonly number[]
  readonly dataDir: string
  pid(nodeId: number): number
  output(): string
  /** Ends a broker's process, and waits for its end. */
  end(nodeId: number, how: 'stop' | 'kill9'): Promise<void>
  /** Resolves when a broker that ended serves again, started by this if by nobody else. */
  start(nodeId: number): Promise<void>
  remove(): Promise<void>
}

/** What makes topics of a cluster keep what is acknowledged when a broker ends. */
const replicated: Settings = { 'default.replication.factor': '3', 'min.insync.replicas': '2' }

export async function startNaruNodes(brokers: number, settings: Settings): Promise<RunningBroker> {
  const cluster = await startNaruCluster({ brokers, settings: { ...replicated, ...settings } })
  const port = cluster.ready.brokers[0].port
  const returning = new Map<number, Promise<unknown>>()
  const { bootstrap } = cluster.ready.brokers[0]
  return asOne({
    host: bootstrap.slice(0, bootstrap.lastIndexOf(':')),
    ports: Array.from({ length: brokers }, (_, at) => port + at),
    dataDir: cluster.dataDir,
    pid: nodeId => cluster.broker(nodeId).pid,
    output: () => cluster.output(),
    async end(nodeId, how) {
      const { pid } = cluster.broker(nodeId)
      returning.set(nodeId, cluster.nextRun(nodeId))
      process.kill(pid, how === 'stop' ? 'SIGTERM' : 'SIGKILL')
      while (isRunning(pid)) await new Promise(resolve => setTimeout(resolve, 20))
    },
    // Its supervisor has started it again by itself.
    start: async nodeId => void (await returning.get(nodeId)),
    remove: () => cluster.remove()
  })
}

export async function startKafkaNodes(brokers: number, properties: Settings): Promise<RunningBroker> {
  fetchApacheKafka()
  const dataDir = mkdtempSync(join(tmpdir(), 'kafka-e2e-'))
  const port = await freePorts(brokers)
  const ports = Array.from({ length: brokers }, (_, at) => port + at)
  const options = await apacheKafkaClusterOptions(dataDir, ports, { ...replicated, ...properties })
  const running = new Map<number, ApacheKafka>()
  const start = async (nodeId: number) => {
    running.set(nodeId, await startApacheKafka({ ...options[nodeId - 1], heap: '512M' }))
  }
  const remove = async () => {
    await Promise.all([...running.values()].map(node => node.kill()))
    rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    await Promise.all(ports.map((_, at) => start(at + 1)))
  } catch (error) {
    await remove()
    throw error
  }
  return asOne({
    host: '127.0.0.1',
    ports,
    dataDir,
    pid: nodeId => running.get(nodeId)!.pid,
    output: () => [...running.values()].map(node => node.output()).join('\n'),
    end: async (nodeId, how) => running.get(nodeId)?.[how === 'stop' ? 'stop' : 'kill'](),
    start,
    remove
  })
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** A cluster as the suites of one broker know it: what they do to the broker is done to one of the cluster's. */
async function asOne(nodes: Nodes): Promise<RunningBroker> {
  const { host } = nodes
  const nodeIds = nodes.ports.map((_, at) => at + 1)
  const portOf = (nodeId: number) => nodes.ports[nodeId - 1]
  const settled = async () => {
    for (const port of nodes.ports) await inSync(port, nodeIds, nodeIds)
  }
  let turn = 0
  let ended: number | undefined
  const end = async (how: 'stop' | 'kill9', topic?: string) => {
    const leader = topic === undefined ? undefined : await leaderIn(nodes.ports[0], topic)
    ended = leader ?? nodeIds[turn++ % nodeIds.length]
    await nodes.end(ended, how)
  }
  await settled()
  return {
    bootstrap: nodes.ports.map(port => `${host}:${port}`).join(','),
    host,
    port: portOf(1),
    dataDir: nodes.dataDir,
    get pid() {
      return nodes.pid(1)
    },
    output: () => nodes.output(),
    stop: topic => end('stop', topic),
    kill9: topic => end('kill9', topic),
    async restart() {
      if (ended !== undefined) await nodes.start(ended)
      ended = undefined
      await settled()
    },
    remove: () => nodes.remove()
  }
}
