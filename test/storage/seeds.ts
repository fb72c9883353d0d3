import assert from 'node:assert/strict'
import { crashRun, type RunOptions } from './crash-run.ts'

/** Replay one with `SEED=n node --import tsx --test test/storage/crash.test.ts`. */
export const only = process.env['SEED'] === undefined ? undefined : Number(process.env['SEED'])
/** More of them: `SEEDS=20000`. */
const factor = Number(process.env['SEEDS'] ?? 2000) / 2000

/** Runs seeds from `first` on: a share of `count`. */
export async function run(first: number, count: number, one: (seed: number) => Promise<unknown>): Promise<void> {
  const seeds = only === undefined ? Array.from({ length: Math.ceil(count * factor) }, (_, at) => first + at) : [only]
  for (const seed of seeds)
    await one(seed).catch(error => {
      const hint = `seed ${seed} (replay with SEED=${seed}): ${error.message}`
      throw new Error(hint, { cause: error })
    })
}

/** How many seeds it takes until the planted bug is found; fails when none of them does. */
export async function caught(seeds: number, options: RunOptions): Promise<void> {
  for (let seed = 0; seed < seeds; seed++)
    try {
      await crashRun(seed, options)
    } catch {
      return
    }
  assert.fail(`a planted bug survived ${seeds} crash runs`)
}
