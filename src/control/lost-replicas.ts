import type { KeyValue, Metastore } from '../metastore/metastore.ts'
import { forgotten } from './election.ts'
import { format, keys, parse } from './keys.ts'
import type { PartitionImage } from './types.ts'

const pageKeys = 5000

/**
 * Takes a broker that has lost all that it had out of every in-sync and eligible set, so that it has to catch up before it
 * may lead or acknowledge again. To be called while it does not run. Who is the last to have a word stays.
 */
export async function forgetReplicas(metastore: Metastore, nodeId: number): Promise<void> {
  for (let after: string | undefined; ; ) {
    const { items, more } = await metastore.range(keys.partitions, { after, limit: pageKeys })
    for (const item of items) await takeOut(metastore, item, nodeId)
    if (!more) return
    after = items[items.length - 1].key
  }
}

async function takeOut(metastore: Metastore, found: KeyValue, nodeId: number): Promise<void> {
  for (let item: KeyValue | undefined = found; item; ) {
    const { key, modRevision } = item
    const left = forgotten(parse<PartitionImage>(item.value), nodeId)
    if (!left) return
    const { succeeded, items } = await metastore.txn({
      compare: [{ key, target: 'modRevision', is: '=', to: modRevision }],
      success: [{ type: 'put', key, value: format(left) }],
      failure: [{ type: 'get', key }]
    })
    if (succeeded) return
    item = items[0]
  }
}
