import { join } from 'node:path'
import { topicAdminOptions } from '../broker/topic-admin-options.ts'
import { nodeOptions } from '../config/node-options.ts'
import type { Texts } from '../config/sources.ts'
import { keys, parse } from '../control/keys.ts'
import type { PartitionImage } from '../control/types.ts'
import type { Disk, DiskLock } from '../disk/disk.ts'
import { nodeDisk } from '../disk/node/disk.ts'
import { openEmbeddedMetastore } from '../metastore/embedded/embedded.ts'
import type { Metastore } from '../metastore/metastore.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { Option } from '../std/option.ts'
import { formatOf } from '../storage/inspect/folder.ts'
import { systemClock } from './system.ts'

/*
 * The data folder of several brokers on one machine:
 *
 *   lock           held while somebody runs them
 *   metastore/     what they share
 *   broker-<id>/   the data folder of each
 *
 * A broker by itself keeps its logs and its metastore in the folder directly.
 */

/** More replicas than this are nobody's default. */
const defaultReplicasMax = 3

export interface BrokerPlace {
  /** Of how many brokers, and the how many-th, beginning with 0. */
  readonly count: number
  readonly index: number
  readonly nodeId: number
  /** Of all brokers; undefined: this one lives in memory. */
  readonly folder: string | undefined
  /** The port that it had before, where a free one is taken. */
  readonly port: number | undefined
}

/** The options of one broker by those of all, whose ports are the first one's (0: free ones). */
export function brokerTexts(texts: Texts, { count, index, nodeId, folder, port }: BrokerPlace): Texts {
  const { clusterBrokers, defaultReplicationFactor } = topicAdminOptions
  const following = (option: Option<'int'>) => {
    const first = Number(texts[option.name] ?? option.default)
    return first === 0 ? 0 : first + index
  }
  const advertised = following(nodeOptions.advertisedPort)
  const before = advertised === 0 ? port : undefined
  return {
    [clusterBrokers.name]: String(count),
    [defaultReplicationFactor.name]: String(Math.min(defaultReplicasMax, count)),
    ...texts,
    [nodeOptions.port.name]: String(following(nodeOptions.port) || before || 0),
    [nodeOptions.advertisedPort.name]: String(advertised),
    [nodeOptions.nodeId.name]: String(nodeId),
    ...(folder === undefined
      ? { [nodeOptions.memory.name]: 'true' }
      : { [nodeOptions.dataDir.name]: join(folder, `broker-${nodeId}`) })
  }
}

/** What brokers of one machine share. */
export interface SharedStore {
  readonly metastore: Metastore
  close(): Promise<void>
}

/**
 * Opens the metastore of the brokers with these node ids, in memory without a folder. Rejects with DiskError `locked` when
 * somebody runs them, and as INVALID_CONFIG where the folder is a single broker's or has replicas of other brokers.
 */
export async function openSharedStore(
  folder: string | undefined,
  nodeIds: readonly number[],
  logger: Logger,
  disk: Disk = nodeDisk()
): Promise<SharedStore> {
  if (folder === undefined) {
    const metastore = await openEmbeddedMetastore({ clock: systemClock, logger })
    return { metastore, close: () => metastore.close() }
  }
  await disk.mkdir(folder)
  const lock = await disk.lock(`${folder}/lock`)
  try {
    await refuseSingle(disk, folder)
    const metastore = await openEmbeddedMetastore({
      clock: systemClock,
      logger,
      durable: { disk, folder: join(folder, 'metastore') },
      holdersGone: true
    })
    const close = () => closeShared(metastore, lock)
    try {
      await refuseOthers(metastore, folder, nodeIds)
    } catch (error) {
      await close()
      throw error
    }
    return { metastore, close }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function closeShared(metastore: Metastore, lock: DiskLock): Promise<void> {
  try {
    await metastore.close()
  } finally {
    await lock.release()
  }
}

/** A broker by itself would find none of its logs in a folder of several, and take what they hold for deleted. */
export async function refuseSeveral(disk: Disk, folder: string): Promise<void> {
  const count = (await disk.list(folder)).filter(name => /^broker-\d+$/.test(name)).length
  if (count > 0)
    throw new NaruError(
      'INVALID_CONFIG',
      `The data folder ${folder} belongs to ${count} brokers: start them with --brokers ${count}, or choose another folder.`
    )
}

async function refuseSingle(disk: Disk, folder: string): Promise<void> {
  if ((await formatOf(disk, folder)) !== undefined)
    throw new NaruError(
      'INVALID_CONFIG',
      `The data folder ${folder} belongs to a single broker: start it without --brokers, or choose another folder.`
    )
}

/** With fewer brokers than there were, what only those others have would be missing. */
async function refuseOthers(metastore: Metastore, folder: string, nodeIds: readonly number[]): Promise<void> {
  const known = new Set(nodeIds)
  const missing = new Map<number, number>()
  for (const { value } of (await metastore.range(keys.partitions)).items)
    for (const nodeId of parse<PartitionImage>(value).replicas)
      if (!known.has(nodeId)) missing.set(nodeId, (missing.get(nodeId) ?? 0) + 1)
  if (missing.size === 0) return
  const [nodeId, replicas] = [...missing].toSorted(([a], [b]) => a - b)[0]
  throw new NaruError(
    'INVALID_CONFIG',
    `The data folder ${folder} has ${replicas} replicas on broker ${nodeId}, which would not run: start it with as many brokers as before.`
  )
}
