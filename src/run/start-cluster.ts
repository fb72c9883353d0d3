import { resolve } from 'node:path'
import { nodeOptions } from '../config/node-options.ts'
import type { Texts } from '../config/sources.ts'
import { memoryDisk } from '../disk/memory.ts'
import { nodeDisk } from '../disk/node/disk.ts'
import { NaruError } from '../std/errors.ts'
import { type Logger, silent } from '../std/log.ts'
import { brokerTexts, openSharedStore } from './cluster-parts.ts'
import { type MortalBroker, runBroker } from './start-broker.ts'

/** A cluster whose brokers all run in this process. */
export interface RunningCluster {
  /** `host:port` of every broker, as clients take it. */
  readonly bootstrap: string
  readonly clusterId: string
  /** Those that run, by node id. */
  brokers(): MortalBroker[]
  /** Starts a broker again that was closed or killed, on its data and its port; or one more, with a node id of its own. */
  start(nodeId: number): Promise<MortalBroker>
  close(): Promise<void>
}

/**
 * Starts brokers 1 to `count` over one metastore in this process. `texts` are options of each; the port is that of the
 * first, the others follow (0: free ones), and the data folder is that of the cluster. `racks`: where they stand, in turn.
 */
export async function runCluster(
  count: number,
  texts: Texts,
  logger: Logger = silent,
  racks: readonly string[] = []
): Promise<RunningCluster> {
  if (!(Number.isInteger(count) && count > 0))
    throw new NaruError('INVALID_CONFIG', `A cluster has at least one broker, not ${count}.`)
  const dataDir = texts[nodeOptions.dataDir.name]
  const folder = dataDir === undefined ? undefined : resolve(dataDir)
  const nodeIds = Array.from({ length: count }, (_, index) => index + 1)
  const { metastore, close: closeStore } = await openSharedStore(folder, nodeIds, logger)
  const disks = new Map(nodeIds.map(nodeId => [nodeId, folder === undefined ? memoryDisk() : nodeDisk()]))
  /** Those that were free when a broker first took them. */
  const ports = new Map<number, number>()
  const running = new Map<number, MortalBroker>()
  const start = async (nodeId: number): Promise<MortalBroker> => {
    const known = running.get(nodeId)
    if (known) return known
    if (!(Number.isInteger(nodeId) && nodeId > 0))
      throw new NaruError('INVALID_CONFIG', `A broker's node id is a whole number above 0, not ${nodeId}.`)
    const disk = disks.get(nodeId) ?? (folder === undefined ? memoryDisk() : nodeDisk())
    disks.set(nodeId, disk)
    const placed =
      racks.length === 0 ? texts : { ...texts, [nodeOptions.rack.name]: racks[(nodeId - 1) % racks.length] }
    const own = brokerTexts(placed, { count, index: nodeId - 1, nodeId, folder, port: ports.get(nodeId) })
    const broker = await runBroker(own, logger, { metastore, disk })
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
    // All at once, what they share last.
    await Promise.allSettled([...running.values()].map(broker => broker.close()))
    await closeStore()
  }
  try {
    for (const nodeId of nodeIds) await start(nodeId)
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
