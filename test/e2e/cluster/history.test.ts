import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { anomaliesOf, History, type Log, longestSilenceMs } from './history.ts'

/** What one producer and the group saw of four records, and the log that holds them; each case spoils some of it. */
function world(idempotent = true) {
  const history = new History()
  const producer = history.producer('p', 'test', 0, idempotent)
  const log = new Map<number, string>()
  for (let offset = 0; offset < 4; offset++) {
    log.set(offset, `p:${offset}`)
    producer.acknowledged.push({ value: `p:${offset}`, partition: 0, offset, atMs: offset })
  }
  history.reads(0, [...log], undefined, 5)
  const kinds = () =>
    [...new Set(anomaliesOf(history, new Map<number, Log>([[0, log]])).map(({ kind }) => kind))].toSorted()
  return { history, producer, log, kinds }
}

describe('the checker of histories', () => {
  it('finds nothing where all is well', () => {
    assert.deepEqual(world().kinds(), [])
  })

  it('finds an acknowledged record that is gone', () => {
    const { log, kinds } = world()
    log.delete(3)
    assert.deepEqual(kinds(), ['inconsistent', 'lost'])
  })

  it('finds a record that is not where it was said to be', () => {
    const { log, kinds } = world()
    log.set(3, 'other')
    log.set(4, 'p:3')
    assert.deepEqual(kinds(), ['inconsistent', 'moved'])
  })

  it('finds records in another order than they were sent', () => {
    const { history, kinds } = world()
    history.producers[0].acknowledged.reverse()
    assert.deepEqual(kinds(), ['reordered'])
  })

  it('finds what an idempotent producer has twice, and allows it to others', () => {
    for (const [idempotent, found] of [
      [true, ['duplicate']],
      [false, []]
    ] as const) {
      const { log, kinds } = world(idempotent)
      log.set(4, 'p:2')
      assert.deepEqual(kinds(), found)
    }
  })

  it('finds what was read otherwise, passed over or read backwards', () => {
    const other = world()
    other.history.reads(0, [[2, 'else']], undefined, 9)
    assert.deepEqual(other.kinds(), ['inconsistent'])
    const passed = world()
    passed.history.read.get(0)!.delete(1)
    assert.deepEqual(passed.kinds(), ['skipped'])
    const backwards = world()
    backwards.history.reads(0, [[1, 'p:1']], 3, 9)
    assert.deepEqual(backwards.kinds(), ['nonmonotonic'])
  })

  it('finds a committed offset that went back', () => {
    const { history, kinds } = world()
    history.committed(0, 3)
    history.fetchedCommit(0, 3, history.committedFloor(0))
    assert.deepEqual(kinds(), [])
    history.fetchedCommit(0, 2, history.committedFloor(0))
    assert.deepEqual(kinds(), ['commit'])
  })
})

describe('the longest silence', () => {
  it('is between two acknowledgements that touch the span, or to its end', () => {
    assert.equal(longestSilenceMs([0, 10, 50, 60, 100], 20, 70), 40)
    assert.equal(longestSilenceMs([0, 10], 20, 70), 60)
    assert.equal(longestSilenceMs([], 20, 70), 50)
    assert.equal(longestSilenceMs([0, 90], 20, 70), 90)
  })
})
