import type { Metastore } from '../metastore/metastore.ts'
import { NaruError } from '../std/errors.ts'
import { type Random, randomUuid } from '../std/random.ts'
import { keys } from './keys.ts'

/** Grows when brokers of an older format could not go on with what newer ones write. Fields that come to be are no reason: they are kept. */
const formatKnown = 1

/**
 * The id of the cluster in this metastore, which is founded where there is none. Throws INVALID_CONFIG where it has a newer
 * format than this broker knows.
 */
export async function foundCluster(metastore: Metastore, random: Random): Promise<string> {
  const value = newId(random)
  const { succeeded, items } = await metastore.txn({
    compare: [{ key: keys.clusterId, target: 'version', is: '=', to: 0 }],
    success: [
      { type: 'put', key: keys.clusterId, value },
      { type: 'put', key: keys.format, value: String(formatKnown) }
    ],
    failure: [
      { type: 'get', key: keys.clusterId },
      { type: 'get', key: keys.format }
    ]
  })
  if (succeeded) return value
  const format = Number(items[1]?.value ?? formatKnown)
  if (format > formatKnown)
    throw new NaruError(
      'INVALID_CONFIG',
      `The cluster's metadata has format ${format}, which a newer version of Naru writes; this one knows ${formatKnown}: start the newer version.`
    )
  return items[0]!.value
}

/** A random id as Kafka prints it. One that begins with `-` would be taken for a flag by command lines. */
export function newId(random: Random): string {
  for (;;) {
    const id = randomUuid(random).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}
