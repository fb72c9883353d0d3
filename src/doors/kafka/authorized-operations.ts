/**
 * What clients may do, as bits by Kafka's numbers of its access-control operations (KIP-430): everything that there is
 * for the kind of resource, as in Kafka where no authorizer is configured. Named when a client asks for it.
 */
export const authorizedOperations = {
  /** Read, write, create, delete, alter, describe, and describe and alter configs. */
  topic: bits(3, 4, 5, 6, 7, 8, 10, 11),
  /** Read, delete, describe, and describe and alter configs. */
  group: bits(3, 6, 8, 10, 11),
  /** Create, alter, describe, cluster actions, describe and alter configs, idempotent writes. */
  cluster: bits(5, 7, 8, 9, 10, 11, 12)
} as const

/** Stands for operations that were not asked for. */
const notAsked = -2147483648

/** The operations allowed on a kind of resource, where the client asked for them. */
export function operationsFor(kind: keyof typeof authorizedOperations, asked: boolean): number {
  return asked ? authorizedOperations[kind] : notAsked
}

function bits(...numbers: number[]): number {
  return numbers.reduce((all, number) => all | (1 << number), 0)
}
