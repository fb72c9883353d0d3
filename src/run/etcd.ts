import { readFile } from 'node:fs/promises'
import { topicAdminOptions } from '../broker/topic-admin-options.ts'
import type { Texts } from '../config/sources.ts'
import { keys } from '../control/keys.ts'
import { noticeRestore } from '../control/restored.ts'
import { etcdOptions, parseEndpoints } from '../metastore/etcd/options.ts'
import { type Metastore, MetastoreError } from '../metastore/metastore.ts'
import { type Clock, sleep } from '../std/clock.ts'
import { messageOf, NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import type { OptionValues } from '../std/option.ts'

/** A cluster of machines is meant to have so many brokers unless it says otherwise: enough for three replicas. */
const brokersMeant = 3
const retryMs = 500
/** How long etcd may be silent before that is said, for the first time and again. */
const patienceMs = 1000
const reminderMs = 10_000

/** Option texts of a broker in a cluster, over the defaults that are those of a broker alone. */
export function etcdTexts(texts: Texts): Texts {
  const { clusterBrokers, defaultReplicationFactor } = topicAdminOptions
  const brokers = texts[clusterBrokers.name] ?? String(brokersMeant)
  return {
    [clusterBrokers.name]: brokers,
    [defaultReplicationFactor.name]: String(Math.min(brokersMeant, Number(brokers))),
    ...texts
  }
}

/** Whether these options name an etcd. */
export function isInEtcd(texts: Texts): boolean {
  return (texts[etcdOptions.endpoints.name] ?? '') !== ''
}

/**
 * Opens the metastore in etcd that the options name, once etcd answers. Rejects with what to do: INVALID_CONFIG where files
 * can't be read or etcd refuses the user, KAFKA_STORAGE_ERROR where it doesn't answer in `etcd.start.timeout.ms`.
 */
export async function openEtcd(values: OptionValues, clock: Clock, logger: Logger): Promise<Metastore> {
  const options = values.of(etcdOptions)
  const { addresses, secure } = parseEndpoints(options.endpoints)
  const { username: name, password } = options
  const tls = secure
    ? { ca: await fileOf(options.caFile), cert: await fileOf(options.certFile), key: await fileOf(options.keyFile) }
    : undefined
  // Loaded for those who want it: it takes longer than all the rest of a start.
  const { openEtcdMetastore } = await import('../metastore/etcd/etcd.ts')
  const metastore = openEtcdMetastore({
    addresses,
    tls,
    user: name === '' ? undefined : { name, password },
    prefix: options.prefix,
    requestTimeoutMs: options.requestTimeoutMs,
    clock,
    logger
  })
  try {
    await answering(metastore, options.startTimeoutMs, addresses, clock, logger)
    await noticeRestore(metastore, await metastore.storeId(), logger)
  } catch (error) {
    await metastore.close()
    throw error
  }
  return metastore
}

async function answering(
  metastore: Metastore,
  timeoutMs: number,
  addresses: readonly string[],
  clock: Clock,
  logger: Logger
): Promise<void> {
  const untilMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : clock.monotonic() + timeoutMs
  let why: string | undefined
  const remind = () => {
    logger.warn({ endpoints: addresses, error: why }, 'etcd does not answer; the broker waits for it')
    reminder = clock.after(reminderMs, remind)
  }
  let reminder = clock.after(patienceMs, remind)
  try {
    for (;;) {
      try {
        await metastore.get(keys.clusterId)
        return
      } catch (error) {
        if (!(error instanceof MetastoreError)) throw error
        why = messageOf(error)
        if (error.kind !== 'unavailable')
          throw new NaruError(
            'INVALID_CONFIG',
            `${why}. See etcd.username, etcd.password, and etcd.prefix, which the user must be allowed to read and write.`,
            { cause: error }
          )
        if (clock.monotonic() >= untilMs)
          throw new NaruError(
            'KAFKA_STORAGE_ERROR',
            `No etcd answers at ${addresses.join(', ')}: ${why}. Start it, or name others with --etcd.`,
            { cause: error }
          )
        await sleep(clock, retryMs)
      }
    }
  } finally {
    reminder.cancel()
  }
}

async function fileOf(path: string): Promise<Buffer | undefined> {
  if (path === '') return undefined
  try {
    return await readFile(path)
  } catch (error) {
    throw new NaruError('INVALID_CONFIG', `Can't read ${path} for etcd: ${messageOf(error)}`)
  }
}
