import type { Metastore } from '../metastore/metastore.ts'
import { type Clock, sleep } from '../std/clock.ts'
import { NaruError } from '../std/errors.ts'
import type { Logger } from '../std/log.ts'
import { forgotten } from './election.ts'
import { type BrokerValue, keys, type NodeValue, parse } from './keys.ts'
import { forgetReplicas } from './lost-replicas.ts'
import type { PartitionImage } from './types.ts'

const pollMs = 200
const pageKeys = 5000

/** A node that is about to start, with the id of the data folder that it found or made. */
export interface Claim {
  readonly metastore: Metastore
  readonly nodeId: number
  readonly folder: string
  /** How long a registration of a process that is gone may last. */
  readonly sessionTimeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Sees to it that a node id is one broker's. A former life on the same data folder is dead: who holds the folder knows. One on
 * another folder may live, and is waited for as long as its lease can last; then INVALID_CONFIG. When it is gone, this node
 * comes with nothing of what it had: it is taken out of in-sync sets, and refused where only it knows what was acknowledged.
 */
export async function claimNode(claim: Claim): Promise<void> {
  const { metastore, nodeId, folder } = claim
  const { item } = await metastore.get(keys.node(nodeId))
  if (!item || parse<NodeValue>(item.value).folder === folder) return
  await untilGone(claim)
  await refuseLastWord(metastore, nodeId)
  await forgetReplicas(metastore, nodeId)
}

async function untilGone({ metastore, nodeId, sessionTimeoutMs, clock, logger }: Claim): Promise<void> {
  const untilMs = clock.monotonic() + sessionTimeoutMs + 2000
  for (let waited = false; (await metastore.get(keys.registration(nodeId))).item; waited = true) {
    if (!waited)
      logger.warn({ nodeId }, 'a broker with this node id and another data folder is registered: waiting for its end')
    if (clock.monotonic() > untilMs) {
      const { item } = await metastore.get(keys.broker(nodeId))
      const { endpoint, host } = item ? parse<BrokerValue>(item.value) : {}
      const where = endpoint ? ` at ${endpoint.host}:${endpoint.port}` : ''
      throw new NaruError(
        'INVALID_CONFIG',
        `Node id ${nodeId} is taken: a broker${where}${host ? ` on ${host}` : ''} with another data folder is alive. Stop it, or start this one with another --node-id.`
      )
    }
    await sleep(clock, pollMs)
  }
}

/** Leading with nothing, it would have the others throw away what they have. */
async function refuseLastWord(metastore: Metastore, nodeId: number): Promise<void> {
  let count = 0
  let first = ''
  for (let after: string | undefined, more = true; more; ) {
    const page = await metastore.range(keys.partitions, { after, limit: pageKeys })
    for (const { key, value } of page.items) {
      const partition = parse<PartitionImage>(value)
      if (partition.replicas.length === 1 || !partition.isr.includes(nodeId) || forgotten(partition, nodeId)) continue
      count++
      first ||= key.slice(keys.partitions.length)
    }
    more = page.more
    after = page.items.at(-1)?.key
  }
  if (count > 0)
    throw new NaruError(
      'INVALID_CONFIG',
      `Node ${nodeId} had another data folder, and is the last in-sync replica of ${count} partitions (such as ${first}, by topic id): start it with that folder. If it is lost, elect others first: kafka-leader-election.sh --election-type unclean.`
    )
}
