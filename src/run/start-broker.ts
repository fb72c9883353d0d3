import { resolve } from 'node:path'
import { nodeOptions } from '../config/node-options.ts'
import { brokerOptions } from '../config/options.ts'
import { mergeTexts, type Texts } from '../config/sources.ts'
import type { Disk } from '../disk/disk.ts'
import { memoryDisk } from '../disk/memory.ts'
import { nodeDisk } from '../disk/node/disk.ts'
import type { Metastore } from '../metastore/metastore.ts'
import { type Logger, silent } from '../std/log.ts'
import { Metrics } from '../std/metrics.ts'
import { OptionValues } from '../std/option.ts'
import { storageBrokerOptions } from '../storage/options.ts'
import { refuseClusterFolder } from './cluster-folder.ts'
import { refuseSeveral } from './cluster-parts.ts'
import { connectTcp } from './connect.ts'
import { etcdTexts, isInEtcd, openEtcd } from './etcd.ts'
import { explainDiskError } from './explain.ts'
import { listenAll } from './listeners.ts'
import { openNode } from './node.ts'
import { shareOpenFiles } from './open-files.ts'
import { keepingAlive, machineName, systemClock, systemRandom } from './system.ts'

/** A broker that runs. */
export interface RunningBroker {
  /** `host:port`, as clients are given it. */
  readonly bootstrap: string
  readonly host: string
  readonly port: number
  readonly nodeId: number
  readonly clusterId: string
  /** Undefined for a broker in memory. */
  readonly dataDir: string | undefined
  /** Every metric by name, now. */
  metrics(): Record<string, number>
  /** Stops cleanly: what was acknowledged is safe, no handle stays open. May be called again. */
  close(): Promise<void>
}

/** What a broker of a cluster in this process is given by its cluster. */
export interface ClusterParts {
  readonly metastore: Metastore
  /** In place of the one that the options say. */
  readonly disk?: Disk
}

/** A broker that tests may kill. */
export interface MortalBroker extends RunningBroker {
  /** Ends it as a process that dies does, as far as others can tell: connections are cut, nobody is told. */
  kill(): Promise<void>
}

/**
 * Starts a broker with the given option texts (names as in docs/configuration.md; checked, INVALID_CONFIG) on this
 * machine's disk, clock and network.
 */
export function runBroker(texts: Texts, logger: Logger = silent, cluster?: ClusterParts): Promise<MortalBroker> {
  // Where it has to wait, for etcd or its lease, nothing else would keep the process.
  return keepingAlive(started(texts, logger, cluster))
}

async function started(texts: Texts, logger: Logger, cluster?: ClusterParts): Promise<MortalBroker> {
  const inEtcd = !cluster && isInEtcd(texts)
  const values = new OptionValues(mergeTexts(brokerOptions, inEtcd ? etcdTexts(texts) : texts))
  const options = values.of(nodeOptions)
  const metrics = new Metrics()
  const folder = options.memory ? '/memory' : resolve(options.dataDir)
  const disk = cluster?.disk ?? (options.memory ? memoryDisk() : nodeDisk())
  let etcd: Metastore | undefined
  try {
    await refuseSeveral(disk, folder)
    if (inEtcd) etcd = await openEtcd(values, systemClock, logger)
    else await refuseClusterFolder(disk, folder)
    const node = await openNode(values, {
      clock: systemClock,
      random: systemRandom,
      logger,
      metrics,
      disk,
      folder,
      machine: machineName,
      connect: connectTcp,
      listen: listenAll,
      open: shareOpenFiles(values.get(storageBrokerOptions.openFilesMax)),
      metastore: cluster?.metastore ?? etcd,
      claims: inEtcd
    })
    let ended: Promise<void> | undefined
    const ending = (end: () => Promise<void>) => () => {
      ended ??= keepingAlive(end().finally(() => etcd?.close()))
      return ended
    }
    const { host, port, nodeId, clusterId } = node
    return {
      bootstrap: `${host}:${port}`,
      host,
      port,
      nodeId,
      clusterId,
      dataDir: options.memory ? undefined : folder,
      metrics: () => metrics.snapshot(),
      close: ending(() => node.close()),
      kill: ending(() => node.kill())
    }
  } catch (error) {
    await etcd?.close()
    throw options.memory ? error : explainDiskError(error, folder)
  }
}
