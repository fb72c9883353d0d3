import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '../support/apache-kafka.ts'
import { ended, main, naru, startNaru } from './support.ts'

/** A broker on disk in a process of its own, ready. */
async function startBrokerProcess(port: number, dataDir: string): Promise<ChildProcess> {
  const quickGroups = ['--set', 'group.initial.rebalance.delay.ms=0']
  const args = [
    '--import',
    'tsx',
    main,
    'start',
    '--port',
    String(port),
    '--data-dir',
    dataDir,
    '--json',
    ...quickGroups
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  await Promise.race([
    once(child.stdout!, 'data'),
    once(child, 'exit').then(() => {
      throw new Error('the broker ended before it was ready')
    })
  ])
  return child
}

test('kill -9 of the broker in mid-stream: produced once and in order, consumed without a gap', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'naru-crash-'))
  const port = await freePort()
  const bootstrap = `localhost:${port}`
  let broker = await startBrokerProcess(port, dataDir)
  const crash = async () => {
    broker.kill('SIGKILL')
    await once(broker, 'exit')
    broker = await startBrokerProcess(port, dataDir)
  }
  try {
    assert.equal((await naru(['topic', 'create', 't', '-p', '1'], bootstrap)).code, 0)
    const count = 20_000
    const consumer = startNaru(['consume', 't', '-g', 'g', '-n', String(count)], bootstrap)
    const begun = once(consumer.stdout!, 'data')
    const consumed = ended(consumer, '', 60_000)
    const producer = startNaru(['produce', 't', '--codec', 'lz4', '--json'], bootstrap)
    let answered = 0
    producer.stdout!.on('data', (chunk: Buffer) => {
      answered += chunk.toString('latin1').split('\n').length - 1
    })
    const exited = once(producer, 'exit')
    const feed = async (from: number, to: number) => {
      const lines = Array.from({ length: to - from }, (_, i) => `${from + i}\n`)
      if (!producer.stdin!.write(lines.join(''))) await once(producer.stdin!, 'drain')
    }
    const answeredAtLeast = async (wanted: number) => {
      while (answered < wanted && producer.exitCode === null)
        await Promise.race([once(producer.stdout!, 'data'), exited])
    }
    await feed(0, 5000)
    await answeredAtLeast(5000)
    await begun
    await feed(5000, 10_000)
    await crash()
    await feed(10_000, 15_000)
    await answeredAtLeast(15_000)
    const crashed = crash()
    await feed(15_000, count)
    producer.stdin!.end()
    await crashed
    const [code] = await exited
    assert.equal(code, 0)
    const all = `${Array.from({ length: count }, (_, i) => i).join('\n')}\n`
    const stored = await naru(['consume', 't', '-f', 'beginning', '-e'], bootstrap)
    assert.ok(stored.stdout.toString() === all, 'the log holds something else than what was sent')
    const read = await consumed
    assert.equal(read.code, 0, read.stderr)
    assert.ok(read.stdout.toString() === all, 'the group saw something else than what was sent')
  } finally {
    broker.kill('SIGKILL')
    rmSync(dataDir, { recursive: true, force: true })
  }
})
