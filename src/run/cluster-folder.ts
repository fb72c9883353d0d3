import { foundCluster } from '../control/founding.ts'
import { keys } from '../control/keys.ts'
import type { Disk } from '../disk/disk.ts'
import type { Metastore } from '../metastore/metastore.ts'
import { NaruError } from '../std/errors.ts'
import { type Random, randomUuid } from '../std/random.ts'
import { FolderSync } from '../storage/folder-sync.ts'
import { readWhole, replaceFile } from '../storage/recovery/checkpoint.ts'
import type { LogStore } from '../storage/types.ts'

/*
 * A data folder of a broker whose cluster is kept elsewhere holds `cluster.json`: which cluster's and node's it is, and an id of
 * its own, by which a node that comes with another folder is told from one that was only restarted.
 */
const fileName = 'cluster.json'

interface ClusterFolder {
  readonly clusterId: string
  readonly nodeId: number
  readonly folderId: string
}

/**
 * The id of a data folder in the cluster of this metastore; a new folder is made the node's, and a cluster is founded where
 * there is none. INVALID_CONFIG where the folder belongs to another cluster or node, or to none: logs that no topic of the
 * metastore owns would be removed as those of deleted topics.
 */
export async function claimFolder(
  parts: { disk: Disk; random: Random; folder: string; store: LogStore; metastore: Metastore },
  nodeId: number
): Promise<string> {
  const { disk, random, folder, store, metastore } = parts
  const known = await readClusterFolder(disk, folder)
  const clusterId = (await metastore.get(keys.clusterId)).item?.value
  if (known) {
    if (clusterId === undefined)
      throw refusal(
        `The data folder ${folder} belongs to cluster ${known.clusterId}, of which etcd knows nothing: this is another etcd or etcd.prefix, or its data was lost. Bring the backup back (docs/operations.md), or start on an empty folder.`
      )
    if (known.clusterId !== clusterId)
      throw refusal(
        `The data folder ${folder} belongs to cluster ${known.clusterId}; in etcd is cluster ${clusterId}. Name the right etcd and etcd.prefix, or another folder.`
      )
    if (known.nodeId !== nodeId)
      throw refusal(
        `The data folder ${folder} belongs to node ${known.nodeId}, not to node ${nodeId}: start it with --node-id ${known.nodeId}, or name another folder.`
      )
    return known.folderId
  }
  if (store.ids().length > 0 || (await disk.list(folder)).includes('metastore'))
    throw refusal(
      `The data folder ${folder} belongs to a broker by itself: start it without --etcd, or name another folder.`
    )
  const claimed = { clusterId: clusterId ?? (await foundCluster(metastore, random)), nodeId, folderId: newId(random) }
  const bytes = Buffer.from(`${JSON.stringify(claimed)}\n`)
  await replaceFile(disk, new FolderSync(disk), folder, fileName, bytes)
  return claimed.folderId
}

/** A broker by itself would take what the folder of a cluster's broker holds for logs of deleted topics. */
export async function refuseClusterFolder(disk: Disk, folder: string): Promise<void> {
  const known = await readClusterFolder(disk, folder)
  if (known)
    throw refusal(
      `The data folder ${folder} belongs to node ${known.nodeId} of cluster ${known.clusterId}, which is kept in etcd: start it with --etcd, or name another folder.`
    )
}

async function readClusterFolder(disk: Disk, folder: string): Promise<ClusterFolder | undefined> {
  const bytes = await readWhole(disk, `${folder}/${fileName}`)
  return bytes && (JSON.parse(bytes.toString()) as ClusterFolder)
}

function newId(random: Random): string {
  return randomUuid(random).toString('base64url')
}

function refusal(message: string): NaruError {
  return new NaruError('INVALID_CONFIG', message)
}
