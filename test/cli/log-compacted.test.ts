import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startBroker } from '../../src/index.ts'
import { systemClock } from '../../src/run/system.ts'
import { sleep } from '../../src/std/clock.ts'
import { naru } from './support.ts'
import { jsonLines } from './world.ts'

test('a compacted log is dumped with its manifest, and verified with its gaps', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'naru-compacted-'))
  const broker = await startBroker({ dataDir, config: { 'log.cleaner.backoff.ms': 100 } })
  const run = async (args: readonly string[], input = '') => {
    const ran = await naru(args, broker.bootstrap, input)
    assert.equal(ran.code, 0, ran.stderr + ran.stdout)
    return ran.stdout.toString()
  }
  const files = () => readdirSync(join(dataDir, 'logs'), { recursive: true }).map(String)
  const manifest = () => files().find(name => name.endsWith('/compacted'))
  try {
    const configs = ['cleanup.policy=compact', 'segment.bytes=1048576', 'min.cleanable.dirty.ratio=0.01']
    await run(['topic', 'create', 'c', ...configs.flatMap(config => ['-c', config])])
    const lines = Array.from({ length: 3000 }, (_, i) => `k${i % 7}:${'v'.repeat(900)}\n`)
    await run(['produce', 'c', '-K', ':', '--batch-bytes', '20000'], lines.join(''))
    for (let tries = 0; tries < 300 && !manifest(); tries++) await sleep(systemClock, 100)
    await broker.close()
    const verified = await run(['log', 'verify', '--data-dir', dataDir])
    assert.match(verified, /\(stopped cleanly\): nothing is damaged\./)
    const dumped = jsonLines(await run(['log', 'dump', 'c-0', '--data-dir', dataDir, '--json']))
    const { cleanedUpTo: upTo } = dumped.find(({ kind }) => kind === 'manifest')!
    const batches = dumped.filter(({ kind }) => kind === 'batch')
    assert.ok(upTo > 100)
    assert.equal(batches.at(-1)?.lastOffset, 2999)
    // Seven keys are left below it.
    const compacted = batches.filter(({ lastOffset }) => lastOffset < upTo)
    assert.equal(
      compacted.reduce((sum, { records }) => sum + records, 0),
      7
    )
    assert.match(await run(['log', 'dump', join(dataDir, 'logs', manifest()!)]), /^compaction \d+: offsets below \d+/)
  } finally {
    await broker.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
