import type { Metastore } from '../metastore/metastore.ts'
import { type Random, randomUuid } from '../std/random.ts'
import { keys } from './keys.ts'

/** The id of the cluster in this metastore, which is founded where there is none. */
export async function foundCluster(metastore: Metastore, random: Random): Promise<string> {
  const value = newId(random)
  const { succeeded, items } = await metastore.txn({
    compare: [{ key: keys.clusterId, target: 'version', is: '=', to: 0 }],
    success: [{ type: 'put', key: keys.clusterId, value }],
    failure: [{ type: 'get', key: keys.clusterId }]
  })
  return succeeded ? value : items[0]!.value
}

/** A random id as Kafka prints it. One that begins with `-` would be taken for a flag by command lines. */
export function newId(random: Random): string {
  for (;;) {
    const id = randomUuid(random).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}
