import type { Broker } from '../client/cluster.ts'
import { exitCodes, Failed, failureOf } from './failure.ts'

/**
 * Does the same to each of several things: one that fails doesn't keep the others from it. Rejects with the error where
 * there is only one thing, else with Failed, after each error was said.
 */
export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let failed = 0
  for (const item of items) {
    try {
      await work(item)
    } catch (error) {
      if (items.length === 1) throw error
      failed++
      const { message, hint } = failureOf(error)
      process.stderr.write(`naru: ${message}\n${hint ? `${hint}\n` : ''}`)
    }
  }
  if (failed > 0) throw new Failed(`${failed} of ${items.length} failed.`)
}

/** Says that a broker could not be asked: what it knows is missing from what is printed. The command ends as failed. */
export function sayMissing({ id }: Pick<Broker, 'id'>, error: Error): void {
  process.stderr.write(`naru: Broker ${id} could not be asked, and what it knows is missing: ${error.message}\n`)
  process.exitCode = exitCodes.failed
}
