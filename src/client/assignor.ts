import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from '../wire/kafka/messages/consumer-protocol.ts'

/** Partitions by topic. */
export type Assignment = { topic: string; partitions: number[] }[]

/** What a member of a group asks for, as the bytes of JoinGroup. */
export function encodeSubscription(topics: readonly string[]): Buffer {
  return ConsumerProtocolSubscription.encodeVersioned({ topics, userData: null }, 0)
}

export function encodeAssignment(assignedPartitions: Assignment): Buffer {
  return ConsumerProtocolAssignment.encodeVersioned({ assignedPartitions, userData: null }, 0)
}

/** Takes any version: later ones only add at the end. An empty buffer is no partitions. */
export function decodeAssignment(bytes: Buffer): Assignment {
  return bytes.length === 0 ? [] : ConsumerProtocolAssignment.decode(bytes.subarray(2), 0).assignedPartitions
}

export function decodeSubscription(bytes: Buffer): string[] {
  return bytes.length === 0 ? [] : ConsumerProtocolSubscription.decode(bytes.subarray(2), 0).topics
}

/**
 * Java's RangeAssignor: each topic's partitions, in order, to its subscribers, sorted by member id (static members by
 * their instance id); the first ones get one more when it does not divide.
 */
export function assignRange(
  members: readonly {
    readonly memberId: string
    readonly instanceId: string | null
    readonly topics: readonly string[]
  }[],
  partitionsOf: (topic: string) => number
): Map<string, Assignment> {
  const plan = new Map<string, Assignment>(members.map(({ memberId }) => [memberId, []]))
  const sorted = [...members].sort((a, b) => compare(a.instanceId ?? a.memberId, b.instanceId ?? b.memberId))
  for (const topic of [...new Set(members.flatMap(({ topics }) => topics))].sort(compare)) {
    const subscribers = sorted.filter(({ topics }) => topics.includes(topic))
    const count = partitionsOf(topic)
    const each = Math.floor(count / subscribers.length)
    const more = count % subscribers.length
    let next = 0
    subscribers.forEach(({ memberId }, i) => {
      const partitions = Array.from({ length: each + (i < more ? 1 : 0) }, () => next++)
      if (partitions.length > 0) plan.get(memberId)!.push({ topic, partitions })
    })
  }
  return plan
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
