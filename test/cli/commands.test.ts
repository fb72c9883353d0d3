import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '../../src/run/system.ts'
import { ended, naru, startNaru } from './support.ts'
import { cliWorld } from './world.ts'

const { broker, run, fresh } = cliWorld()
const folder = mkdtempSync(join(tmpdir(), 'naru-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('lines go in and come out, with keys, headers and a codec', async () => {
  const topic = await fresh()
  await run(['produce', topic, '-K', ':', '-H', 'from=test', '--codec', 'zstd'], 'k1:one\nk2:two:2\nno key\n')
  assert.equal(await run(['consume', topic, '-f', 'beginning', '--exit']), 'one\ntwo:2\nno key\n')
  assert.equal(await run(['consume', topic, '-f', 'beginning', '-e', '-K', '=', '-D', ';']), 'k1=one;k2=two:2;=no key;')
  const lines = (await run(['consume', topic, '-f', 'beginning', '-e', '--json'])).trim().split('\n')
  const records = lines.map(line => JSON.parse(line))
  assert.deepEqual(
    records.map(({ key, value, offset, headers }) => ({ key, value, offset, headers })),
    [
      { key: 'k1', value: 'one', offset: 0, headers: [{ key: 'from', value: 'test' }] },
      { key: 'k2', value: 'two:2', offset: 1, headers: [{ key: 'from', value: 'test' }] },
      { key: null, value: 'no key', offset: 2, headers: [{ key: 'from', value: 'test' }] }
    ]
  )
  for (const record of records) {
    assert.equal(record.topic, topic)
    assert.equal(record.partition, 0)
    assert.ok(record.timestamp > 1_700_000_000_000)
    assert.ok(record.size > 10)
    assert.match(record.checksum, /^[0-9a-f]{8}$/)
  }
  const copy = await fresh()
  await run(['produce', copy, '--from-json'], `${lines.join('\n')}\n`)
  const copied = (await run(['consume', copy, '-f', 'beginning', '-e', '--json'])).trim().split('\n')
  assert.deepEqual(
    copied.map(line => ({ ...JSON.parse(line), topic, checksum: '', size: 0 })),
    records.map(record => ({ ...record, checksum: '', size: 0 }))
  )
})

test('files, whole and in paragraphs, byte for byte', async () => {
  const topic = await fresh()
  const binary = randomBytes(100_000)
  const file = join(folder, 'binary')
  writeFileSync(file, binary)
  await run(['produce', topic, file, '--whole-files', '--codec', 'lz4'])
  const out = await naru(['consume', topic, '-f', 'beginning', '-n', '1', '-D', ''], broker().bootstrap)
  assert.ok(out.stdout.equals(binary))
  const paragraphs = join(folder, 'paragraphs')
  writeFileSync(paragraphs, 'a: 1\nb: 2\n\na: 3\n\n')
  const landed = (await run(['produce', topic, paragraphs, '-D', '\\n\\n', '--json'])).trim().split('\n')
  assert.deepEqual(
    landed.map(line => JSON.parse(line).offset),
    [1, 2]
  )
  assert.equal(await run(['consume', topic, '-f', '1', '-e', '-D', '|']), 'a: 1\nb: 2|a: 3|')
})

test('many lines keep their order; a reader that goes away is no error', async () => {
  const topic = await fresh()
  const lines = Array.from({ length: 30_000 }, (_, i) => `line ${i}`)
  const input = `${lines.join('\n')}\n`
  await run(['produce', topic, '--codec', 'snappy'], input)
  assert.equal(await run(['consume', topic, '-f', 'beginning', '-e']), input)
  assert.equal(await run(['consume', topic, '-f', '-2', '-e']), 'line 29998\nline 29999\n')
  const child = startNaru(['consume', topic, '-f', 'beginning'], broker().bootstrap)
  const closed = new Promise<[number | null, NodeJS.Signals | null]>(resolve =>
    child.once('exit', (code, signal) => resolve([code, signal]))
  )
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', chunk => (stderr += chunk))
  await new Promise(resolve => child.stdout!.once('data', resolve))
  child.stdout!.destroy()
  assert.deepEqual(await closed, [0, null])
  assert.equal(stderr, '')
})

test('from a time, and from one partition', async () => {
  const topic = await fresh(2)
  const at = systemClock.now() - 3_600_000
  const lines = [0, 1, 2, 3].map(i => JSON.stringify({ value: `v${i}`, partition: i % 2, timestamp: at + i * 1000 }))
  await run(['produce', topic, '--from-json'], lines.join('\n'))
  assert.equal(await run(['consume', topic, '-p', '1', '-f', 'beginning', '-e']), 'v1\nv3\n')
  assert.equal(await run(['consume', topic, '-p', '0', '-f', `@${at + 1}`, '-e']), 'v2\n')
  const iso = new Date(at + 2500).toISOString()
  assert.equal(await run(['consume', topic, '-f', iso, '-e']), 'v3\n')
})

test('a group goes on where it stopped, exactly after what was printed', async () => {
  const topic = await fresh(1)
  const group = `g-${randomBytes(6).toString('hex')}`
  await run(['produce', topic], '1\n2\n3\n4\n5\n')
  assert.equal(await run(['consume', topic, '-g', group, '-n', '2']), '1\n2\n')
  assert.match(await run(['group', 'describe', group]), new RegExp(`${topic} +0 +2 +5 +3 `))
  assert.equal(await run(['consume', topic, '-g', group, '-e']), '3\n4\n5\n')
  assert.equal(await run(['consume', topic, '-g', group, '-e']), '')
  assert.match(await run(['group', 'list']), new RegExp(`^${group} `, 'm'))
  assert.match(await run(['group', 'delete', group]), /is deleted/)
})

test('SIGINT ends a consumer in order', async () => {
  const topic = await fresh(1)
  await run(['produce', topic], 'x\n')
  const group = `g-${randomBytes(6).toString('hex')}`
  const child = startNaru(['consume', topic, '-g', group], broker().bootstrap)
  const done = ended(child)
  await new Promise(resolve => child.stdout!.once('data', resolve))
  child.kill('SIGINT')
  const { code, stderr } = await done
  assert.equal(code, 0, stderr)
  assert.equal(await run(['consume', topic, '-g', group, '-e']), '')
})

test('refused records end with an error that says why', async () => {
  const topic = await fresh(1)
  const big = await naru(
    ['produce', topic, '--batch-bytes', '3000000'],
    broker().bootstrap,
    `${'x'.repeat(2_000_000)}\n`
  )
  assert.equal(big.code, 1)
  assert.match(big.stderr, /MESSAGE_TOO_LARGE/)
  assert.match(big.stderr, /0 of 1 records delivered/)
  const nowhere = await naru(['produce', topic, '-p', '9'], broker().bootstrap, 'x\n')
  assert.equal(nowhere.code, 1)
  assert.match(nowhere.stderr, /there is no partition 9/)
})
