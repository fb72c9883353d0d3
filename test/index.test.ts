import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import { type LogFields, type Logger, NaruError, startBroker } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'naru-index-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const kafka = (bootstrap: string) => new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING })

async function send(bootstrap: string, topic: string, ...values: string[]): Promise<void> {
  const producer = kafka(bootstrap).producer()
  await producer.connect()
  await producer.send({ topic, messages: values.map(value => ({ value })) })
  await producer.disconnect()
}

async function ends(bootstrap: string, topic: string): Promise<string[]> {
  const admin = kafka(bootstrap).admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  return offsets.map(({ high }) => high)
}

/** Runs a program that imports the library, as a test of somebody's would. */
function run(program: string): ChildProcess {
  const library = new URL('../src/index.ts', import.meta.url).href
  const text = `import { startBroker } from '${library}'\n${program}`
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', text], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit']
  })
}

const ended = (child: ChildProcess) =>
  new Promise<number | string | null>(resolve => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      resolve(code ?? signal)
    })
  })

const line = (child: ChildProcess) =>
  new Promise<string>(resolve => child.stdout!.once('data', (data: Buffer) => resolve(data.toString().trim())))

describe('startBroker', () => {
  it('serves on a free port of this machine, in memory, unless told otherwise', async () => {
    const broker = await startBroker()
    assert.equal(broker.bootstrap, `localhost:${broker.port}`)
    assert.equal(broker.dataDir, undefined)
    assert.equal(broker.nodeId, 1)
    await send(broker.bootstrap, 't', 'a', 'b')
    assert.deepEqual(await ends(broker.bootstrap, 't'), ['2'])
    assert(broker.metrics()['naru_connections_accepted_total'] > 0)
    await broker.close()
    await broker.close()
  })

  it('takes options by their names, and logs where it is told to', async () => {
    const messages: string[] = []
    const note = (_fields: LogFields, message: string) => void messages.push(message)
    const logger: Logger = { debug: note, info: note, warn: note, error: note }
    const broker = await startBroker({ nodeId: 7, host: '127.0.0.1', config: { 'num.partitions': 3 }, logger })
    assert.equal(broker.nodeId, 7)
    assert.equal(broker.bootstrap, `127.0.0.1:${broker.port}`)
    await send(broker.bootstrap, 't', 'a')
    assert.equal((await ends(broker.bootstrap, 't')).length, 3)
    assert(messages.length > 0)
    await broker.close()
    await assert.rejects(
      startBroker({ config: { 'num.partition': 3 } }),
      error => error instanceof NaruError && error.code === 'INVALID_CONFIG'
    )
  })

  it('keeps everything in its folder', async () => {
    const dataDir = join(folder, 'kept')
    for (let round = 1; round <= 2; round++) {
      const broker = await startBroker({ dataDir })
      assert.equal(broker.dataDir, dataDir)
      await send(broker.bootstrap, 't', `round ${round}`)
      assert.deepEqual(await ends(broker.bootstrap, 't'), [String(round)])
      await broker.close()
    }
  })

  it('lets a process end by itself after close, whatever its clients still do', async () => {
    for (const options of ['{}', `{ dataDir: ${JSON.stringify(join(folder, 'ends'))} }`]) {
      const child = run(`
        import { connect } from 'node:net'
        const brokers = [await startBroker(${options}), await startBroker()]
        const client = connect(brokers[0].port, '127.0.0.1')
        await new Promise(resolve => client.once('connect', resolve))
        await Promise.all(brokers.map(broker => broker.close()))
        console.log('closed')
      `)
      const [said, code] = await Promise.all([line(child), ended(child)])
      assert.deepEqual([said, code], ['closed', 0])
    }
  })

  it('lets a process end by itself when it could not start', async () => {
    const broker = await startBroker()
    const dataDir = join(folder, 'failed')
    const child = run(`
      await startBroker({ port: ${broker.port}, dataDir: ${JSON.stringify(dataDir)} }).catch(error => console.log(error.code))
    `)
    const [said, code] = await Promise.all([line(child), ended(child)])
    assert.deepEqual([said, code], ['EADDRINUSE', 0])
    await broker.close()
    await (await startBroker({ dataDir })).close()
  })

  it('takes over the folder of a process that was killed, with everything that was acknowledged', async () => {
    const dataDir = join(folder, 'killed')
    const child = run(`console.log((await startBroker({ dataDir: ${JSON.stringify(dataDir)} })).bootstrap)`)
    const exit = ended(child)
    const bootstrap = await line(child)
    await assert.rejects(startBroker({ dataDir }), /in use by another broker \(process \d+\)/)
    await send(bootstrap, 't', 'a', 'b', 'c')
    child.kill('SIGKILL')
    await exit
    const broker = await startBroker({ dataDir })
    assert.deepEqual(await ends(broker.bootstrap, 't'), ['3'])
    await broker.close()
  })
})
