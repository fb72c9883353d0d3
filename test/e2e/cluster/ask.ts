import { setTimeout as sleep } from 'node:timers/promises'
import { RawConnection, Reader, Writer } from '../../support/raw.ts'

/** What brokers say of the cluster and a topic. */
export interface ClusterView {
  readonly brokers: ReadonlyMap<number, { host: string; port: number }>
  readonly controller: number
  readonly partitions: readonly { index: number; error: number; leader: number; replicas: number[]; isr: number[] }[]
}

export const addressOf = (bootstrap: string): { host: string; port: number } => {
  const at = bootstrap.lastIndexOf(':')
  return { host: bootstrap.slice(0, at), port: Number(bootstrap.slice(at + 1)) }
}

/** One request on a connection of its own; undefined when there is no answer in time. */
async function askOnce(
  address: { host: string; port: number },
  key: number,
  version: number,
  body: Buffer,
  timeoutMs: number
) {
  let connection: RawConnection | undefined
  try {
    connection = await RawConnection.open(address.host, address.port)
    const answer = await connection.ask({ key, version }, body, timeoutMs)
    return answer instanceof Reader ? answer : undefined
  } catch {
    return undefined
  } finally {
    connection?.close()
  }
}

/** Metadata v1 of one broker; undefined when it doesn't answer. */
export async function viewFrom(bootstrap: string, topic: string, timeoutMs = 500): Promise<ClusterView | undefined> {
  const reader = await askOnce(addressOf(bootstrap), 3, 1, new Writer().int32(1).string(topic).build(), timeoutMs)
  if (!reader) return undefined
  const brokers = new Map<number, { host: string; port: number }>()
  reader.array(() => {
    const id = reader.int32()
    brokers.set(id, { host: reader.string()!, port: reader.int32() })
    reader.string()
  })
  const controller = reader.int32()
  const [partitions = []] = reader.array(() => {
    reader.int16()
    reader.string()
    reader.int8()
    return reader.array(() => {
      const error = reader.int16()
      const index = reader.int32()
      const leader = reader.int32()
      return {
        error,
        index,
        leader,
        replicas: reader.array(() => reader.int32())!,
        isr: reader.array(() => reader.int32())!
      }
    })!
  })!
  return { brokers, controller, partitions: partitions.toSorted((a, b) => a.index - b.index) }
}

/** What the first broker that answers says. */
export async function view(bootstraps: readonly string[], topic: string): Promise<ClusterView | undefined> {
  for (const bootstrap of bootstraps) {
    const seen = await viewFrom(bootstrap, topic)
    if (seen) return seen
  }
  return undefined
}

export interface Coordinator {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

/** Who coordinates a group, by the first broker that knows; undefined while none does. */
export async function findCoordinator(bootstraps: readonly string[], group: string): Promise<Coordinator | undefined> {
  for (const bootstrap of bootstraps) {
    const reader = await askOnce(addressOf(bootstrap), 10, 0, new Writer().string(group).build(), 500)
    if (reader && reader.int16() === 0) return { nodeId: reader.int32(), host: reader.string()!, port: reader.int32() }
  }
  return undefined
}

/** The same, waited for. */
export async function coordinatorOf(bootstraps: readonly string[], group: string): Promise<number | undefined> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const found = await findCoordinator(bootstraps, group)
    if (found) return found.nodeId
    await sleep(50)
  }
  return undefined
}

/** OffsetFetch v1 of a topic's partitions, of one broker: the offsets, or undefined when it doesn't coordinate the group. */
export async function offsetsFrom(
  connection: RawConnection,
  group: string,
  topic: string,
  partitions: number,
  timeoutMs: number
): Promise<Map<number, number> | undefined> {
  const body = new Writer().string(group).int32(1).string(topic).int32(partitions)
  for (let index = 0; index < partitions; index++) body.int32(index)
  const reader = await connection.ask({ key: 9, version: 1 }, body.build(), timeoutMs)
  if (!(reader instanceof Reader)) return undefined
  const offsets = new Map<number, number>()
  let refused = false
  reader.array(() => {
    reader.string()
    reader.array(() => {
      offsets.set(reader.int32(), reader.int64())
      reader.string()
      refused ||= reader.int16() !== 0
    })
  })
  return refused ? undefined : offsets
}

/** Waits until each broker that should run says that every partition has all its replicas in sync. */
export async function healed(
  bootstraps: readonly string[],
  topics: readonly string[],
  timeoutMs = 90_000
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  let why = ''
  for (;;) {
    why = await unhealed(bootstraps, topics)
    if (why === '') return
    if (Date.now() > deadline) throw new Error(`the cluster is not well after ${timeoutMs} ms: ${why}`)
    await sleep(50)
  }
}

async function unhealed(bootstraps: readonly string[], topics: readonly string[]): Promise<string> {
  for (const bootstrap of bootstraps)
    for (const topic of topics) {
      const seen = await viewFrom(bootstrap, topic)
      if (!seen) return `${bootstrap} does not answer`
      if (seen.brokers.size < bootstraps.length) return `${bootstrap} knows ${seen.brokers.size} brokers`
      const ill = seen.partitions.find(
        ({ error, leader, isr, replicas }) => error !== 0 || leader < 0 || isr.length < replicas.length
      )
      if (ill) return `${bootstrap} says ${topic}: ${JSON.stringify(ill)}`
    }
  return ''
}

/** Rejects, and says what doesn't come to hold, when it takes longer. */
export async function until(holds: () => boolean, what: string | (() => string), timeoutMs = 60_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!holds()) {
    if (performance.now() > deadline)
      throw new Error(`not within ${timeoutMs} ms: ${typeof what === 'string' ? what : what()}`)
    await sleep(20)
  }
}
