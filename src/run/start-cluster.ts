import { join, resolve } from 'node:path'
import { topicAdminOptions } from '../broker/topic-admin-options.ts'
import { nodeOptions } from '../config/node-options.ts'
import type { Texts } from '../config/sources.ts'
import type { Disk } from '../disk/disk.ts'
import { memoryDisk } from '../disk/memory.ts'
import { nodeDisk } from '../disk/node/disk.ts'
import { openEmbeddedMetastore } from '../metastore/embedded/embedded.ts'
import { NaruError } from '../std/errors.ts'
import { type Logger, silent } from '../std/log.ts'
import { type MortalBroker, runBroker } from './start-broker.ts'
import { systemClock } from './system.ts'

/** More replicas than this are nobody's default. */
const defaultReplicasMax = 3

/** A cluster whose brokers all run in this process. */
export interface RunningCluster {
  /** `host:port` of every broker, as clients take it. */
  readonly bootstrap: string
  readonly clusterId: string
  /** Those that run, by node id. */
  brokers(): MortalBroker[]
  /** Starts a broker again that was closed or killed, on its data and its port. */
  start(nodeId: number): Promise<MortalBroker>
  close(): Promise<void>
}

/**
 * Starts brokers 1 to `count` over one metastore in this process. `texts` are options of each; the port is that of the
 * first, the others follow (0: free ones), and the data folder is that of the cluster.
 */
export async function runCluster(count: number, texts: Texts, logger: Logger = silent): Promise<RunningCluster> {
  if (!(Number.isInteger(count) && count > 0))
    throw new NaruError('INVALID_CONFIG', `A cluster has at least one broker, not ${count}.`)
  const { dataDir: dataDirOption, memory, port: portOption, nodeId: nodeIdOption } = nodeOptions
  const dataDir = texts[dataDirOption.name]
  const folder = dataDir === undefined ? undefined : resolve(dataDir)
  const disks = new Map<number, Disk>()
  const ports = new Map<number, number>()
  const running = new Map<number, MortalBroker>()
  const metastoreDisk = folder === undefined ? memoryDisk() : nodeDisk()
  const metastore = await openEmbeddedMetastore({
    clock: systemClock,
    logger,
    durable: { disk: metastoreDisk, folder: folder === undefined ? '/metastore' : join(folder, 'metastore') }
  })
  const defaults = {
    [topicAdminOptions.clusterBrokers.name]: String(count),
    [topicAdminOptions.defaultReplicationFactor.name]: String(Math.min(defaultReplicasMax, count))
  }
  const firstPort = Number(texts[portOption.name] ?? 0)
  for (let nodeId = 1; nodeId <= count; nodeId++) {
    ports.set(nodeId, firstPort === 0 ? 0 : firstPort + nodeId - 1)
    disks.set(nodeId, folder === undefined ? memoryDisk() : nodeDisk())
  }
  const start = async (nodeId: number): Promise<MortalBroker> => {
    const known = running.get(nodeId)
    if (known) return known
    if (!ports.has(nodeId)) throw new NaruError('BROKER_ID_NOT_REGISTERED', `The cluster has no broker ${nodeId}.`)
    const own: Texts = { [nodeIdOption.name]: String(nodeId), [portOption.name]: String(ports.get(nodeId)) }
    if (folder === undefined) own[memory.name] = 'true'
    else own[dataDirOption.name] = join(folder, `broker-${nodeId}`)
    const broker = await runBroker({ ...defaults, ...texts, ...own }, logger, { metastore, disk: disks.get(nodeId) })
    ports.set(nodeId, broker.port)
    const gone = (end: () => Promise<void>) => () => {
      if (running.get(nodeId) === member) running.delete(nodeId)
      return end()
    }
    const member: MortalBroker = {
      ...broker,
      close: gone(() => broker.close()),
      kill: gone(() => broker.kill())
    }
    running.set(nodeId, member)
    return member
  }
  const close = async () => {
    // One after the other, the controller of the metastore last: nobody waits for somebody who is gone.
    await Promise.allSettled([...running.values()].map(broker => broker.close()))
    await metastore.close()
  }
  try {
    for (const nodeId of ports.keys()) await start(nodeId)
  } catch (error) {
    await close()
    throw error
  }
  return {
    get bootstrap() {
      return [...running.values()].map(broker => broker.bootstrap).join(',')
    },
    clusterId: [...running.values()][0].clusterId,
    brokers: () => [...running.values()].sort((a, b) => a.nodeId - b.nodeId),
    start,
    close
  }
}
