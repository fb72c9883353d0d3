import { NaruError } from '../std/errors.ts'

/** The most partitions that one request may make, as in Kafka. */
export const partitionsPerRequestMax = 10_000

/**
 * Replicas for `count` partitions, the leader first: leaders go round the brokers from the `first` one on, followers to
 * those after them. Throws INVALID_REPLICATION_FACTOR when there are fewer brokers than replicas.
 */
export function placeReplicas(
  brokers: readonly number[],
  first: number,
  count: number,
  replicationFactor: number
): number[][] {
  if (replicationFactor > brokers.length)
    throw new NaruError(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${replicationFactor} time(s): The target replication factor of ` +
        `${replicationFactor} cannot be reached because only ${brokers.length} broker(s) are registered.`
    )
  return Array.from({ length: count }, (_, partition) =>
    Array.from({ length: replicationFactor }, (_, replica) => brokers[(first + partition + replica) % brokers.length])
  )
}

/** Checks replicas that a client chose for one partition. Throws INVALID_REPLICA_ASSIGNMENT in Kafka's words. */
export function checkAssignment(
  replicas: readonly number[],
  brokers: readonly number[],
  replicationFactor: number | undefined
): void {
  const refuse = (why: string): never => {
    throw new NaruError('INVALID_REPLICA_ASSIGNMENT', `The manual partition assignment includes ${why}`)
  }
  if (replicas.length === 0) refuse('an empty replica list.')
  const sorted = replicas.toSorted((a, b) => a - b)
  for (const [at, replica] of sorted.entries()) {
    if (!brokers.includes(replica)) refuse(`broker ${replica}, but no such broker is registered.`)
    if (replica === sorted[at - 1]) refuse(`the broker ${replica} more than once.`)
  }
  if (replicationFactor !== undefined && replicas.length !== replicationFactor)
    refuse(
      `a partition with ${replicas.length} replica(s), but this is not consistent with previous partitions, ` +
        `which have ${replicationFactor} replica(s).`
    )
}
