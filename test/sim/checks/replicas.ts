import { offsetsTopic } from '../../../src/broker/broker.ts'
import type { TopicImage } from '../../../src/control/types.ts'
import type { Partition } from '../../../src/partition/partition.ts'
import * as header from '../../../src/record/header.ts'
import { iterateRecords } from '../../../src/record/iterate.ts'
import type { Anomalies } from '../anomaly.ts'
import type { SimCluster } from '../cluster.ts'

/** The replicas of one partition, leader first. */
export interface Replicas {
  readonly topic: TopicImage
  readonly index: number
  readonly list: readonly Partition[]
}

/** All partitions, as the first broker that serves knows them. */
export function allReplicas(sim: SimCluster): Replicas[] {
  const image = sim.machines.find(({ node }) => node)?.node?.broker.control.image
  if (!image) return []
  return [...image.topics()].flatMap(topic =>
    topic.partitions.map((_, index) => {
      const list = sim.machines.flatMap(({ node }) => node?.broker.partitions.ofTopic(topic.topicId)[index] ?? [])
      return {
        topic,
        index,
        list: list.sort((a, b) => Number(b.leader !== undefined) - Number(a.leader !== undefined))
      }
    })
  )
}

/** What is not as it should be in peace: everybody is there, in sync, and has everything. Empty: all is well. */
export function unsettled(sim: SimCluster): string[] {
  const down = sim.machines.filter(({ isUp }) => !isUp).map(({ nodeId }) => `broker ${nodeId} is down`)
  if (down.length > 0) return down
  const revisions = new Set(sim.machines.map(({ node }) => node?.broker.control.image.revision))
  if (revisions.size > 1) return ['images differ']
  return allReplicas(sim).flatMap(({ topic, index, list }) => {
    const name = `${topic.name}-${index}`
    const image = topic.partitions[index]
    const [leader] = list
    if (list.length !== image.replicas.length)
      return [`${name} has ${list.length} replicas of ${image.replicas.length}`]
    if (!leader?.leader) return [`${name} has no leader: ${describeReplicas(list)}`]
    const isWhole =
      leader.leader.isr.length === list.length &&
      list.every(
        ({ log, highWatermark }) =>
          log.endOffset === leader.highWatermark &&
          // Consumers read from followers too.
          highWatermark === leader.highWatermark &&
          log.durableEndOffset === leader.highWatermark &&
          // It is higher where another leader had deleted more.
          log.startOffset >= leader.log.startOffset
      )
    return isWhole ? [] : [`${name}: ${describeReplicas(list)}`]
  })
}

function describeReplicas(list: readonly Partition[]): string {
  return list
    .map(({ leader, follower, highWatermark, leaderEpoch, log }) => {
      const role = leader ? `leads ${leader.isr}` : follower ? 'follows' : 'nothing'
      const ends = `start ${log.startOffset} hw ${highWatermark} durable ${log.durableEndOffset} end ${log.endOffset}`
      return `${role} in epoch ${leaderEpoch} ${ends} ${log.failure?.message ?? ''}`
    })
    .join('; ')
}

/** A replica's records. Where power was lost a log may have been compacted on one broker and not on another. */
export interface Content {
  readonly start: number
  readonly bytes: Buffer
  readonly values: readonly (readonly [offset: number, key: string, value: string | null])[]
}

export async function contentOf({ log }: Partition): Promise<Content> {
  const chunks: Buffer[] = []
  for (let offset = log.startOffset; offset < log.endOffset; ) {
    const read = await log.read(offset, { maxBytes: 1 << 20, atLeastOne: true, below: log.endOffset })
    for (const chunk of read.chunks) chunks.push(Buffer.from(chunk))
    read.release()
    if (read.nextOffset <= offset) break
    offset = read.nextOffset
  }
  const bytes = Buffer.concat(chunks)
  const values: [number, string, string | null][] = []
  for (let at = 0; at < bytes.length; at += header.batchBytes(bytes, at))
    for (const { offset, key, value } of iterateRecords(bytes, at))
      if (offset >= log.startOffset)
        values.push([offset, key?.toString('latin1') ?? '', value?.toString('latin1') ?? null])
  return { start: log.startOffset, bytes, values }
}

/** Replicas are the same, byte for byte; where each compacts by itself, in what is left of every key. */
export function compareReplicas({ topic, index }: Replicas, contents: readonly Content[], anomalies: Anomalies): void {
  const name = `${topic.name}-${index}`
  const isCompacted = topic.name === offsetsTopic || topic.configs['cleanup.policy'] === 'compact'
  for (const content of contents.slice(1)) {
    if (isCompacted ? sameState(content, contents[0]) : sameRecords(content, contents[0])) continue
    anomalies.add('diverged', `the replicas of ${name} differ: ${firstDifference(contents[0], content)}`)
    return
  }
}

/** By key, the last value that is not a tombstone. */
export function stateOf({ values }: Content): Map<string, string> {
  const state = new Map<string, string>()
  for (const [, key, value] of values)
    if (value === null) state.delete(key)
    else state.set(key, value)
  return state
}

function sameRecords(one: Content, other: Content): boolean {
  if (one.start === other.start) return one.bytes.equals(other.bytes)
  const from = Math.max(one.start, other.start)
  const left = ({ values }: Content) => JSON.stringify(values.filter(([offset]) => offset >= from))
  return left(one) === left(other)
}

function sameState(one: Content, other: Content): boolean {
  const [a, b] = [stateOf(one), stateOf(other)]
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}

function firstDifference(one: Content, other: Content): string {
  const [a, b] = [
    new Map(one.values.map(entry => [entry[0], entry])),
    new Map(other.values.map(entry => [entry[0], entry]))
  ]
  for (const offset of [...new Set([...a.keys(), ...b.keys()])].sort((x, y) => x - y)) {
    const [left, right] = [a.get(offset)?.[2], b.get(offset)?.[2]]
    if (left !== right) return `${left} and ${right} at ${offset}`
  }
  return 'in their batches'
}
