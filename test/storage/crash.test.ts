import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crashRun, type RunOptions } from './crash-run.ts'
import { flipRun } from './flip-run.ts'
import {
  compactedIndexNotSynced,
  compactedNotSynced,
  manifestNotSynced,
  markerDeletedLate,
  namesNotSynced,
  noJournalSync,
  oldRemovedFirst,
  recoveryPointEarly,
  syncRetried
} from './planted.ts'

/** Replay one with `SEED=n node --import tsx --test test/storage/crash.test.ts`. */
const only = process.env['SEED'] === undefined ? undefined : Number(process.env['SEED'])
/** More of them: `SEEDS=20000`. */
const factor = Number(process.env['SEEDS'] ?? 2000) / 2000

async function run(first: number, count: number, one: (seed: number) => Promise<unknown>): Promise<void> {
  const seeds = only === undefined ? Array.from({ length: Math.ceil(count * factor) }, (_, at) => first + at) : [only]
  for (const seed of seeds)
    await one(seed).catch(error => {
      const hint = `seed ${seed} (replay with SEED=${seed}): ${error.message}`
      throw new Error(hint, { cause: error })
    })
}

/** How many seeds it takes until the planted bug is found; fails when none of them does. */
async function caught(seeds: number, options: RunOptions): Promise<void> {
  for (let seed = 0; seed < seeds; seed++)
    try {
      await crashRun(seed, options)
    } catch {
      return
    }
  assert.fail(`a planted bug survived ${seeds} crash runs`)
}

describe('crashes at any operation', () => {
  it('lose nothing that was acknowledged', () => run(0, 1100, seed => crashRun(seed)))
  it('lose nothing when writes and syncs fail too', () => run(100_000, 300, seed => crashRun(seed, { faults: 0.01 })))
  it('lose nothing when the disk fills up too', () => run(200_000, 200, seed => crashRun(seed, { fills: true })))
  it('leave a compacted log with the newest value of each key', async () => {
    await run(400_000, 300, seed => crashRun(seed, { compacts: true }))
    await run(500_000, 100, seed => crashRun(seed, { compacts: true, faults: 0.01 }))
    await run(600_000, 100, seed => crashRun(seed, { compacts: true, fills: true }))
  })
})

describe('flipped bits', () => {
  it('are reported, never served and never cut off without a word', () => run(300_000, 400, flipRun))
})

describe('crash runs find planted bugs', { skip: only === undefined ? false : 'one seed is replayed' }, () => {
  it('a journal that is not synced', () => caught(100, { plant: noJournalSync }))
  it('a clean-shutdown marker that is deleted late', () => caught(200, { plant: markerDeletedLate }))
  it('a recovery point that is written early', () => caught(200, { plant: recoveryPointEarly }))
  it('compacted segments that are not synced', () => caught(300, { plant: compactedNotSynced, compacts: true }))
  it('indexes of compacted segments that are not synced', () =>
    caught(300, { plant: compactedIndexNotSynced, compacts: true }))
  it('a manifest that is not synced', () => caught(300, { plant: manifestNotSynced, compacts: true }))
  it('old segments that are removed before new ones count', () =>
    caught(300, { plant: oldRemovedFirst, compacts: true }))
  it('names of compacted segments that are not durable', () => caught(300, { plant: namesNotSynced, compacts: true }))
  it('a failed sync that is tried again', () => caught(500, { plant: syncRetried, faults: 0.02 }))
})
