import {
  type Compare,
  type KeyValue,
  type Metastore,
  type Operation,
  transactionOperationsMax
} from '../metastore/metastore.ts'
import type { Logger } from '../std/log.ts'
import { format, keys, parse } from './keys.ts'
import { wroteLast } from './metadata.ts'
import type { PartitionImage } from './types.ts'

const pageKeys = 5000
/** More than any backup can lie behind: so many elections of a partition, and producer ids. */
const epochsSkipped = 1_000_000
const producerIdsSkipped = 1_000_000_000

/**
 * Notes which store holds the cluster. When it is another one than before, a backup was restored: leader epochs and producer ids
 * that were given after it would be given again, for other records. They are skipped, before this broker takes part.
 */
export async function noticeRestore(metastore: Metastore, storeId: string, logger: Logger): Promise<void> {
  for (;;) {
    const { item } = await metastore.get(keys.storeId)
    if (item?.value === storeId) return
    // Whoever is first to have done all of it ends what others do of it.
    const seen = wroteLast(keys.storeId, item?.modRevision ?? 0)
    if (item) {
      logger.warn(
        {},
        'the cluster was restored from a backup: its epochs and producer ids go on far behind those of before'
      )
      await skip(metastore, seen)
    }
    const { succeeded } = await metastore.txn({
      compare: [seen],
      success: [{ type: 'put', key: keys.storeId, value: storeId }]
    })
    if (succeeded) return
  }
}

async function skip(metastore: Metastore, seen: Compare & { to: number }): Promise<void> {
  const { item } = await metastore.get(keys.producerIds)
  if (item) await raise(metastore, seen, [item], value => Number(value) + producerIdsSkipped)
  const together = Math.floor(transactionOperationsMax / 2)
  for (let after: string | undefined, more = true; more; ) {
    const page = await metastore.range(keys.partitions, { after, limit: pageKeys })
    for (let at = 0; at < page.items.length; at += together)
      await raise(metastore, seen, page.items.slice(at, at + together), value => {
        const partition = parse<PartitionImage>(value)
        return { ...partition, leaderEpoch: partition.leaderEpoch + epochsSkipped }
      })
    more = page.more
    after = page.items.at(-1)?.key
  }
}

/** Twice does no harm: others may be about the same. */
async function raise(
  metastore: Metastore,
  seen: Compare & { to: number },
  items: readonly KeyValue[],
  raised: (value: string) => Parameters<typeof format>[0]
): Promise<void> {
  for (let left = items; left.length > 0; ) {
    const { succeeded } = await metastore.txn({
      compare: [seen, ...left.map(({ key, modRevision }) => wroteLast(key, modRevision))],
      success: left.map(({ key, value }): Operation => ({ type: 'put', key, value: format(raised(value)) }))
    })
    if (succeeded || (await metastore.get(keys.storeId)).item?.modRevision !== seen.to) return
    const found = await Promise.all(left.map(({ key }) => metastore.get(key)))
    left = found.flatMap(({ item }) => item ?? [])
  }
}
