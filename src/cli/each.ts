import { Failed, failureOf } from './failure.ts'

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
