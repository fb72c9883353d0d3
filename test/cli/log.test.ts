import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startBroker } from '../../src/index.ts'
import { naru } from './support.ts'
import { jsonLines } from './world.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'naru-log-'))
const logsDir = join(dataDir, 'logs')
let logFolder = ''
let live: { verify: string; refused: string; dumped: string }

/** What a command prints that must end with `code`. */
async function run(args: readonly string[], code = 0): Promise<string> {
  const ran = await naru([...args, '--data-dir', dataDir])
  assert.equal(ran.code, code, `naru ${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
  return ran.stdout.toString() + ran.stderr
}

before(async () => {
  const broker = await startBroker({ dataDir, config: { 'group.initial.rebalance.delay.ms': 0 } })
  const client = async (args: readonly string[], input = '') => {
    const ran = await naru(args, broker.bootstrap, input)
    assert.equal(ran.code, 0, ran.stderr)
  }
  await client(['topic', 'create', 'orders', '-p', '2', '-c', 'segment.bytes=1048576'])
  const lines = Array.from({ length: 100 }, (_, i) => `k${i}:v${i}\n`).join('')
  await client(['produce', 'orders', '-p', '0', '-K', ':', '-H', 'from=test', '--codec', 'zstd'], lines)
  await client(['produce', 'orders', '-p', '0'], 'last\n')
  await client(['produce', 'orders', '-p', '1', '--batch-bytes', '5000'], `${'x'.repeat(900)}\n`.repeat(1300))
  live = {
    verify: await run(['log', 'verify', '--live']),
    refused: await run(['log', 'verify'], 2),
    dumped: await run(['log', 'dump'])
  }
  await broker.close()
  const hasFiles = (name: string) => readdirSync(join(logsDir, name)).length > 0
  logFolder = join(logsDir, readdirSync(logsDir).find(name => name.endsWith('-0') && hasFiles(name))!)
})
after(() => rmSync(dataDir, { recursive: true, force: true }))

test('while a broker runs it is said, refused where it would mislead, and possible with care', () => {
  assert.match(live.refused, new RegExp(`A broker \\(process ${process.pid}\\) has this folder.*--live`))
  assert.match(live.verify, /\(in use\): nothing is damaged\./)
  assert.match(live.dumped, new RegExp(`A broker \\(process ${process.pid}\\) has this folder: .*may look torn`))
})

test('dump of the folder says what is where', async () => {
  const text = await run(['log', 'dump'])
  assert.match(text, /format \d+, stopped cleanly; checkpoint \d+/)
  assert.match(text, /^journal\/sync-1 .* rounds? \(0 to \d+\), 0 needed by a start$/m)
  assert.match(text, /^orders-0 +offsets 0 to 101 {2}1 segment /m)
  const objects = jsonLines(await run(['log', 'dump', '--json']))
  const orders = objects.find(({ kind, title }) => kind === 'log' && title === 'orders-0')!
  assert.deepEqual(Object.keys(orders), ['kind', 'log', 'title', 'start', 'end', 'segments', 'bytes', 'damaged'])
})

test('dump of a partition shows batches and, when asked, records', async () => {
  const batches = jsonLines(await run(['log', 'dump', 'orders-0', '--json'])).filter(({ kind }) => kind === 'batch')
  assert.deepEqual(
    batches.map(({ position, baseOffset, lastOffset, records, codec }) => [
      typeof position,
      baseOffset,
      lastOffset,
      records,
      codec
    ]),
    [
      ['number', 0, 99, 100, 'zstd'],
      ['number', 100, 100, 1, 'none']
    ]
  )
  const text = await run(['log', 'dump', 'orders-0', '--records', '--from', '98', '--to', '99'])
  assert.match(text, /offsets 0 to 99 {2}100 records {2}epoch \d+ .* zstd .* producer \d+\/0 from 0$/m)
  const records = text.split('\n').filter(line => line.startsWith('  offset'))
  assert.equal(records.length, 2)
  assert.match(records[1], /offset 99 .* key "k99" {2}value "v99" {2}headers from="test"$/)
  const [segment] = readdirSync(logFolder).filter(name => name.endsWith('.log'))
  const alone = jsonLines(await run(['log', 'dump', join(logFolder, segment), '--records', '--json']))
  const last = alone.filter(({ kind }) => kind === 'record').at(-1)!
  assert.deepEqual(
    { ...last, timestamp: 0 },
    {
      kind: 'record',
      offset: 100,
      timestamp: 0,
      key: null,
      value: 'last',
      headers: [],
      size: 11
    }
  )
})

test('dump of the other files', async () => {
  const file = (...names: string[]) => join(dataDir, ...names)
  const rounds = jsonLines(await run(['log', 'dump', file('journal', 'sync-1'), '--json']))
  const data = rounds.flatMap(({ entries }) => (entries ?? []) as { kind: string; title: string; end: number }[])
  assert.ok(data.some(({ kind, title, end }) => kind === 'data' && title === 'orders-0' && end === 101))
  assert.match(await run(['log', 'dump', file('checkpoint')]), /^orders-0 {2}\{"start":0,"end":101,/m)
  const metastore = readdirSync(file('metastore')).find(name => name.startsWith('log-'))!
  assert.match(await run(['log', 'dump', file('metastore', metastore)]), /^byte 0 {2}sequence 0 .*cluster\/id/m)
  const index = readdirSync(logsDir, { recursive: true }).find(name => String(name).endsWith('.index'))!
  const entries = jsonLines(await run(['log', 'dump', join(logsDir, String(index)), '--json']))
  assert.ok(entries.length > 2 && entries.every(({ kind, position }) => kind === 'entry' && position > 4000))
  assert.match(await run(['log', 'dump', 'orders-9'], 0), /It has no segments/)
  assert.match(await run(['log', 'dump', 'nothing-0'], 2), /There is no topic nothing/)
  assert.match(await run(['log', 'dump', tmpdir()], 2), /neither a data folder nor a file of one/)
})

test('verify: well, then damaged; with file, byte and exit code', async () => {
  assert.match(
    await run(['log', 'verify']),
    /^3 segments of \d+ logs, \d+ batches.*\(stopped cleanly\): nothing is damaged\./
  )
  assert.match(await run(['log', 'verify', 'orders-0']), /^1 segment of 1 log, 2 batches/)
  const segment = join(logFolder, readdirSync(logFolder).find(name => name.endsWith('.log'))!)
  flip(segment, 80)
  const text = await run(['log', 'verify'], 1)
  assert.match(text, /^DAMAGE {2}logs\/.*\.log, byte 0 \(orders-0\): offsets 0 to 99 can't be read$/m)
  assert.match(text, /: 1 damage found\.$/m)
  const found = jsonLines(await run(['log', 'verify', '--json'], 1))
  assert.deepEqual(
    found.map(({ kind, severity, position, title }) => [kind, severity, position, title]),
    [
      ['finding', 'damage', 0, 'orders-0'],
      ['summary', undefined, undefined, undefined]
    ]
  )
  assert.match(await run(['log', 'verify', segment], 1), /byte 0: offsets 0 to 99 can't be read/)
  assert.match(await run(['log', 'dump', 'orders-0']), /^byte 0 {2}DAMAGED offsets 0 to 99$/m)
  flip(segment, 80)
  const metastore = readdirSync(join(dataDir, 'metastore')).find(name => name.startsWith('log-'))!
  flip(join(dataDir, 'metastore', metastore), 30)
  assert.match(await run(['log', 'verify'], 1), /^DAMAGE {2}metastore: .*is damaged at byte 0/m)
})

function flip(path: string, position: number): void {
  const file = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(file, byte, 0, 1, position)
  byte[0] ^= 1
  writeSync(file, byte, 0, 1, position)
  closeSync(file)
}
