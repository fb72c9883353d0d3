import { describe, it } from 'node:test'
import { crashRun } from './crash-run.ts'
import { flipRun } from './flip-run.ts'
import { markerDeletedLate, noJournalSync, recoveryPointEarly, syncRetried } from './planted.ts'
import { caught, only, run } from './seeds.ts'

describe('crashes at any operation', () => {
  it('lose nothing that was acknowledged', () => run(0, 1100, seed => crashRun(seed)))
  it('lose nothing when writes and syncs fail too', () => run(100_000, 300, seed => crashRun(seed, { faults: 0.01 })))
  it('lose nothing when the disk fills up too', () => run(200_000, 200, seed => crashRun(seed, { fills: true })))
})

describe('flipped bits', () => {
  it('are reported, never served and never cut off without a word', () => run(300_000, 400, flipRun))
})

describe('crash runs find planted bugs', { skip: only === undefined ? false : 'one seed is replayed' }, () => {
  it('a journal that is not synced', () => caught(100, { plant: noJournalSync }))
  it('a clean-shutdown marker that is deleted late', () => caught(200, { plant: markerDeletedLate }))
  it('a recovery point that is written early', () => caught(200, { plant: recoveryPointEarly }))
  it('a failed sync that is tried again', () => caught(500, { plant: syncRetried, faults: 0.02 }))
})
