import { describe, it } from 'node:test'
import { crashRun } from '../crash-run.ts'
import {
  compactedIndexNotSynced,
  compactedNotSynced,
  manifestNotSynced,
  namesNotSynced,
  oldRemovedFirst
} from '../planted.ts'
import { caught, only, run } from '../seeds.ts'

describe('crashes at any operation leave a compacted log with the newest value of each key', () => {
  it('and nothing else', () => run(400_000, 250, seed => crashRun(seed, { compacts: true })))
  it('when writes and syncs fail too', () => run(500_000, 70, seed => crashRun(seed, { compacts: true, faults: 0.01 })))
  it('when the disk fills up too', () => run(600_000, 70, seed => crashRun(seed, { compacts: true, fills: true })))
})

describe('crash runs find planted bugs', { skip: only === undefined ? false : 'one seed is replayed' }, () => {
  it('compacted segments that are not synced', () => caught(300, { plant: compactedNotSynced, compacts: true }))
  it('their indexes, that are not synced', () => caught(300, { plant: compactedIndexNotSynced, compacts: true }))
  it('a manifest that is not synced', () => caught(300, { plant: manifestNotSynced, compacts: true }))
  it('old segments that go before new ones count', () => caught(300, { plant: oldRemovedFirst, compacts: true }))
  it('names that are not durable', () => caught(300, { plant: namesNotSynced, compacts: true }))
})
