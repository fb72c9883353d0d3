/** A broken invariant: a bug in Naru, never bad input. It takes down the smallest thing that contains it. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(`invariant broken: ${message}`)
    this.name = 'InvariantError'
  }
}

/** Throws an InvariantError unless `condition` holds. Used in production too (pair assertions, DESIGN habits). */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}
