import { checkAssignment, checkCordons } from '../control/placement.ts'
import type { MetadataImage } from '../control/types.ts'

/**
 * Checks replicas that a client has chosen for a partition, as many as `replicationFactor` if that is given. `has`: those that it has,
 * which may stay where they are. Brokers that are away may be chosen, cordoned ones not. Throws INVALID_REPLICA_ASSIGNMENT.
 */
export function checkChosen(
  image: MetadataImage,
  replicas: readonly number[],
  { has = [], replicationFactor }: { has?: readonly number[]; replicationFactor?: number }
): void {
  const known = [...image.brokers(), ...image.absentees()]
  const ids = known.map(({ nodeId }) => nodeId)
  checkAssignment(
    replicas,
    [...has, ...ids].toSorted((a, b) => a - b),
    replicationFactor
  )
  const cordoned = known.filter(broker => broker.cordoned).map(({ nodeId }) => nodeId)
  checkCordons(
    replicas.filter(nodeId => !has.includes(nodeId)),
    cordoned
  )
}
