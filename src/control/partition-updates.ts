import { type Operation, transactionOperationsMax } from '../metastore/metastore.ts'
import { format, keys } from './keys.ts'
import { type Metadata, registeredAs } from './metadata.ts'
import type { PartitionImage, PartitionUpdate } from './types.ts'

interface Change {
  readonly update: PartitionUpdate
  readonly key: string
  readonly partition: PartitionImage
  /** A leader that it elects, which must still be registered so. */
  readonly elected: boolean
}

/** See `Control.updatePartitions`: as many in a transaction as fit, each by compare-and-set; what came too late is done again. */
export async function updatePartitions(metadata: Metadata, updates: readonly PartitionUpdate[]): Promise<void> {
  let left: readonly PartitionUpdate[] = updates
  while (left.length > 0) {
    const now = new Map<string, PartitionUpdate>()
    const later: PartitionUpdate[] = []
    for (const update of left) {
      const key = keys.partition(update.topicId, update.index)
      // A second change of the same partition goes by the outcome of the first.
      if (now.has(key)) later.push(update)
      else now.set(key, update)
    }
    const changes = Array.from(now, ([key, update]) => changeOf(metadata, key, update) ?? []).flat()
    const again = await Promise.all(
      inTransactions(changes).map(async part => ((await put(metadata, part)) ? [] : part))
    )
    left = [...again.flat().map(({ update }) => update), ...later]
  }
}

function changeOf(metadata: Metadata, key: string, update: PartitionUpdate): Change | undefined {
  const { topicId, index, change } = update
  const old = metadata.image.topicById(topicId)?.partitions[index]
  if (!old) return undefined
  const partition = change(old)
  if (!partition) return undefined
  const elected = partition.leader !== old.leader || partition.leaderBrokerEpoch !== old.leaderBrokerEpoch
  return { update, key, partition, elected }
}

function put(metadata: Metadata, changes: readonly Change[]): Promise<boolean> {
  const leaders = new Map(
    changes.flatMap(({ elected, partition }) => (elected ? [[partition.leader, partition.leaderBrokerEpoch]] : []))
  )
  return metadata.complete(
    [
      ...[...leaders].map(([nodeId, epoch]) => registeredAs(nodeId, epoch)),
      ...changes.map(({ key }) => metadata.unchanged(key))
    ],
    changes.map(({ key, partition }): Operation => ({ type: 'put', key, value: format(partition) }))
  )
}

/** Each may elect another leader, which is one more to compare. */
function inTransactions(changes: readonly Change[]): Change[][] {
  const most = Math.floor(transactionOperationsMax / 2)
  return Array.from({ length: Math.ceil(changes.length / most) }, (_, at) => changes.slice(at * most, (at + 1) * most))
}
