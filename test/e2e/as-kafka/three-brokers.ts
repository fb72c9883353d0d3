import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCluster } from '../../../src/index.ts'
import {
  type ApacheKafka,
  apacheKafkaClusterOptions,
  fetchApacheKafka,
  freePort,
  startApacheKafka
} from '../../support/apache-kafka.ts'
import { inSync } from '../../support/in-sync.ts'
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
          for (const nodeId of others) await inSync(brokers.portOf(nodeId), others, nodeIds)
        } else {
          await brokers.start(deed.start)
          for (const nodeId of nodeIds) await inSync(brokers.portOf(nodeId), nodeIds, nodeIds)
        }
      }
    },
    remove: () => brokers.remove()
  }
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
    for (const nodeId of nodeIds) await inSync(ports[nodeId - 1], nodeIds, nodeIds)
  } catch (error) {
    await remove()
    throw error
  }
  return { portOf: nodeId => ports[nodeId - 1], kill: async nodeId => running.get(nodeId)?.kill(), start, remove }
}
