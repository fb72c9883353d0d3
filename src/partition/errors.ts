import { messageOf, NaruError } from '../std/errors.ts'
import type { LeaderRole } from './leader.ts'

/** A partition, for messages. */
interface Named {
  readonly topic: string
  readonly index: number
}

interface Configured {
  readonly config: { readonly minInsyncReplicas: number }
}

/** What everybody who asks for a partition is told while its log can't be used. */
export function storageError({ topic, index }: Named, cause: unknown): NaruError {
  return new NaruError('KAFKA_STORAGE_ERROR', `The log of ${topic}-${index} is offline: ${messageOf(cause)}`, { cause })
}

export function notLeader({ topic, index }: Named): NaruError {
  return new NaruError('NOT_LEADER_OR_FOLLOWER', `This broker does not lead ${topic}-${index}.`)
}

/** An acks=all write can't be had: too few replicas are in sync. */
export function notEnoughReplicas(partition: Named & Configured, leader: LeaderRole): NaruError {
  return new NaruError('NOT_ENOUGH_REPLICAS', tooFew(partition, leader))
}

/** The same, when it is in the log already, and may stay there or not. */
export function notEnoughAfterAppend(partition: Named & Configured, leader: LeaderRole): NaruError {
  return new NaruError('NOT_ENOUGH_REPLICAS_AFTER_APPEND', tooFew(partition, leader))
}

function tooFew({ topic, index, config }: Named & Configured, { isr }: LeaderRole): string {
  return `${topic}-${index} has ${isr.length} in-sync replica(s); min.insync.replicas is ${config.minInsyncReplicas}.`
}
