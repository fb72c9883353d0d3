import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCluster } from '../../../src/index.ts'
import { Metadata } from '../../../src/wire/kafka/messages/metadata.ts'
import {
  type ApacheKafka,
  apacheKafkaClusterOptions,
  fetchApacheKafka,
  freePort,
  startApacheKafka
} from '../../support/apache-kafka.ts'
import { AskingClient } from '../../support/asking-client.ts'
import { failureSteps } from './cluster/failure-steps.ts'
import { groupSteps } from './cluster/group-steps.ts'
import { leaderSteps } from './cluster/leader-steps.ts'
import { metadataSteps } from './cluster/metadata-steps.ts'
import type { Suite } from './compare.ts'
import type { Deed, Playground } from './step.ts'

/** Brokers by their node ids, each of which can be killed and started again. */
interface Brokers {
  portOf(nodeId: number): number
  kill(nodeId: number): Promise<void>
  start(nodeId: number): Promise<unknown>
  remove(): Promise<void>
}

const nodeIds = [1, 2, 3]

const settings = {
  'auto.create.topics.enable': 'false',
  'default.replication.factor': '3',
  'min.insync.replicas': '2',
  'offsets.topic.num.partitions': '4',
  'group.initial.rebalance.delay.ms': '0',
  // A dead broker is found out soon.
  'broker.session.timeout.ms': '3000'
}

export const threeBrokers: Suite = {
  scenarios: {
    metadata: metadataSteps,
    leaders: leaderSteps,
    groups: groupSteps,
    failure: failureSteps
  },
  golden: 'cluster-kafka.jsonl',
  passedOver: {
    // Any broker may be named as the controller.
    Metadata: ['controllerId'],
    DescribeCluster: ['controllerId'],
    FindCoordinator: ['nodeId'],
    Fetch: ['records'],
    JoinGroup: ['memberId']
  },
  async start(target) {
    const brokers = await (target === 'kafka' ? startKafka() : startNaru())
    return playground(brokers)
  }
}

function playground(brokers: Brokers): Playground & { remove(): Promise<void> } {
  return {
    port: brokers.portOf(nodeIds[0]),
    cluster: {
      nodeIds,
      portOf: nodeId => brokers.portOf(nodeId),
      async do(deed: Deed) {
        if ('kill' in deed) {
          await brokers.kill(deed.kill)
          const others = nodeIds.filter(nodeId => nodeId !== deed.kill)
          for (const nodeId of others) await settled(brokers.portOf(nodeId), others)
        } else {
          await brokers.start(deed.start)
          for (const nodeId of nodeIds) await settled(brokers.portOf(nodeId), nodeIds)
        }
      }
    },
    remove: () => brokers.remove()
  }
}

/** Resolves when a broker knows these others and no more, and all of their replicas are in sync. */
async function settled(port: number, alive: readonly number[]): Promise<void> {
  const client = new AskingClient(port, 'settled')
  try {
    for (let tries = 0; ; tries++) {
      const { brokers, topics } = (await client.ask(Metadata, 12, { topics: null })) as unknown as Described
      const known = brokers.map(({ nodeId }) => nodeId).sort()
      const partitions = topics.flatMap(topic => topic.partitions)
      const led = partitions.filter(({ leaderId }) => leaderId >= 0)
      if (
        known.join() === alive.join() &&
        led.every(({ leaderId }) => alive.includes(leaderId)) &&
        led.every(({ replicaNodes, isrNodes }) =>
          replicaNodes.every(node => alive.includes(node) === isrNodes.includes(node))
        ) &&
        (alive.length < nodeIds.length || led.length === partitions.length)
      )
        return
      if (tries === 300) throw new Error(`still not settled after 30 s: ${JSON.stringify({ known, partitions })}`)
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  } finally {
    client.close()
  }
}

interface Described {
  brokers: { nodeId: number }[]
  topics: { partitions: { leaderId: number; replicaNodes: number[]; isrNodes: number[] }[] }[]
}

async function startNaru(): Promise<Brokers> {
  const cluster = await startCluster({ host: 'localhost', config: settings })
  const ports = new Map(cluster.brokers().map(({ nodeId, port }) => [nodeId, port]))
  return {
    portOf: nodeId => ports.get(nodeId)!,
    kill: async nodeId =>
      cluster
        .brokers()
        .find(broker => broker.nodeId === nodeId)
        ?.kill(),
    start: nodeId => cluster.start(nodeId),
    remove: () => cluster.close()
  }
}

async function startKafka(): Promise<Brokers> {
  fetchApacheKafka()
  const dir = mkdtempSync(join(tmpdir(), 'apache-kafka-cluster-'))
  const ports = [await freePort(), await freePort(), await freePort()]
  const heartbeat = { 'broker.heartbeat.interval.ms': '500' }
  const options = await apacheKafkaClusterOptions(dir, ports, { ...settings, ...heartbeat })
  const running = new Map<number, ApacheKafka>()
  const start = async (nodeId: number) => {
    running.set(nodeId, await startApacheKafka({ ...options[nodeId - 1], heap: '512M' }))
  }
  const remove = async () => {
    await Promise.all([...running.values()].map(node => node.kill()))
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    await Promise.all(nodeIds.map(start))
    for (const nodeId of nodeIds) await settled(ports[nodeId - 1], nodeIds)
  } catch (error) {
    await remove()
    throw error
  }
  return { portOf: nodeId => ports[nodeId - 1], kill: async nodeId => running.get(nodeId)?.kill(), start, remove }
}
