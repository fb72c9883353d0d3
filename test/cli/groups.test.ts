import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commitOffsets } from '../../src/client/admin-offsets.ts'
import { systemClock } from '../../src/run/system.ts'
import { ended, startNaru } from './support.ts'
import { cliWorld, jsonLines } from './world.ts'

const { broker, cluster, run, fails, fresh, name } = cliWorld()
const folder = mkdtempSync(join(tmpdir(), 'naru-groups-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const hourMs = 3_600_000
const startedMs = systemClock.now()

/** A topic of two partitions with ten records each, a minute apart and the last one now, and a group at offset 4 of both. */
async function groupAt4(): Promise<{ topic: string; group: string }> {
  const topic = await fresh(2)
  const group = name('g')
  const lines = Array.from({ length: 20 }, (_, i) =>
    JSON.stringify({ value: `v${i >> 1}`, partition: i % 2, timestamp: startedMs - (9 - (i >> 1)) * 60_000 })
  )
  await run(['produce', topic, '--from-json'], lines.join('\n'))
  const offsets = [0, 1].map(partition => ({ topic, partition, offset: 4 }))
  await cluster().retrying(() => commitOffsets(cluster(), group, offsets))
  return { topic, group }
}

async function committed(group: string): Promise<unknown[]> {
  const [{ offsets }] = jsonLines(await run(['group', 'describe', group, '--json']))
  return (offsets as { partition: number; offset: number }[]).map(({ partition, offset }) => [partition, offset])
}

test('list, describe and delete, for people and for programs', async () => {
  const { topic, group } = await groupAt4()
  assert.match(await run(['group', 'list']), new RegExp(`^${group} +Empty +classic +-$`, 'm'))
  assert.match(await run(['group', 'list', '--state', 'stable']), /There are no such groups/)
  const listed = jsonLines(await run(['group', 'list', '--state', 'Empty', '--json']))
  assert.ok(listed.some(row => row.groupId === group && row.state === 'Empty'))
  const [described] = jsonLines(await run(['group', 'describe', group, '--json']))
  assert.equal(described.coordinator, broker().bootstrap)
  assert.deepEqual(described.members, [])
  assert.deepEqual(described.offsets, [
    { topic, partition: 0, offset: 4, end: 10, lag: 6, member: null },
    { topic, partition: 1, offset: 4, end: 10, lag: 6, member: null }
  ])
  const text = await run(['group', 'describe', group])
  assert.match(text, /Empty, 0 members, lag 12\./)
  assert.match(text, new RegExp(`^${topic} +0 +4 +10 +6 +-$`, 'm'))
  assert.match(await run(['group', 'delete-offsets', group, '-t', `${topic}:0`]), /Deleted 1 offset/)
  assert.deepEqual(await committed(group), [[1, 4]])
  const said = await fails(['group', 'delete', group, 'nobody'])
  assert.match(said, /Group nobody: .*GROUP_ID_NOT_FOUND/)
  assert.match(await fails(['group', 'describe', group]), /naru group list/)
})

test('every way to say where to: planned first, done with --execute', async () => {
  const { topic, group } = await groupAt4()
  const planned = async (...to: string[]) =>
    jsonLines(await run(['group', 'reset-offsets', group, '--json', ...to])).map(({ partition, to }) => [partition, to])
  const all = ['--topic', topic]
  const minutesAgo = (minutes: number) => new Date(startedMs - minutes * 60_000).toISOString()
  assert.deepEqual(await planned(...all, '--to-earliest'), [
    [0, 0],
    [1, 0]
  ])
  assert.deepEqual(await planned('--all-topics', '--to-latest'), [
    [0, 10],
    [1, 10]
  ])
  assert.deepEqual(await planned('-t', `${topic}:1`, '--to-offset', '7'), [[1, 7]])
  assert.deepEqual(await planned(...all, '--to-offset', '70'), [
    [0, 10],
    [1, 10]
  ])
  assert.deepEqual(await planned(...all, '--shift-by', '-3'), [
    [0, 1],
    [1, 1]
  ])
  assert.deepEqual(await planned(...all, '--to-current'), [
    [0, 4],
    [1, 4]
  ])
  assert.deepEqual(await planned(...all, '--to-datetime', minutesAgo(2.5)), [
    [0, 7],
    [1, 7]
  ])
  assert.deepEqual(await planned(...all, '--to-datetime', `@${startedMs + hourMs}`), [
    [0, 10],
    [1, 10]
  ])
  assert.deepEqual(await planned(...all, '--by-duration', 'P2D'), [
    [0, 0],
    [1, 0]
  ])
  assert.deepEqual(await committed(group), [
    [0, 4],
    [1, 4]
  ])
  const text = await run(['group', 'reset-offsets', group, ...all, '--shift-by', '2'])
  assert.match(text, new RegExp(`^${group} +${topic} +0 +4 +6$`, 'm'))
  assert.match(text, /Nothing was changed: --execute does it/)
  assert.match(await run(['group', 'reset-offsets', group, ...all, '--shift-by', '2', '--execute']), /2 offsets moved/)
  assert.deepEqual(await committed(group), [
    [0, 6],
    [1, 6]
  ])
})

test('offsets are saved as CSV and brought back, for one group and for several', async () => {
  const { topic, group } = await groupAt4()
  const saved = await run(['group', 'reset-offsets', group, '--all-topics', '--to-current', '--csv'])
  assert.equal(saved, `${group},${topic},0,4\n${group},${topic},1,4\n`)
  await run(['group', 'reset-offsets', group, '--all-topics', '--to-latest', '--execute'])
  assert.deepEqual(await committed(group), [
    [0, 10],
    [1, 10]
  ])
  const file = join(folder, 'saved.csv')
  writeFileSync(file, saved)
  await run(['group', 'reset-offsets', '--from-file', file, '--execute'])
  assert.deepEqual(await committed(group), [
    [0, 4],
    [1, 4]
  ])
  const other = name('new')
  await run(['group', 'reset-offsets', other, '--from-file', '-', '--execute'], `"${topic}",1,3\n`)
  assert.deepEqual(await committed(other), [[1, 3]])
  assert.match(await fails(['group', 'reset-offsets', other, '--from-file', '-'], 2, 'a,b,c\n'), /Line 1/)
})

test('a group with members is not moved, and is shown with them', async () => {
  const { topic, group } = await groupAt4()
  const consumer = startNaru(['consume', topic, '-g', group], broker().bootstrap)
  const done = ended(consumer)
  await once(consumer.stdout!, 'data')
  const said = await fails(['group', 'reset-offsets', group, '-t', topic, '--to-latest', '--execute'])
  assert.match(said, /is Stable with 1 member/)
  assert.match(said, /Stop them first/)
  const members = await run(['group', 'describe', group, '--members', '--state'])
  assert.match(members, new RegExp(`naru-cli +2 +${topic}:0,1$`, 'm'))
  assert.match(members, /consumer +range +Stable +1$/m)
  assert.match(await fails(['group', 'delete', group]), /Stop its members first/)
  assert.match(await fails(['group', 'delete-offsets', group, '-t', topic]), /Its members read this topic/)
  consumer.kill('SIGINT')
  await done
  await run(['group', 'reset-offsets', group, '-t', topic, '--to-earliest', '--execute'])
  assert.deepEqual(await committed(group), [
    [0, 0],
    [1, 0]
  ])
})

test('what makes no sense is refused before anything is asked', async () => {
  for (const [args, message] of [
    [['g'], /Say where to, once/],
    [['g', '--to-latest', '--to-earliest'], /Say where to, once/],
    [['g', '--to-latest'], /Of which topics/],
    [['--to-latest', '--all-topics'], /Which group/],
    [['g', '--to-datetime', 'yesteryear', '-t', 't'], /is no time/],
    [['g', '--by-duration', '3 days', '-t', 't'], /is no duration/],
    [['g', '--by-duration', 'PT', '-t', 't'], /is no duration/],
    [['g', '--to-offset', '-1', '-t', 't'], /at least 0/]
  ] as const)
    assert.match(await fails(['group', 'reset-offsets', ...args], 2), message)
  const topic = await fresh()
  assert.match(await fails(['group', 'reset-offsets', 'g', '-t', topic, '--shift-by', '1']), /no committed offset/)
  assert.match(await fails(['group', 'reset-offsets', 'g', '-t', `${topic}:1`, '--to-latest'], 2), /no partition 1/)
  assert.match(await fails(['group', 'reset-offsets', 'g', '-t', 'nowhere', '--to-latest']), /naru topic list/)
})
